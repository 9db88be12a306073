//! Configurations, good and broken.

use std::fs;

use super::*;
use crate::credentials::Credentials;

fn write(folder: &Path, name: &str, contexts: &[(&str, &str)], current: Option<&str>) -> PathBuf {
    use std::fmt::Write as _;
    let mut text = "apiVersion: v1\nkind: Config\n".to_owned();
    if let Some(current) = current {
        writeln!(text, "current-context: {current}").unwrap();
    }
    for (part, key, body) in [
        ("clusters", "cluster", "{server: \"https://NAME.example:6443\"}"),
        ("users", "user", "{token: t}"),
        ("contexts", "context", "{cluster: NAME, user: NAME, namespace: SPACE}"),
    ] {
        writeln!(text, "{part}:").unwrap();
        for (context, namespace) in contexts {
            let body = body.replace("NAME", context).replace("SPACE", namespace);
            writeln!(text, "- name: {context}\n  {key}: {body}").unwrap();
        }
    }
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn files_are_merged_and_contexts_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let a = write(folder.path(), "a", &[("alpha", "one")], Some("alpha"));
    let b = write(folder.path(), "b", &[("beta", "two")], Some("beta"));
    let missing = folder.path().join("missing");
    let request = ConnectionRequest {
        files: vec![missing.clone(), a.clone(), b.clone()],
        ..ConnectionRequest::default()
    };
    let settings = request.read().unwrap();
    assert_eq!(
        settings.place.to_string(),
        "the cluster at https://alpha.example:6443 (context `alpha`)"
    );
    assert_eq!(settings.namespace, "one");
    let other = ConnectionRequest {
        context: Some("beta".into()),
        namespace: Some("three".into()),
        ..request.clone()
    };
    let settings = other.read().unwrap();
    assert_eq!(
        (settings.place.server.as_str(), settings.namespace.as_str()),
        ("https://beta.example:6443", "three")
    );
    let wrong = ConnectionRequest { context: Some("gamma".into()), ..request.clone() };
    let Err(Error::NoContext { contexts, .. }) = wrong.read() else { panic!("it is read") };
    assert_eq!(contexts, ["alpha", "beta"]);
    let one = ConnectionRequest { file: Some(b), ..request };
    assert_eq!(one.read().unwrap().namespace, "two");
    let gone = ConnectionRequest { file: Some(missing.clone()), ..ConnectionRequest::default() };
    assert!(matches!(gone.read(), Err(Error::Config { .. })));
    let none = ConnectionRequest { default_file: Some(missing), ..ConnectionRequest::default() };
    assert!(matches!(none.read(), Err(Error::NoConfig { .. })));
}

#[test]
fn a_context_must_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "a", &[("alpha", "one"), ("beta", "two")], None);
    let request = ConnectionRequest { file: Some(file), ..ConnectionRequest::default() };
    assert!(
        matches!(request.read(), Err(Error::NoCurrentContext { contexts }) if contexts.len() == 2)
    );
}

#[test]
fn broken_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    for text in ["a: [", "contexts: 7", "\u{0}"] {
        fs::write(&file, text).unwrap();
        let request =
            ConnectionRequest { file: Some(file.clone()), ..ConnectionRequest::default() };
        let Err(error) = request.read() else { panic!("{text:?} is read") };
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    }
}

/// A configuration with a secret wherever one can be.
const FULL: &str = "\
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u, namespace: n}}]
clusters:
- name: k
  cluster:
    server: https://x:SECRET@k.example:6443/
    proxy-url: http://x:SECRET@proxy.example
    extensions:
    - {name: client.authentication.k8s.io/exec, extension: {secret: SECRET}}
users:
- name: other
  user: {token: SECRET}
