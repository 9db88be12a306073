//! An image's configuration with its account files, and all rules for images.

use scratchdbg_diagnose::config::ConfigFacts;
use scratchdbg_diagnose::rootfs::{Entry, Rootfs};
use scratchdbg_diagnose::rules::image::{self, ImageFacts};

/// `data` is the configuration, a passwd file and a group file, between lines `---`.
pub fn run(data: &[u8]) {
    let [config, passwd, group] = super::parts(data);
    let _image = serde_json::from_slice::<scratchdbg_image::ImageConfig>(config);
    let Ok(config) = ConfigFacts::from_image_json(config) else { return };
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/etc/passwd", Entry::content(0o644, passwd));
    rootfs.insert("/etc/group", Entry::content(0o644, group));
    rootfs.insert("/app", Entry::file(0o755, 1));
    rootfs.insert("/loop", Entry::symlink("/loop/x"));
    let findings = image::check(ImageFacts::new(&config, &rootfs));
    assert!(findings.is_sorted_by(|a, b| a.severity >= b.severity), "{findings:?}");
    // Requests end, whatever the responses are.
    let on_demand = Rootfs::on_demand();
    for round in 0.. {
        image::check(ImageFacts::new(&config, &on_demand));
        if on_demand.take_wanted().is_empty() {
            break;
        }
        assert!(round < 100, "it asks for ever");
    }
}
