//! The arguments that BuildKit predefines (Dockerfile reference, "Automatic platform ARGs in the
//! global scope").

use std::collections::BTreeMap;

use scratchdbg_image::Platform;

/// The inputs of a build.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Values for `ARG`s, from `--build-arg`.
    pub values: BTreeMap<String, String>,
    /// The requested platform of the image. By default, that of this machine.
    pub target: Option<Platform>,
}

impl Arguments {
    /// Returns the platform that stages are built for.
    pub(super) fn target(&self) -> Platform {
        self.target.as_ref().map_or_else(host, normal)
    }

    /// Returns the predefined arguments in the global scope. Explicit values override them.
    pub(super) fn predefined(&self, target_stage: &str) -> BTreeMap<String, String> {
        let mut predefined = BTreeMap::new();
        for (prefix, platform) in [("BUILD", host()), ("TARGET", self.target())] {
            let mut set =
                |name: &str, value: String| predefined.insert(format!("{prefix}{name}"), value);
            set("PLATFORM", platform.to_string());
            set("OS", platform.os);
            set("OSVERSION", String::new());
            set("ARCH", platform.architecture);
            set("VARIANT", platform.variant.unwrap_or_default());
        }
        predefined.insert("TARGETSTAGE".into(), target_stage.to_owned());
        for (name, value) in &mut predefined {
            if let Some(given) = self.values.get(name) {
                value.clone_from(given);
            }
        }
        predefined
    }
}

/// Returns Linux on this machine's processor.
fn host() -> Platform {
    let (architecture, variant) = match std::env::consts::ARCH {
        "x86_64" => ("amd64", None),
        "x86" => ("386", None),
        "aarch64" => ("arm64", None),
        "arm" => ("arm", Some("v7".to_owned())),
        "powerpc64" => ("ppc64le", None),
        "loongarch64" => ("loong64", None),
        other => (other, None),
    };
    Platform { variant, ..Platform::linux(architecture) }
}

/// Normalizes a platform like BuildKit: `linux/arm64/v8` becomes the equivalent `linux/arm64`.
fn normal(platform: &Platform) -> Platform {
    let variant = platform.variant.clone().filter(|variant| {
        !matches!(
            (platform.architecture.as_str(), variant.as_str()),
            ("arm64", "v8") | ("amd64", "v1")
        )
    });
    Platform { variant, ..platform.clone() }
}

/// Systems that are valid as a complete platform (containerd's `platforms.Parse`).
const SYSTEMS: [&str; 16] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
];
/// Architectures that are valid as a complete platform.
const ARCHITECTURES: [&str; 30] = [
    "386",
    "i386",
    "amd64",
    "x86_64",
    "x86-64",
    "arm",
    "armhf",
    "armel",
    "armbe",
    "arm64",
    "aarch64",
    "arm64be",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
    "amd64p32",
];

/// Returns the problem of a value of `FROM --platform`: its form, or a system other than Linux.
pub(super) fn check_written(text: &str) -> Result<(), String> {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    let is_word = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let is_known = match parts[..] {
        [only] => SYSTEMS.contains(&only) || ARCHITECTURES.contains(&only),
        [_, _] | [_, _, _] => parts.iter().all(is_word),
        _ => false,
    };
    if !is_known {
        return Err(format!("--platform={text}: expected OS/ARCHITECTURE, as in linux/amd64"));
    }
    let system = parts[0];
    if system != "linux" && !(parts.len() == 1 && ARCHITECTURES.contains(&system)) {
        return Err(format!(
            "--platform={text}: the operating system `{system}` is not supported, only linux is"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_as_engines_take_them() {
        for (text, expected) in [
            ("linux", true),
            ("amd64", true),
            ("linux/amd64", true),
            ("linux/x86_64", true),
            ("linux/arm/v7", true),
            ("Linux/ARM64", true),
            ("linux/unheard-of", true),
            ("foo/bar", false),
            ("windows/amd64", false),
            ("darwin", false),
            ("foo", false),
            ("", false),
            ("linux/", false),
            ("a/b/c/d", false),
        ] {
            assert_eq!(check_written(text).is_ok(), expected, "{text}");
        }
    }
}
