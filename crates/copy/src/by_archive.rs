//! Copies through the archives of a platform: of containers that do not run too.

use futures_util::StreamExt as _;
use scratchdbg_archive::{Error as FileError, Root};
use scratchdbg_backend::{ArchiveBackend, ContainerName, Error, ErrorKind, PathFacts};
use scratchdbg_session::SessionEnd;
use tokio::io::AsyncWriteExt as _;

use crate::spec::names;
use crate::worker::{self, From, Owner, Worker, is_contents, own_failure};
use crate::{Copy, Direction, Outcome, Place, Streams, TargetPath, failed};

/// How many links are followed.
const MAX_LINKS: usize = 8;

/// Copies through the archives of a platform.
///
/// # Errors
///
/// Fails if the copy fails.
pub async fn by_archive<B: ArchiveBackend>(
    backend: &B,
    container: &ContainerName,
    copy: &Copy,
    streams: Streams,
) -> Result<Outcome, Error> {
    match &copy.direction {
        Direction::Out(path, place) => {
            Box::pin(copy_out(backend, container, copy, path, place, streams)).await
        }
        Direction::In(place, path) => {
            Box::pin(copy_in(backend, container, copy, place, path, streams)).await
        }
    }
}

async fn copy_out<B: ArchiveBackend>(
    backend: &B,
    container: &ContainerName,
    copy: &Copy,
    path: &TargetPath,
    place: &Place,
    streams: Streams,
) -> Result<Outcome, Error> {
    let means_folder = path.is_contents || path.path.ends_with('/');
    let (mut real, facts) = if copy.follow || means_folder {
        resolve(backend, container, &path.path).await?
    } else {
        (path.path.clone(), backend.path_facts(container, &path.path).await?)
    };
    let Some(facts) = facts else { return Err(absent(container, &path.path)) };
    if means_folder && !facts.is_folder {
        return Err(not_a_folder(container, &path.path));
    }
    while real.len() > 1 && real.ends_with('/') {
        real.pop();
    }
    let how = path.unpacking(copy.keeps_owner);
    let to = match place {
        Place::Path(path) => Some(path.clone()),
        Place::Stream => None,
    };
    let mut output = streams.output;
    let (worker, mut socket) = Worker::start(move |socket, report| {
        worker::receive(socket, to.as_deref(), &mut *output, how, report)
    })?;
    let mut archive = backend.read_archive(container, &real).await?;
    let mut broken = None;
    while let Some(piece) = archive.next().await {
        match piece {
            // The worker tells why it reads no more.
            Ok(piece) if socket.write_all(&piece).await.is_err() => break,
            Ok(_) => {}
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    drop(socket);
    let done = worker.finish().await;
    if worker::has_lost_its_reader(&copy.direction, done.as_ref()) {
        return Ok(Outcome { code: SessionEnd::OUTPUT_CLOSED, ..Outcome::default() });
    }
    if let Some(ours) = done.as_ref().and_then(own_failure) {
        return Err(ours);
    }
    match (broken, done) {
        (Some(error), _) => Err(error),
        (None, Some((outcome, report))) => {
            let count = outcome.map_err(|error| failed(&error))?;
            let code = u8::from(report.has_missed());
            Ok(Outcome { code, count: Some(count), warnings: report.lines() })
        }
        (None, None) => Err(too_long()),
    }
}

async fn copy_in<B: ArchiveBackend>(
    backend: &B,
    container: &ContainerName,
    copy: &Copy,
    place: &Place,
    path: &TargetPath,
    streams: Streams,
) -> Result<Outcome, Error> {
    let Looked { at, above } = look_without_links(backend, container, &path.path).await?;
    let (folder, name) = match at {
        Some(PathFacts { is_folder: true, .. }) => (path.path.clone(), None),
        facts => {
            let shown = path.path.trim_end_matches('/');
            let (folder, name) = shown.rsplit_once('/').unwrap_or(("", shown));
            let must_be_folder = path.path.ends_with('/') || *place == Place::Stream;
            if must_be_folder && (facts.is_some() || *place == Place::Stream || is_file(place)) {
                return Err(not_a_folder(container, shown));
            }
            if facts.is_some() && is_folder(place) {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format!("cannot copy a folder to `{shown}` in `{container}`, which is a file"),
                )
                .hint("name a folder, or a path that is not there yet"));
            }
            let folder = if folder.is_empty() { "/" } else { folder };
            match above {
                Some(PathFacts { is_folder: true, .. }) => {
                    (folder.to_owned(), Some(name.to_owned()))
                }
                Some(_) => return Err(not_a_folder(container, folder)),
                None => return Err(absent(container, folder)),
            }
        }
    };
    // No link is on the way, so that `..` means what its text says.
    let plain = format!("/{}", names(&folder).join("/"));
    if let Some(other) = backend.sharer(container, &plain).await? {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("`{folder}` in `{container}` is shared with `{other}`, which runs"),
        )
        .hint(format!(
            "copy into `{other}`, or stop it: here files are written as root, and it could make a link on the way"
        )));
    }
    // As `docker cp`. A file that belonged to the target's user would be the target's, wherever it
    // comes to be.
    let owner = Some(if copy.keeps_owner { Owner::Kept } else { Owner::Root });
    let from = match place {
        Place::Path(path) => {
            let root = match name {
                Some(name) => Root::Named(name.into()),
                None if is_contents(path) => Root::Absent,
                None => Root::Own,
            };
            From::files(path, root, copy.follow, owner)
        }
        Place::Stream => From::Stream(streams.input, owner),
    };
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let produce = move |out: &mut dyn std::io::Write| {
        let mut report = scratchdbg_archive::Report::default();
        let sent = from.send(out, &mut report);
        let outcome = if sent.is_ok() { Ok(()) } else { Err("the source could not be read") };
        let _nobody = sender.send((sent, report));
        outcome
    };
    let written = backend.write_archive(container, &folder, produce).await;
    match (written, receiver.await) {
        // Unless the platform has stopped to listen, which its own error explains.
        (_, Ok((Err(error), _))) if !matches!(error, FileError::Write(_)) => Err(failed(&error)),
        (Err(error), _) => Err(error),
        (Ok(()), Ok((Ok(count), report))) => {
            let code = u8::from(report.has_missed());
            Ok(Outcome { code, count: Some(count), warnings: report.lines() })
        }
        (Ok(()), _) => Err(too_long()),
    }
}

