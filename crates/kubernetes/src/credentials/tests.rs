//! Credentials of files and programs, end to end but for the API server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex as StdMutex;

use hyper::header::AUTHORIZATION;
use hyper::{Request, Response, StatusCode};
use kube::client::Body;
use kube::config::{Cluster, ExecConfig, ExecInteractiveMode};
use tempfile::TempDir;
use tower::{Layer as _, ServiceExt as _};

use super::*;

/// Returns a program that runs a script, with a secret in its arguments and variables.
fn program(folder: &TempDir, script: &str, change: impl FnOnce(&mut ExecConfig)) -> Source {
    let path = folder.path().join("give");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let variable = |name: &str, value: &str| {
        [("name", name), ("value", value)]
            .map(|(key, text)| (key.to_owned(), text.to_owned()))
            .into()
    };
    let mut exec = ExecConfig {
        command: Some(path.to_str().unwrap().to_owned()),
        args: Some(vec!["--client-secret=SECRET".to_owned()]),
        env: Some(vec![
            variable("FOLDER", folder.path().to_str().unwrap()),
            variable("PASSWORD", "SECRET"),
        ]),
        api_version: Some("client.authentication.k8s.io/v1".to_owned()),
        ..ExecConfig::default()
    };
    change(&mut exec);
    let cluster = Cluster {
        server: Some("https://k.example".to_owned()),
        certificate_authority_data: Some("Q0E=".to_owned()),
        ..Cluster::default()
    };
    Source::Program(Box::new(Program::read(exec, &cluster).unwrap()))
}

async fn get(source: Source) -> Result<Credentials, CredentialError> {
    Credentials::get(Login { source, identity: None }, Dialog::None).await
}

async fn header(credentials: &Credentials) -> String {
    let header = credentials.header().await.unwrap().expect("a header");
    assert!(header.is_sensitive());
    header.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_program_that_fails_is_named_without_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    for (script, part) in [
        ("echo SECRET; echo SECRET >&2; exit 3", "ended with exit code 3"),
        ("echo SECRET; kill -9 $$", "was ended by signal 9"),
        ("echo 'Warning: SECRET'; echo '{\"status\":{\"token\":\"SECRET\"}}'", "something else"),
        ("echo SECRET", "something else"),
        ("exec yes SECRET", "says too much"),
        ("sleep 300 & echo '{}'", "without a `status`"),
        ("exit 0", "without a `status`"),
    ] {
        let error = get(program(&folder, script, |_| {})).await.err().unwrap();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(part) && !shown.contains("SECRET"), "{script}: {shown}");
    }
    let line =
        |exec: &mut ExecConfig| exec.command = Some("/nonexistent --secret SECRET".to_owned());
    let error = get(program(&folder, "", line)).await.err().unwrap().to_string();
    assert!(error.contains("`/nonexistent` cannot be started"), "{error}");
    let always = |exec: &mut ExecConfig| exec.interactive_mode = Some(ExecInteractiveMode::Always);
    let error = get(program(&folder, "", always)).await.err().unwrap().to_string();
    assert!(error.contains("has to ask"), "{error}");
}

#[tokio::test]
async fn a_program_is_told_what_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let script = "printf '%s' \"$KUBERNETES_EXEC_INFO\" > \"$FOLDER/info\"\n\
        [ \"$1 $PASSWORD\" = '--client-secret=SECRET SECRET' ] || exit 4\n\
        read -r line && exit 5\n\
        echo '{\"status\":{\"token\":\"abc\"}}'";
    let asked = |exec: &mut ExecConfig| exec.provide_cluster_info = true;
    let credentials = get(program(&folder, script, asked)).await.unwrap();
    assert_eq!(header(&credentials).await, "Bearer abc");
    let info = fs::read(folder.path().join("info")).unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    let expected = serde_json::json!({
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "spec": {
            "interactive": false,
            "cluster": { "server": "https://k.example", "certificate-authority-data": "Q0E=" },
        },
    });
    assert_eq!(info, expected);
}