- name: u
  user:
    username: x
    password: SECRET
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: give
      args: [--client-secret, SECRET]
      env: [{name: PASSWORD, value: \"SECRET\"}]
      interactiveMode: Never
      provideClusterInfo: true
";

/// Reads a configuration. Returns all that can be shown of the result.
fn read_shown(file: &Path, text: &[u8]) -> (String, Option<Settings>) {
    fs::write(file, text).unwrap();
    let request = ConnectionRequest { file: Some(file.to_owned()), ..ConnectionRequest::default() };
    match request.read() {
        Ok(settings) => (format!("{} {:?}", settings.place, settings.place), Some(settings)),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            let told = scratchdbg_backend::Error::from(error);
            (format!("{shown} {} {:?}", told.message, told.hints), None)
        }
    }
}

/// Reads a configuration, and makes a client of it. Returns all that can be shown of the result.
fn used(file: &Path, text: &[u8]) -> String {
    let (shown, settings) = read_shown(file, text);
    let Some(settings) = settings else { return shown };
    let client = crate::transport::client(&settings.config, &Credentials::none());
    match client.err() {
        Some(problem) => format!("{problem} {problem:?}"),
        None => shown,
    }
}

#[test]
fn no_mistake_in_a_file_makes_an_error_show_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let (whole, _) = read_shown(&file, FULL.as_bytes());
    assert!(whole.starts_with("the cluster at https://k.example:6443 (context `c`)"), "{whole}");
    let mut failed = 0;
    for at in 0..=FULL.len() {
        for inserted in ["", "[", "\"", "\n", " ", ":", "&", "*", "/", "#"] {
            // Without an insertion, a character is taken out.
            let (before, after) = FULL.split_at(at);
            let after = if inserted.is_empty() { after.get(1..).unwrap_or("") } else { after };
            let text = format!("{before}{inserted}{after}");
            let (shown, settings) = read_shown(&file, text.as_bytes());
            failed += usize::from(settings.is_none());
            assert!(!shown.contains("SECRET"), "{text}\n{shown}");
        }
    }
    assert!(failed > 1000, "only {failed} mistakes make an error");
}

#[test]
fn servers_are_those_that_kubectl_takes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let server = |server: &str, more: &str| {
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {{server: '{server}'{more}}}}}]\n\
             users: [{{name: u, user: {{token: SECRET}}}}]\n"
        );
        fs::write(&file, text).unwrap();
        let request =
            ConnectionRequest { file: Some(file.clone()), ..ConnectionRequest::default() };
        let settings = request.read().ok()?;
        let is_secret = matches!(settings.login.source, Source::Header(_));
        Some((settings.config.cluster_url.to_string(), is_secret))
    };
    let some = |url: &str, is_secret| Some((url.to_owned(), is_secret));
    assert_eq!(server("https://k:6443", ""), some("https://k:6443/", true));
    assert_eq!(server("HTTPS://k:6443", ""), some("https://k:6443/", true));
    for (name, url) in [
        ("http://k:80", "http://k:80/"),
        ("127.0.0.1:7781", "http://127.0.0.1:7781/"),
        ("localhost", "http://localhost/"),
        ("[::1]:6443", "http://[::1]:6443/"),
        ("k.example/path", "http://k.example/path"),
    ] {
        assert_eq!(server(name, ""), some(url, false), "no secret in clear text");
        if !name.contains("//") {
            let url = url.replace("http:", "https:");
            assert_eq!(server(name, ", insecure-skip-tls-verify: true"), some(&url, true));
        }
    }
    for name in
        ["", ":6443", "//k", "/k", "http://", "ftp://k", "unix:///a", "https:k", "a b", "k:x"]
    {
        let read = server(name, "");
        assert!(read.as_ref().is_none_or(|(_, is_secret)| !is_secret), "{name}: {read:?}");
    }
}

