//! A snapshot of every error of this crate as a user sees it. Review changes of the snapshot as
//! prose.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use scratchdbg_backend::{self as backend, Mode, NumericUser, Phase};

use crate::endpoint::{ContextError, Endpoint, EndpointError, EndpointRequest, Origin};
use crate::error::{ApiError, Error, Silent, Slow, Unreachable};
use crate::plan::Refusal;
use crate::user::UserError;

fn endpoint(host: &str) -> Box<Endpoint> {
    let request = EndpointRequest { host: Some(host.to_owned()), ..EndpointRequest::default() };
    Box::new(Endpoint::resolve(&request).expect("it is an address"))
}

fn read_error() -> io::Error {
    io::Error::from(io::ErrorKind::PermissionDenied)
}

fn of_endpoints() -> Vec<Error> {
    let context =
        |source| EndpointError::Context { source, origin: Origin::ContextFlag("shop".to_owned()) };
    let unreadable = serde_json::from_str::<u8>("{").expect_err("it is none");
    let (address, origin) = ("ssh://host".to_owned(), Origin::HostFlag);
    let scheme = |scheme: &str| EndpointError::UnsupportedScheme {
        address: address.clone(),
        scheme: scheme.to_owned(),
        origin: origin.clone(),
    };
    let reason = "it names no host".to_owned();
    let path = PathBuf::from("/home/a/.docker/config.json");
    [
        EndpointError::HostAndContext,
        EndpointError::InvalidAddress {
            address: "tcp://".to_owned(),
            origin: origin.clone(),
            reason,
        },
        scheme("ssh"),
        scheme("npipe"),
        context(ContextError::NotFound { name: "shop".to_owned() }),
        context(ContextError::NoDockerEndpoint { name: "shop".to_owned() }),
        context(ContextError::Read { path: path.clone(), source: read_error() }),
        context(ContextError::Parse { path, source: unreadable }),
    ]
    .map(Error::from)
    .into()
}

fn of_connections() -> Vec<Error> {
    let (unix, tcp) = (endpoint("unix:///run/engine.sock"), endpoint("tcp://192.0.2.1:2375"));
    let waited = Duration::from_mins(2);
    vec![
        Unreachable { endpoint: unix.clone(), source: read_error().into() }.into(),
        Unreachable {
            endpoint: tcp.clone(),
            source: io::Error::from(io::ErrorKind::ConnectionRefused).into(),
        }
        .into(),
        Silent { endpoint: unix.clone(), waited, what: "start a container" }.into(),
        Slow { endpoint: unix.clone(), waited, what: "look at a container", came: 12 }.into(),
        Error::Unending { container: "0123abc".to_owned() },
        Error::UnknownNeighbor { neighbor: "other".to_owned(), target: "web".to_owned() },
        Error::ImageInUse { image: "scratchdbg/demo:0123456789abcdef".to_owned() },
        Error::Canceled { what: "start a container" },
        Error::ConnectionEnded,
        Error::EngineTooOld { endpoint: tcp, version: "1.24".parse().expect("a version") },
        Error::tls("no certificate"),
        Error::tls_file(&PathBuf::from("/certs/ca.pem"), read_error()),
        Error::transport("GET /info", "the answer makes no sense"),
    ]
}

fn of_answers() -> Vec<Error> {
    let name = || "web".to_owned();
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let refused = |message: &str| Error::ExecRefused { message: message.to_owned(), code: 126 };
    vec![
        "a/b".parse::<backend::ContainerName>().expect_err("it is no name").into(),
        Error::NoSuchContainer { name: name(), similar: Vec::new() },
        Error::NoSuchContainer { name: name(), similar: names(&["web-1", "web-2"]) },
        refused(
            "OCI runtime exec failed: chdir to cwd (\"/work\") set in config.json failed: no such file",
        ),
        refused(
            "OCI runtime exec failed: exec failed: open /dev/ptmx: inappropriate ioctl for device",
        ),
        Error::NoSuchImage { name: "shop/app:1".to_owned() },
        Error::Ambiguous { name: "0".to_owned(), matches: names(&["web", "db"]) },
        Error::SeveralOfService {
            service: name(),
            projects: 1,
            containers: names(&["shop-web-1", "shop-web-2"]),
        },
        Error::SeveralOfService {
            service: name(),
            projects: 2,
            containers: names(&["a-web-1", "b-web-1"]),
        },
        ApiError { status: 500, message: "no space left on device".to_owned() }.into(),
        ApiError { status: 403, message: "denied by a plugin".to_owned() }.into(),
        refused("OCI runtime exec failed: permission denied"),
        refused("exec /x: resource temporarily unavailable"),
        Error::MountSourceGone { path: "/srv/data".to_owned() },
        Error::Load { message: "no space left on device".to_owned() },
        Error::Produce("the file is gone".into()),
        UserError::UnknownUser("app".to_owned()).into(),
        UserError::UnknownGroup("staff".to_owned()).into(),
        UserError::ChangedGroups { group: "staff".to_owned() }.into(),
        UserError::Changed { user: "app".to_owned(), path: "/etc/passwd" }.into(),
        UserError::NoImage { user: "app".to_owned() }.into(),
    ]
}

fn of_refusals() -> Vec<Error> {
    let name = || "web".to_owned();
    [
        Refusal::NotRunning { name: name(), state: Phase::Exited, mode: Mode::Exec },
        Refusal::Paused { name: name() },
        Refusal::PausedInPodman { name: name() },
        Refusal::Removing { name: name() },
        Refusal::MayNotLinger { name: name(), user: NumericUser::ROOT },
        Refusal::ChoosesGroups { name: name() },
        Refusal::TakesPlace {
            name: name(),
            means: "root there may have CHOWN, and not SETGID".to_owned(),
        },
        Refusal::NeedsSidecar { what: "--cap-add", mode: Mode::Exec },
        Refusal::InPod { name: name() },
        Refusal::UserNamespace { name: name(), namespace: "ns:/run/ns".to_owned() },
    ]
    .map(Error::from)
    .into()
}

#[test]
fn errors_read_well() {
    let all = [of_endpoints(), of_connections(), of_answers(), of_refusals()];
    let shown: Vec<String> = all
        .into_iter()
        .flatten()
        .map(|error| {
            let error = backend::Error::from(error);
            let hints = error.hints.iter().map(|hint| format!("hint: {hint}"));
            std::iter::once(format!("error: {}", error.message))
                .chain(hints)
                .collect::<Vec<_>>()
                .join("\n")
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}
