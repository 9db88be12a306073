//! Tar streams that a container sends for a copy.

use std::fs;

use scratchdbg_archive::{Place, Reader, Unpacking, pass_on, unpack};

/// `data` is the stream.
pub fn run(data: &[u8]) {
    let mut reader = Reader::new(data);
    while let Ok(Some(_)) = reader.next_entry() {}
    let mut passed = Vec::new();
    if pass_on(data, &mut passed, &mut |_| Ok(())).is_ok() {
        // What was passed on once is passed on as it is.
        let mut again = Vec::new();
        pass_on(&passed[..], &mut again, &mut |_| Ok(())).unwrap();
        assert!(passed == again);
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kept"), "kept").unwrap();
    for is_any in [false, true] {
        let place = folder.path().join("place");
        fs::create_dir(&place).unwrap();
        let how = Unpacking { is_any, ..Unpacking::default() };
        let _any = unpack(data, Place::find(&place).unwrap(), how, &mut |_| {});
        assert_eq!(fs::read(folder.path().join("kept")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        let _gone = fs::remove_dir_all(&place);
        if place.exists() {
            return;
        }
    }
}