#[tokio::test]
async fn no_value_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let at = |key: &str, cluster: &str, user: &str| {
        format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {{server: 'https://k', {cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n{key}"
        )
    };
    for (text, part) in [
        (at("users: SECRET", "", ""), "a mapping has a key twice (line 5, column 1)"),
        (at("preferences: SECRET", "", ""), "another kind"),
        (at("", "", "token: [SECRET]"), "another kind"),
        (at("", "", "token: {SECRET: SECRET}"), "another kind"),
        (at("", "", "password: [SECRET]"), "another kind"),
        (at("", "", "token: SECRET, token: SECRET"), "twice"),
        (at("", "", "exec: SECRET"), "another kind"),
        (at("", "", "exec: {interactiveMode: SECRET}"), "none of those"),
        (at("", "", "exec: {args: [SECRET]}"), "`exec` has no `command`"),
        (at("", "", "token: \"SECRET\\nX: SECRET\""), "`token` has characters"),
        (at("", "", "token: SECRET\u{e9}"), "`token` has characters"),
        (at("", "", "client-key-data: SECRET"), "`client-key-data` is no valid base64"),
        (at("", "", "client-key-data: U0VDUkVU"), "without a `client-certificate`"),
        (
            at("", "", "client-certificate-data: U0VDUkVU, client-key-data: U0VDUkVU"),
            "`client-certificate-data` has no valid certificate",
        ),
        (at("", "", "client-key: SECRET"), "the file that `client-key` names: No such file"),
        (at("", "", "client-key: /dev/zero"), "/dev/zero (`client-key`): it is a device"),
        (at("", "", "client-certificate: /dev/zero"), "it is a device"),
        (at("", "certificate-authority: /dev/zero", ""), "it is a device"),
        (at("", "certificate-authority-data: SECRET", ""), "is no valid base64"),
        (at("", "certificate-authority-data: U0VDUkVU", ""), "has no valid certificates"),
        (at("", "proxy-url: 'ftp://x:SECRET@p'", ""), "the address of the proxy"),
        (at("", "proxy-url: 'http://x:SECRET @p'", ""), "the address of the proxy"),
        (at("", "tls-server-name: 'SECRET SECRET'", ""), "`tls-server-name`"),
        (at("", "", "as: \"SECRET\\n\""), "`as…`"),
        (at("", "", "auth-provider: {name: gcp, config: {cmd-args: SECRET}}"), "`auth-provider`"),
        (at("", "", "auth-provider: {name: SECRET}"), "`auth-provider` is not supported"),
        ("contexts: [{name: c, context: {user: SECRET}}]".to_owned(), "cluster"),
        ("SECRET".to_owned(), "another kind"),
        ("a: *SECRET".to_owned(), "an alias names no anchor"),
        ("a: [SECRET".to_owned(), "no valid YAML (line"),
        ("token: SECRET\n x: SECRET".to_owned(), "no valid YAML (line"),
        ("kind: A\n---\nkind: SECRET".to_owned(), "different values of `kind`"),
        ("apiVersion: A\n---\napiVersion: SECRET".to_owned(), "different values of `apiVersion`"),
    ] {
        let shown = used(&file, text.as_bytes());
        assert!(shown.contains(part) && !shown.contains("SECRET"), "{text}\n{shown}");
    }
    let shown = used(&file, b"SECRET\xff");
    assert!(shown.contains("no text") && !shown.contains("SECRET"), "{shown}");
}

#[test]
fn files_that_are_none_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for (path, part) in [
        (Path::new("/dev/zero"), "it is a device, not a regular file"),
        (folder.path(), "it is a directory, not a regular file"),
    ] {
        let request =
            ConnectionRequest { file: Some(path.to_owned()), ..ConnectionRequest::default() };
        let error = request.read().err().unwrap().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_that_of_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("cert", CERTIFICATE);
    write("key", KEY);
    let shown = |key: &str| {
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: \
               {{server: 'https://k', certificate-authority: cert}}}}]\n\
             users: [{{name: u, user: {{client-certificate: cert, client-key: {key}}}}}]"
        );
        used(&folder.path().join("config"), text.as_bytes())
    };
    assert!(shown("key").starts_with("the cluster at https://k "), "{}", shown("key"));
    write("other", OTHER_KEY);
    assert!(shown("other").contains("is not that of its key"), "{}", shown("other"));
    assert!(shown("cert").contains("has no key in PEM"), "{}", shown("cert"));
}

/// A key and a certificate of nobody, made with openssl. The line is divided for programs that look
/// for keys.
const KEY: &str = concat!(
    "-----BEGIN PRIVATE",
    " KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgs9PFqlII85yp9Mmv
SDRpI3UL5az/TroCWXzsoyfWXuShRANCAAT2riCZxYE9/kL1Dv3tuBTr+5hCXHgr
Koz4XEYaBuJFDGViqjbI5aCRKTTyBz1kEMmY5W2rwYw2JNmATxt15usj
-----END PRIVATE",
    " KEY-----"
);

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUY12YUFhU7SfjCIfLQ5xqWZv6xhAwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjgwMDQ5MjVaGA8yMTI2MTEwNDAwNDky
NVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABPau
IJnFgT3+QvUO/e24FOv7mEJceCsqjPhcRhoG4kUMZWKqNsjloJEpNPIHPWQQyZjl
bavBjDYk2YBPG3Xm6yOjUzBRMB0GA1UdDgQWBBSZbWpNxk+cYxSyXb37sZCriHkB
0zAfBgNVHSMEGDAWgBSZbWpNxk+cYxSyXb37sZCriHkB0zAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQDS8I/Lcr/L2BmADzhdbIMWt1M7YsGIo+4+
6pF4g7MavAIgAONhC7BzOU0vtCPjeavHoFVQqv7z8tC7Nb6TEcsDhwo=
-----END CERTIFICATE-----";

const OTHER_KEY: &str = concat!(
    "-----BEGIN PRIVATE",
    " KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBfBZj8Y/IIffG2DN
6P/yOi2F8EDh0PnG67WIHZx32HihRANCAAQlwtO8N3SP5H5Hu2Dxo25Zg14GMCLX
8chi7j90RnLrOVN7YFyYaBTLN6a7Ejy1UXaksCpnCZlT0k+fXLbCv+J7
-----END PRIVATE",
    " KEY-----"
);
