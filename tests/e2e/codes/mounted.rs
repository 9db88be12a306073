//! Mounts over the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Proof, ended};
use crate::fault::{self, executable};
use crate::stage::Stage;

/// A file system in memory, mounted on this machine until it is dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// Needs root.
    #[track_caller]
    fn with(options: &str, place: &Path) -> Self {
        fs::create_dir_all(place).expect("a folder");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(place).status();
        assert!(mounted.expect("mount").success(), "this test needs root");
        Self(place.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").args(["--lazy"]).arg(&self.0).status();
    }
}

/// A program in a directory that a mount hides, or not.
fn hidden(stage: &Stage, stem: &str, flags: &[&str]) -> Value {
    let entrypoint = r#"ENTRYPOINT ["/opt/server", "exit", "1"]"#;
    let image = fault::image(stage, &[executable("opt/server", fault::app(stage))], &[entrypoint]);
    ended(stage, stem, flags, &image, &[])
}

/// A program on a file system of this machine with these mount options.
fn on_mount(stage: &Stage, stem: &str, options: &str) -> Value {
    let place = stage.scratchdbg.home().join(stem);
    let _mounted = Mounted::with(options, &place);
    let program = place.join("server");
    fs::copy(scratchdbg_testkit::sample::write_app(stage.scratchdbg.home()), &program)
        .expect("a program");
    let mount = format!("{}:/opt", place.display());
    hidden(stage, stem, &["--volume", &mount])
}

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "hidden-by-mount",
        fault: |stage| hidden(stage, "hidden", &["--tmpfs", "/opt"]),
        near_miss: |stage| hidden(stage, "not-hidden", &["--tmpfs", "/opt/data"]),
    },
    Proof {
        code: "mount-noexec",
        fault: |stage| on_mount(stage, "noexec", "noexec,size=64m"),
        near_miss: |stage| on_mount(stage, "exec", "exec,size=64m"),
    },
];

one_test_each! {
    hidden_by_mount mount_noexec
}
