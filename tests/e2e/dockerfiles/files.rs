//! Modes and capabilities of files, from the build to the image.

use std::fs;

use super::context;
use crate::stage::Stage;

#[test]
fn a_private_file_that_everybody_can_read_in_the_image_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::set();
    context(&stage, &["app"], &[("key", "k"), ("open", "o")]);
    let home = stage.scratchdbg.home();
    fs::set_permissions(home.join("context/key"), fs::Permissions::from_mode(0o600))
        .expect("a mode");
    fs::set_permissions(home.join("context/open"), fs::Permissions::from_mode(0o664))
        .expect("a mode");
    let said = |arguments: &[&str]| {
        let built = stage.run(
            &[&["build", "--no-debug", "-o", "archive:out.tar", "--deny", "none"], arguments]
                .concat(),
        );
        built.expect_code(0);
        built.stderr
    };
    for (lines, way) in [
        ("COPY key open /etc/", Some("COPY --chmod=0600")),
        ("COPY --chmod=0600 key /etc/", None),
        ("COPY --chmod=0644 key /etc/", None),
        ("COPY open /etc/", None),
    ] {
        let text = format!("FROM scratch\nCOPY app /app\n{lines}\nUSER 1\nENTRYPOINT [\"/app\"]\n");
        fs::write(home.join("context/Dockerfile"), text).expect("a file");
        let stderr = said(&["-f", "context/Dockerfile"]);
        assert_eq!(
            way.is_some_and(|way| stderr.contains(way)),
            stderr.contains("0600"),
            "{lines}: {stderr}"
        );
        assert_eq!(way.is_some(), stderr.contains("everybody can read it"), "{lines}: {stderr}");
    }
    for (addition, is_told) in [
        ("context/key:/etc/key", true),
        ("context:/srv", true),
        ("context/key:/etc/key:0600", false),
        ("context/key:/etc/key:0644", false),
        ("context/open:/etc/open", false),
    ] {
        let stderr = said(&["context/app", "--add", addition]);
        assert_eq!(stderr.contains("mode 0600"), is_told, "{addition}: {stderr}");
        assert_eq!(stderr.contains("key:0600 keeps it private"), is_told, "{addition}: {stderr}");
    }
}

/// `cap_net_bind_service=ep`, as `setcap` writes it: version 2, effective, one bit.
const CAPABILITIES: [u8; 20] = {
    let mut value = [0; 20];
    (value[0], value[3], value[5]) = (1, 2, 4);
    value
};

#[test]
fn file_capabilities_survive_the_build() {
    let stage = Stage::set();
    context(&stage, &["app"], &[]);
    let home = stage.scratchdbg.home();
    for path in [home.join("context/app"), home.join("app")] {
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(&path, "security.capability", &CAPABILITIES, flags)
            .expect("this test needs root");
    }
    let text = "FROM scratch AS a\nCOPY --chown=1:1 app /app\nFROM scratch\nCOPY --from=a /app /app\nUSER 65532\nENTRYPOINT [\"/app\"]\n";
    fs::write(home.join("context/Dockerfile"), text).expect("a file");
    let tag = stage.engine.name("caps");
    let ways: [(&[&str], &str); 3] = [
        (&["-f", "context/Dockerfile"], "app"),
        (&["app"], "app"),
        (&["app", "--add", "app:/opt/other"], "opt/other"),
    ];
    for (index, (way, path)) in ways.into_iter().enumerate() {
        stage.run(&[&["build", "--no-debug", "-t", &tag], way].concat()).expect_code(0);
        // The engine unpacks the file with them, as its own archive shows.
        let container = stage.engine.name(&format!("caps-{index}"));
        stage.engine.ask(["create", "--name", &container, &tag]);
        let exported = home.join("exported.tar");
        stage.engine.ask(["export", "-o", exported.to_str().expect("a plain path"), &container]);
        let mut archive = tar::Archive::new(fs::File::open(&exported).expect("an archive"));
        let found = archive.entries().expect("entries").any(|entry| {
            let mut entry = entry.expect("an entry");
            let is_app = entry.path().is_ok_and(|other| other.as_os_str() == path);
            let records = entry.pax_extensions().expect("records");
            is_app
                && records.is_some_and(|mut records| {
                    records.any(|record| {
                        record.is_ok_and(|record| {
                            record.key_bytes() == b"SCHILY.xattr.security.capability"
                                && record.value_bytes() == CAPABILITIES
                        })
                    })
                })
        });
        assert!(found, "{way:?}");
    }
    // A capability that the container may not have is found before it is shipped.
    let mut more = CAPABILITIES;
    more[6] = 0x20;
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(home.join("app"), "security.capability", &more, flags)
        .expect("this test needs root");
    stage
        .run(&["build", "--no-debug", "-o", "archive:out.tar", "app"])
        .expect_clear_failure(1, &["exec-not-permitted"]);
}
