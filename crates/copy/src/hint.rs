//! What a user can do about a copy that failed.

use scratchdbg_backend::Error;

/// Adds a hint to an error of files, whichever side it comes from. `may_be_root` says that a
/// session could have more rights.
pub(crate) fn hinted(error: Error, may_be_root: bool) -> Error {
    const HINTS: &[(&str, &str)] = &[
        ("no such file or directory", "check the path: a folder for the copy has to be there"),
        (
            "no space left on device",
            "what was copied until then is whole: make room, and repeat it",
        ),
        ("the stream ended early", "what was copied until then is whole: repeat the copy"),
        ("is a file", "name a folder, or a path that is not there yet"),
        ("is not a folder", "name a folder that is there"),
        ("does not exist", "make the folder, or leave out the slash at the end"),
        ("which is none", "name another place: links in it are not followed, and files stay files"),
        ("neither a file nor a folder", "name a file or a folder; `-` stands for a tar stream"),
        ("became shorter", "it is written to: repeat the copy"),
        ("device or resource busy", "it is a mount of its own, which cannot be replaced"),
        (
            "is not in the stream",
            "make the stream of the folder: `tar -c FOLDER`, not of files in it",
        ),
        (
            "are followed",
            "name the path that is meant; without --root or -u, the target's own links are followed",
        ),
        ("refused:", "what it sends is not what was asked for: do not trust it"),
        ("not a tar archive", "a stream is what `tar` writes, without compression"),
        ("read-only file system", "name a path in a mount that can be written, such as /dev/shm"),
    ];
    if may_be_root && error.message.ends_with("permission denied") {
        return error.hint("--root copies as root of the target");
    }
    let hint = HINTS.iter().find(|(words, _)| error.message.contains(words));
    match hint {
        Some((_, hint)) => error.hint(*hint),
        None => error,
    }
}
