//! Platforms as OCI names them: operating system, architecture, variant.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The platform that a program runs on, with the names of the OCI image configuration (`os`,
/// `architecture`, `variant`: the values of Go's `GOOS` and `GOARCH`, and for ARM the instruction
/// set version).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Platform {
    /// `linux`, `freebsd`, …
    pub os: String,
    /// `amd64`, `arm64`, `arm`, `386`, `riscv64`, `ppc64le`, `s390x`, …
    pub architecture: String,
    /// `v5` to `v8` for `arm`; `None` for other architectures, including `arm64`, whose `v8` is
    /// omitted as in Docker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Returns a Linux platform without a variant.
    pub fn linux(architecture: &str) -> Self {
        Self::new("linux", architecture, None)
    }

    /// Returns a platform with OCI's spelling: `x86_64` becomes `amd64`, `aarch64` becomes `arm64`,
    /// and the `v8` of `arm64` is dropped, as in containerd's `platforms.Normalize`.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let os = os.to_ascii_lowercase();
        let os = if os == "macos" { "darwin".to_owned() } else { os };
        let (architecture, variant) =
            match (architecture.to_ascii_lowercase().as_str(), variant.unwrap_or_default()) {
                ("x86_64" | "x86-64" | "amd64", "v1" | "") => ("amd64".to_owned(), String::new()),
                ("x86_64" | "x86-64", variant) => ("amd64".to_owned(), variant.to_owned()),
                ("i386" | "i686" | "386", _) => ("386".to_owned(), String::new()),
                ("aarch64" | "arm64", "v8" | "8" | "") => ("arm64".to_owned(), String::new()),
                ("aarch64", variant) => ("arm64".to_owned(), variant.to_owned()),
                ("armhf", _) => ("arm".to_owned(), "v7".to_owned()),
                ("armel", _) => ("arm".to_owned(), "v6".to_owned()),
                (architecture, variant) => (architecture.to_owned(), variant.to_owned()),
            };
        Self { os, architecture, variant: (!variant.is_empty()).then_some(variant) }
    }

    /// Reports whether a kernel of `self` runs programs of `program`: the same system and
    /// architecture, and an ARM variant that is not newer, if both are known.
    pub fn runs(&self, program: &Self) -> bool {
        if self.os != program.os || self.architecture != program.architecture {
            return false;
        }
        if self.architecture != "arm" {
            return true;
        }
        match (&self.variant, &program.variant) {
            (Some(ours), Some(needed)) => needed <= ours,
            _ => true,
        }
    }

    /// Reports whether a kernel of `self` usually runs programs of `program` in a compatibility
    /// mode: `386` on `amd64` and `arm` on `arm64`. Kernels can be built without it, and some ARM
    /// servers have no 32-bit mode.
    pub fn may_run(&self, program: &Self) -> bool {
        self.os == program.os
            && matches!(
                (self.architecture.as_str(), program.architecture.as_str()),
                ("amd64", "386") | ("arm64", "arm")
            )
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// The text does not have the form `os/architecture[/variant]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a platform: write it as os/architecture[/variant], such as linux/amd64 or linux/arm/v7"
)]
pub struct PlatformError(String);

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let well_formed = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        if !parts.iter().all(well_formed) {
            return Err(PlatformError(text.to_owned()));
        }
        match parts.as_slice() {
            [os, architecture] => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::new(os, architecture, Some(variant))),
            _ => Err(PlatformError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_normalized() {
        for (written, shown) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("Linux/AARCH64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm64/v9", "linux/arm64/v9"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/v7"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("macos/arm64", "darwin/arm64"),
        ] {
            assert_eq!(written.parse::<Platform>().unwrap().to_string(), shown, "{written}");
        }
        for bad in ["", "linux", "linux/", "/amd64", "linux/amd64/v1/x", "linux/am d64"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_runs_where() {
        let platform = |text: &str| text.parse::<Platform>().unwrap();
        for (kernel, program, runs, may_run) in [
            ("linux/amd64", "linux/amd64", true, false),
            ("linux/amd64", "linux/arm64", false, false),
            ("linux/amd64", "linux/386", false, true),
            ("linux/386", "linux/amd64", false, false),
            ("linux/arm64", "linux/arm/v7", false, true),
            ("linux/arm/v6", "linux/arm/v7", false, false),
            ("linux/arm/v7", "linux/arm/v6", true, false),
            ("linux/arm", "linux/arm/v7", true, false),
            ("linux/amd64", "freebsd/amd64", false, false),
            ("linux/amd64", "linux/amd64/v3", true, false),
        ] {
            assert_eq!(platform(kernel).runs(&platform(program)), runs, "{program} on {kernel}");
            assert_eq!(
                platform(kernel).may_run(&platform(program)),
                may_run,
                "{program} on {kernel}"
            );
        }
    }
}
