//! Dockerfiles.

use std::collections::BTreeMap;

use scratchdbg_builder::dockerfile::{self, Arguments};

/// `data` is the Dockerfile. Its context contains a file, a directory and a link that leads out.
pub fn run(data: &[u8]) {
    let folder = super::folder();
    let context = folder.path();
    std::fs::create_dir(context.join("d")).unwrap();
    std::fs::write(context.join("d/f"), "f").unwrap();
    std::fs::write(context.join("a"), "a").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", context.join("l")).unwrap();
    let text = String::from_utf8_lossy(data);
    let values = BTreeMap::from([("A".to_owned(), "b".to_owned())]);
    let arguments = Arguments { values, target: None };
    let _looked = dockerfile::inspect(&text, context, &arguments);
    match dockerfile::read(&text, context, &arguments) {
        Ok(recipe) => {
            for (path, _) in recipe.spec.files.iter() {
                assert!(path.split('/').all(|part| part != ".."), "{path}");
            }
        }
        Err(error) => assert!(error.line > 0 && !error.reason.is_empty(), "{error:?}"),
    }
}
