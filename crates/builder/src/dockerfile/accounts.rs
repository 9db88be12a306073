//! Resolves names of users and groups to numbers, with the files of a stage.

use std::io::Read as _;

use scratchdbg_image::{Entry, FileData, Node, Tree};

use crate::links::real_path;

/// The most bytes of an account file that are read.
const LARGEST: u64 = 1024 * 1024;

/// Resolves `USER[:GROUP]` to numbers. Names are looked up in the files. A user without a group
/// gets its own group, or the group with its own number.
pub(super) fn resolve(files: &Tree, text: &str) -> Result<(u64, u64), String> {
    let (user, group) =
        text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let (uid, own) = match number(user) {
        Some(uid) => (uid, uid),
        None => {
            let fields = account(files, "etc/passwd", user)?;
            let field = |index: usize| fields.get(index).and_then(|text| number(text));
            field(2)
                .zip(field(3))
                .ok_or_else(|| format!("the entry of `{user}` in /etc/passwd has no numbers"))?
        }
    };
    let group = match group {
        None | Some("") => own,
        Some(group) => match number(group) {
            Some(gid) => gid,
            None => {
                let fields = account(files, "etc/group", group)?;
                let found = fields.get(2).and_then(|text| number(text));
                found
                    .ok_or_else(|| format!("the entry of `{group}` in /etc/group has no number"))?
            }
        },
    };
    Ok((uid, group))
}

fn number(text: &str) -> Option<u64> {
    text.parse::<u32>().ok().map(u64::from)
}

/// Returns the fields of the line that begins with `name`.
fn account(files: &Tree, path: &str, name: &str) -> Result<Vec<String>, String> {
    let real = real_path(files, path)?;
    let text = match files.get(&real) {
        Some(Entry { node: Node::File(FileData::Bytes(bytes)), .. }) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        Some(Entry { node: Node::File(FileData::Host(host)), .. }) => {
            let mut bytes = Vec::new();
            let outcome = host.open().and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
            outcome.map_err(|error| format!("cannot read {}: {error}", host.path().display()))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => {
            return Err(format!(
                "expected numbers, as in 65532:65532, and not `{name}`: an image from scratch knows no names before it has /{path}"
            ));
        }
    };
    let line = text.lines().find(|line| line.split(':').next() == Some(name));
    let line = line.ok_or_else(|| {
        format!("`{name}` is not in /{path} of the image: add it there, or write its number")
    })?;
    Ok(line.split(':').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::with_root();
        for (path, content) in list {
            tree.insert(path, Entry::file(FileData::Bytes(content.as_bytes().into()), 0o644))
                .unwrap();
        }
        tree
    }

    #[test]
    fn names_become_numbers() {
        let tree = files(&[
            ("etc/passwd", "root:x:0:0::/:/\nweb:x:1000:50::/:/\nbad:x:y\n"),
            ("etc/group", "staff:x:50:\nweb:x:1001:\n"),
        ]);
        for (text, expected) in [
            ("0", (0, 0)),
            ("5", (5, 5)),
            ("5:6", (5, 6)),
            ("web", (1000, 50)),
            ("web:web", (1000, 1001)),
            ("7:staff", (7, 50)),
            ("web:8", (1000, 8)),
        ] {
            assert_eq!(resolve(&tree, text).unwrap(), expected, "{text}");
        }
        for (text, part) in [
            ("nobody", "not in /etc/passwd"),
            ("web:x", "not in /etc/group"),
            ("bad", "no numbers"),
        ] {
            assert!(resolve(&tree, text).unwrap_err().contains(part), "{text}");
        }
        assert!(resolve(&Tree::with_root(), "web").unwrap_err().contains("knows no names"));
    }
}