/// Follows links at the end of a path. Returns the path, and what is there.
async fn resolve<B: ArchiveBackend>(
    backend: &B,
    container: &ContainerName,
    path: &str,
) -> Result<(String, Option<PathFacts>), Error> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let facts = backend.path_facts(container, &path).await?;
        let Some(PathFacts { link: Some(target), .. }) = &facts else { return Ok((path, facts)) };
        if target.starts_with('/') {
            path.clone_from(target);
        } else {
            let folder =
                path.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
            path = format!("{folder}/{target}");
        }
    }
    Err(Error::new(
        ErrorKind::Refused,
        format!("`{path}` in `{container}` is a link that leads to too many others"),
    ))
}

/// What is at a path, and at the folder that it is in.
struct Looked {
    at: Option<PathFacts>,
    above: Option<PathFacts>,
}

/// Looks at a path to be written. Fails if a link is on the way: the platform writes as root, and
/// would follow links that the target's own user has made.
async fn look_without_links<B: ArchiveBackend>(
    backend: &B,
    container: &ContainerName,
    path: &str,
) -> Result<Looked, Error> {
    let path = path.trim_end_matches('/');
    let parts = path.match_indices('/').map(|(end, _)| end).skip(1);
    let mut looked = Looked { at: backend.path_facts(container, "/").await?, above: None };
    for end in parts.chain((!path.is_empty()).then_some(path.len())) {
        if looked.at.is_none() {
            return Ok(Looked { at: None, above: None });
        }
        let part = &path[..end];
        let at = backend.path_facts(container, part).await?;
        if let Some(PathFacts { link: Some(target), .. }) = &at {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("`{part}` in `{container}` is a link to `{target}`"),
            )
            .hint("name the path that is meant: here files are written as root, and no link of the target is followed"));
        }
        looked = Looked { at, above: looked.at };
    }
    Ok(looked)
}

fn is_file(place: &Place) -> bool {
    matches!(place, Place::Path(path) if path.is_file())
}

fn is_folder(place: &Place) -> bool {
    matches!(place, Place::Path(path) if path.is_dir())
}

fn absent(container: &ContainerName, path: &str) -> Error {
    let kind = ErrorKind::NotFound { similar: Vec::new() };
    Error::new(kind, format!("there is no `{path}` in `{container}`"))
        .hint("check the path: a folder for the copy has to be there")
}

fn not_a_folder(container: &ContainerName, path: &str) -> Error {
    Error::new(ErrorKind::Refused, format!("there is no folder `{path}` in `{container}`"))
        .hint("name a folder that is there, or leave out the slash at the end")
}

fn too_long() -> Error {
    Error::new(ErrorKind::Local, "the files on this machine take too long")
}