/// A script that hands out another token each time.
const COUNT: &str = "echo x >> \"$FOLDER/count\"\n\
    token=t$(wc -l < \"$FOLDER/count\")\n\
    end=$(cat \"$FOLDER/end\")\n\
    echo '{\"status\":{\"token\":\"'$token'\",\"expirationTimestamp\":\"'$end'\"}}'";

#[tokio::test]
async fn a_credential_is_renewed_before_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let end = |after: i64| {
        let end = Timestamp::now() + SignedDuration::from_secs(after);
        fs::write(folder.path().join("end"), end.to_string()).unwrap();
    };
    end(5);
    let credentials = get(program(&folder, COUNT, |_| {})).await.unwrap();
    end(600);
    assert_eq!(header(&credentials).await, "Bearer t2");
    assert_eq!(header(&credentials).await, "Bearer t2");
}

/// Sends requests to a server that accepts one token. Returns the tokens that it got.
async fn send(credentials: &Credentials, accepted: &str, requests: usize) -> Vec<String> {
    let got = Arc::new(StdMutex::new(Vec::new()));
    let got_too = Arc::clone(&got);
    let accepted = accepted.to_owned();
    let server = tower::service_fn(move |request: Request<Body>| {
        let (got, accepted) = (Arc::clone(&got_too), accepted.clone());
        async move {
            let header = request.headers().get(AUTHORIZATION).expect("a header");
            let header = header.to_str().unwrap().to_owned();
            let is_accepted = header == accepted;
            got.lock().unwrap().push(header);
            let mut response = Response::new(());
            if !is_accepted {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let service = AuthorizationLayer(credentials.clone()).layer(server);
    for _ in 0..requests {
        let request = Request::new(Body::from(b"body".to_vec()));
        service.clone().oneshot(request).await.unwrap();
    }
    got.lock().unwrap().clone()
}

#[tokio::test]
async fn a_refused_credential_is_replaced_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("end"), "").unwrap();
    let credentials = get(program(&folder, COUNT, |_| {})).await.unwrap();
    assert_eq!(send(&credentials, "Bearer t2", 2).await, ["Bearer t1", "Bearer t2", "Bearer t2"]);
    assert_eq!(send(&credentials, "none", 1).await, ["Bearer t2", "Bearer t3"]);
    // A program that fails then is not the error: the refusal is.
    fs::remove_file(folder.path().join("give")).unwrap();
    assert_eq!(send(&credentials, "none", 1).await, ["Bearer t3"]);
    let fixed = get(Source::Header(bearer(&Secret::new("abc")).unwrap())).await.unwrap();
    assert_eq!(send(&fixed, "none", 1).await, ["Bearer abc"]);
}

#[tokio::test]
async fn the_token_of_a_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let file = || Source::File(path.clone());
    for (content, part) in [
        (&b"SECRET\nX-Evil: SECRET"[..], "characters that no token can have"),
        (b"SECRET\xc3\xa9", "characters that no token can have"),
        (b"SECRET\xff", "not UTF-8"),
        (b" \n", "has no token"),
    ] {
        fs::write(&path, content).unwrap();
        let error = get(file()).await.err().unwrap();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(part) && !shown.contains("SECRET"), "{shown}");
    }
    for (path, part) in [
        ("/dev/zero", "/dev/zero (`tokenFile`): it is a device"),
        ("/SECRET/none", "the file that `tokenFile` names: No such file"),
    ] {
        let error = get(Source::File(path.into())).await.err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    }
    fs::write(&path, "one\n").unwrap();
    let credentials = get(file()).await.unwrap();
    fs::write(&path, "two\n\n").unwrap();
    assert_eq!(header(&credentials).await, "Bearer one");
    assert_eq!(send(&credentials, "Bearer two", 1).await, ["Bearer one", "Bearer two"]);
    // Some programs remove the file when they have read it.
    fs::remove_file(&path).unwrap();
    assert_eq!(send(&credentials, "none", 1).await, ["Bearer two"]);
}
