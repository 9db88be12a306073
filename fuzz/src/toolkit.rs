//! A busybox that a user names.

use scratchdbg_builder::Toolkit;

/// `data` is the program.
pub fn run(data: &[u8]) {
    let Ok(toolkit) = Toolkit::from_bytes(data, "fuzz") else { return };
    assert!(toolkit.applets().iter().any(|applet| applet == "sh"));
    assert!(
        toolkit.applets().iter().all(|applet| !applet.contains('/') && applet != ".."),
        "{:?}",
        toolkit.applets()
    );
    let _image = toolkit.image(&[]);
}
