//! The arguments that BuildKit predefines (Dockerfile reference, "Automatic platform ARGs in the global scope").

use scratchdbg_image::Platform;
use std::collections::BTreeMap;

/// What is given from outside.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Values for `ARG`s, by `--build-arg`.
    pub values: BTreeMap<String, String>,
    /// The platform that the image is for, if it was asked for. Else it is this machine's.
    pub target: Option<Platform>,
}

impl Arguments {
    /// The platform that stages are made for.
    pub(super) fn target(&self) -> Platform {
        self.target.as_ref().map_or_else(host, normal)
    }

    /// The predefined arguments in the global scope; values that are given take their place.
    pub(super) fn predefined(&self, target_stage: &str) -> BTreeMap<String, String> {
        let mut predefined = BTreeMap::new();
        for (prefix, platform) in [("BUILD", host()), ("TARGET", self.target())] {
            let mut set = |name: &str, value: String| predefined.insert(format!("{prefix}{name}"), value);
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

/// Linux on the processor of this machine.
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

/// The form that BuildKit gives a platform: `linux/arm64` for `linux/arm64/v8`, which is the same.
fn normal(platform: &Platform) -> Platform {
    let variant = platform.variant.clone().filter(|variant| {
        !matches!((platform.architecture.as_str(), variant.as_str()), ("arm64", "v8") | ("amd64", "v1"))
    });
    Platform { variant, ..platform.clone() }
}
