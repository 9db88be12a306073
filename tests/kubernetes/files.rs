//! `cp`: files of pods without a shell, and back.

use std::fs;

use scratchdbg_testkit::cluster::Security;

use crate::attach::{PROCESSES, set, web};

#[test]
fn files_of_a_pod_come_out_and_go_in() {
    let (stage, toolkit) = set(Security::Restricted);
    let pod = web(&stage);
    let home = stage.scratchdbg.home().display().to_string();
    let copy = |from: &str, to: &str| stage.ask(&["cp", "--toolkit", &toolkit, from, to]);
    copy("pod/web:/app", &format!("{home}/app")).expect(0, "");
    let app = fs::read(format!("{home}/app")).expect("a file");
    assert!(app.starts_with(b"\x7fELF"));
    // Four megabytes in and out again, over a connection that does not pass on the end of an input.
    fs::create_dir_all(format!("{home}/tree/inner")).expect("a folder");
    let large: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(format!("{home}/tree/inner/large"), &large).expect("a file");
    copy(&format!("{home}/tree"), "pod/web:/dev/shm").expect(0, "");
    copy("pod/web:/dev/shm/tree/.", &format!("{home}/back")).expect(0, "");
    assert!(fs::read(format!("{home}/back/inner/large")).expect("a file") == large);
    let denied = copy(&format!("{home}/tree/inner/large"), "pod/web:/large");
    denied.expect(1, "");
    assert!(denied.stderr.contains("read-only file system"), "{denied}");
    let absent = copy("pod/web:/none", &home);
    absent.expect_clear_failure(1, &["cannot read /none"]);
    pod.wait_for_processes(PROCESSES);
}
