//! Kubernetes configurations that are broken, endless or hostile, and the programs that they name:
//! no secret is shown, nothing is waited for without end, and nothing stays. No cluster is needed.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use scratchdbg_testkit::eventually;
use scratchdbg_testkit::program::{Finished, Program};
use scratchdbg_testkit::terminal::Terminal;

use crate::tls;

/// How long a refusal may take, on a machine that has much to do.
const AT_ONCE: Duration = Duration::from_secs(15);

/// The binary, and what configurations name.
struct Stage {
    scratchdbg: Program,
}

impl Stage {
    fn set() -> Self {
        let scratchdbg = Program::new(env!("CARGO_BIN_EXE_scratchdbg"));
        Self { scratchdbg: scratchdbg.with_variable("RUST_BACKTRACE", "0") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratchdbg.home().join(name)
    }

    /// Writes a configuration. `cluster` and `user` are mappings in YAML.
    fn write(&self, cluster: &str, user: &str) {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts: [{{name: c, context: {{cluster: k, user: u, namespace: n}}}}]\n\
             clusters: [{{name: k, cluster: {{{cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n"
        );
        fs::write(self.path("config"), text).expect("a file");
    }

    /// Writes a configuration with a credential program, which runs a script. `more` are further
    /// settings of the program.
    fn write_program(&self, cluster: &str, script: &str, more: &str) {
        let path = self.path("give");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
        let exec = "apiVersion: client.authentication.k8s.io/v1, command: ./give";
        self.write(cluster, &format!("exec: {{{exec}, {more}}}"));
    }

    fn why(&self) -> Finished {
        self.scratchdbg.run(["why", "pod/web", "--kubeconfig", "config"])
    }

    /// Runs `why`, which must fail at once, with each of `words`, and without a secret.
    #[track_caller]
    fn expect_refusal(&self, words: &[&str]) {
        let began = Instant::now();
        let finished = self.why();
        assert!(began.elapsed() < AT_ONCE, "it took {:?}: {finished}", began.elapsed());
        expect_no_secret(&finished.stderr);
        finished.expect_clear_failure(1, words);
    }

    /// Waits until a script has written its process id to a file, and returns the id.
    fn wait_for_id(&self, name: &str) -> u32 {
        eventually(
            || format!("the process id in {name}"),
            || fs::read_to_string(self.path(name)).ok()?.strip_suffix('\n')?.parse().ok(),
        )
    }
}

#[track_caller]
fn expect_no_secret(text: &str) {
    for secret in ["SECRET", "U0VDUkVU"] {
        assert!(!text.contains(secret), "{secret} is shown:\n{text}");
    }
}

/// Waits until a process has ended.
#[track_caller]
fn expect_gone(id: u32) {
    let state = format!("/proc/{id}/stat");
    eventually(
        || format!("the end of process {id}"),
        || match fs::read_to_string(&state) {
            // Its parent may not have waited for it yet.
            Ok(state) if !state.contains(") Z ") => None,
            _ => Some(()),
        },
    );
}

const SERVER: &str = "server: 'https://127.0.0.1:1'";

#[test]
fn a_mistake_in_a_configuration_is_told_without_its_lines() {
    let stage = Stage::set();
    for (text, words) in [
        (
            "users:\n- name: u\n  user:\n    token: SECRET\n   username: x\n",
            &["no valid YAML (line 5, column 4)"][..],
        ),
        ("users: [{name: u, user: SECRET}]\n", &["another kind", "(line 1, column"]),
        ("users: [{name: u, user: {token: [SECRET]}}]\n", &["another kind"]),
        ("users: [{name: u, user: {password: {SECRET: x}}}]\n", &["another kind"]),
        ("users: [{name: u, user: {token: SECRET, token: SECRET}}]\n", &["twice"]),
        ("users: [{name: u, user: {token: SECRET}]\n", &["no valid YAML"]),
        ("\"SECRET", &["no valid YAML"]),
    ] {
        fs::write(stage.path("config"), text).expect("a file");
        stage.expect_refusal(words);
    }
    for (user, word) in [
        ("token: \"SECRET\\nX-Evil: 1\"", "`token` has characters"),
        ("token: SECRET\u{e9}", "`token` has characters"),
        ("client-certificate-data: SECRET!, client-key-data: SECRET", "no valid base64"),
        ("client-certificate-data: U0VDUkVU, client-key-data: U0VDUkVU", "no valid certificate"),
        ("client-key: SECRET", "the file that `client-key` names"),
        ("auth-provider: {name: gcp, config: {cmd-args: SECRET}}", "`auth-provider`"),
    ] {
        stage.write(SERVER, user);
        stage.expect_refusal(&[word]);
    }
    stage.write(&format!("{SERVER}, proxy-url: 'ftp://x:SECRET@p'"), "token: SECRET");
    stage.expect_refusal(&["the address of the proxy"]);
}

#[test]
fn files_that_a_configuration_names_are_regular_files() {
    let stage = Stage::set();
    let odd = stage.path("odd");
    for (kind, word) in [
        ("pipe", "a named pipe"),
        ("endless", "a device"),
        ("folder", "a directory"),
        ("huge", "larger than"),
    ] {
        match kind {
            "pipe" => {
                let made = std::process::Command::new("mkfifo").arg(&odd).status();
                assert!(made.expect("mkfifo starts").success());
            }
            "endless" => symlink("/dev/zero", &odd).expect("a link"),
            "folder" => fs::create_dir(&odd).expect("a folder"),
            // Only the size is set; nothing is written.
            _ => File::create(&odd).and_then(|file| file.set_len(10 << 30)).expect("a file"),
        }
        for setting in ["client-certificate", "client-key", "tokenFile"] {
            stage.write(SERVER, &format!("{setting}: odd"));
            stage.expect_refusal(&[word, setting]);
        }
        stage.write(&format!("{SERVER}, certificate-authority: odd"), "token: t");
        stage.expect_refusal(&[word, "certificate-authority"]);
        let finished = stage.scratchdbg.run(["why", "pod/web", "--kubeconfig", "odd"]);
        finished.expect_clear_failure(1, &[word]);
        match kind {
            "folder" => fs::remove_dir(&odd).expect("it is empty"),
            _ => fs::remove_file(&odd).expect("it is there"),
        }
    }
}

#[test]
fn what_a_credential_program_says_is_not_shown() {
    let stage = Stage::set();
    let secrets = "args: [--client-secret, SECRET], env: [{name: PASSWORD, value: SECRET}]";
    for (script, word) in [
        ("echo 'Warning: SECRET'; echo '{\"status\":{\"token\":\"SECRET\"}}'", "something else"),
        ("echo '{\"status\":{\"token\":\"SECRET\"}'", "something else"),
        ("echo SECRET", "something else"),
        ("echo '{\"status\":{\"token\":\"SECRET\\nx\"}}'", "an invalid token"),
        ("echo SECRET; exit 1", "ended with exit code 1"),
        ("kill -9 $$", "was ended by signal 9"),
        ("exec yes SECRET", "says too much"),
        (
            "sleep 60 2>/dev/null & echo $! > id; echo '{\"status\":{}}'",
            "neither a token nor a certificate",
        ),
    ] {
        stage.write_program(SERVER, script, secrets);
        stage.expect_refusal(&["give", word]);
    }
    // What it leaves in the background is not waited for, and is its own affair.
    let id = i32::try_from(stage.wait_for_id("id")).expect("process ids fit");
    let id = rustix::process::Pid::from_raw(id).expect("a process id");
    rustix::process::kill_process(id, Signal::KILL).expect("it still runs");
    stage.write(SERVER, "exec: {command: 'no-such-program --secret SECRET'}");
    stage.expect_refusal(&["`no-such-program` cannot be started"]);
}

/// A script that hangs, as does its child.
const HANGS: &str = "sleep 300 & echo $! > child; echo $$ > id; wait";

#[test]
fn an_interrupt_ends_a_credential_program_that_hangs() {
    let stage = Stage::set();
    stage.write_program(SERVER, HANGS, "interactiveMode: IfAvailable");
    let arguments = ["why", "pod/web", "--kubeconfig", "config"];
    let running = stage.scratchdbg.start(arguments);
    let (id, child) = (stage.wait_for_id("id"), stage.wait_for_id("child"));
    running.signal(Signal::INT);
    assert!(!running.finish().stderr.contains("panicked"));
    expect_gone(id);
    expect_gone(child);

    // On a terminal, Ctrl-C goes to all of them.
    fs::remove_file(stage.path("id")).expect("it is there");
    fs::remove_file(stage.path("child")).expect("it is there");
    let mut terminal = Terminal::start(stage.scratchdbg.command(arguments), 24, 100);
    let (id, child) = (stage.wait_for_id("id"), stage.wait_for_id("child"));
    terminal.send("\x03");
    terminal.wait();
    expect_gone(id);
    expect_gone(child);
}

#[test]
fn completion_leaves_no_credential_program() {
    let stage = Stage::set();
    stage.write_program(SERVER, HANGS, "interactiveMode: IfAvailable");
    let words = ["__complete", "bash", "why", "--kubeconfig", "config", "pod/w"];
    let finished = stage.scratchdbg.run(words);
    finished.expect(0, ":4\n");
    expect_gone(stage.wait_for_id("id"));
    expect_gone(stage.wait_for_id("child"));
    stage.write_program(SERVER, "echo asks; echo asks >&2; exit 1", "");
    let finished = stage.scratchdbg.run(words);
    finished.expect(0, ":4\n");
    assert_eq!(finished.stderr, "", "nothing is printed on the command line");
}

/// What a client sends as its credentials.
type Got = Arc<Mutex<Vec<String>>>;

/// An API server that knows no pods. Returns its address, and the credentials that it gets.
fn server() -> (String, Got) {
    serve(Some)
}

/// Like [`server`], with TLS. Returns how a configuration names it too.
fn server_with_tls(stage: &Stage) -> (String, Got) {
    let (_, certificate, key) = tls::certificates(&stage.path(""));
    let server = tls::Server::new(&certificate, &key);
    let (address, got) = serve(move |client| Some(server.accept(client)));
    (
        format!(
            "server: 'https://x:SECRET@{address}/?token=SECRET', certificate-authority: ca.pem"
        ),
        got,
    )
}

fn serve<S: Read + Write>(
    accept: impl Fn(TcpStream) -> Option<S> + Send + 'static,
) -> (String, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let got = Arc::<Mutex<Vec<String>>>::default();
    let shared = Arc::clone(&got);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok).filter_map(accept) {
            let mut reader = BufReader::new(client);
            let mut header = String::new();
            while !header.ends_with("\r\n\r\n")
                && reader.read_line(&mut header).is_ok_and(|count| count > 0)
            {}
            let credentials = header.lines().filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.to_ascii_lowercase().ends_with("authorization").then(|| value.to_owned())
            });
            shared.lock().expect("no holder panics").extend(credentials);
            let body = r#"{"kind":"Status","message":"none","reason":"NotFound","code":404}"#;
            let _gone = write!(
                reader.get_mut(),
                "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (address, got)
}

#[test]
fn debugging_output_has_no_secret() {
    let stage = Stage::set();
    let (cluster, got) = server_with_tls(&stage);
    let run = |credentials: &str| {
        let finished = stage.scratchdbg.run(["-vvv", "why", "pod/web", "--kubeconfig", "config"]);
        expect_no_secret(&finished.stderr);
        assert!(finished.stderr.contains("DEBUG"), "{finished}");
        assert!(!finished.stderr.contains("panicked"), "{finished}");
        let mut got = got.lock().expect("no holder panics");
        assert!(got.iter().any(|each| each == credentials), "{got:?} {finished}");
        got.clear();
    };
    stage.write(&cluster, "token: \"SECRET\\n\"");
    run("Bearer SECRET");
    stage.write(&cluster, "username: x, password: SECRET");
    run("Basic eDpTRUNSRVQ=");
    fs::write(stage.path("token"), "SECRET\n\n").expect("a file");
    stage.write(&cluster, "tokenFile: token");
    run("Bearer SECRET");
    let script = "echo '{\"status\":{\"token\":\"'$PASSWORD'\"}}'";
    stage.write_program(&cluster, script, "args: [SECRET], env: [{name: PASSWORD, value: SECRET}]");
    run("Bearer SECRET");
    let (address, got) = server();
    let proxied = format!("server: 'http://k.example', proxy-url: 'http://x:SECRET@{address}'");
    stage.write(&proxied, "token: SECRET");
    let finished = stage.scratchdbg.run(["-vvv", "why", "pod/web", "--kubeconfig", "config"]);
    expect_no_secret(&finished.stderr);
    assert_eq!(*got.lock().expect("no holder panics"), ["Basic eDpTRUNSRVQ="], "the proxy's alone");
}

#[test]
fn nothing_secret_is_sent_in_clear_text() {
    let stage = Stage::set();
    let (address, got) = server();
    let cluster = format!("server: 'http://{address}'");
    for user in ["token: SECRET", "username: x, password: SECRET"] {
        stage.write(&cluster, user);
        stage.expect_refusal(&["no pod `web`"]);
    }
    stage.write_program(&cluster, "touch ran; echo '{\"status\":{\"token\":\"SECRET\"}}'", "");
    stage.expect_refusal(&["no pod `web`"]);
    assert!(!stage.path("ran").exists(), "like kubectl, no program is run for it");
    assert_eq!(*got.lock().expect("no holder panics"), [""; 0]);
    // An authority that would not be asked.
    let (cluster, got) = server_with_tls(&stage);
    stage.write(&format!("{cluster}, insecure-skip-tls-verify: true"), "token: SECRET");
    stage.expect_refusal(&["`certificate-authority` stands beside"]);
    assert_eq!(*got.lock().expect("no holder panics"), [""; 0]);
}

#[test]
fn of_two_ways_to_log_in_the_one_that_kubectl_takes_is_taken() {
    let stage = Stage::set();
    let (cluster, got) = server_with_tls(&stage);
    fs::write(stage.path("token"), "newer").expect("a file");
    stage.write(&cluster, "token: older, tokenFile: token");
    stage.why();
    assert!(got.lock().expect("no holder panics").iter().all(|each| each == "Bearer newer"));
    stage.write(&cluster, "token: SECRET, username: x, password: SECRET");
    stage.expect_refusal(&["`username` stands beside a token"]);
    stage.write(&cluster, "token: SECRET, as-groups: [admins]");
    stage.expect_refusal(&["`as` is missing"]);
}

#[test]
fn a_credential_program_can_ask_on_a_terminal() {
    let stage = Stage::set();
    let (cluster, got) = server_with_tls(&stage);
    let script =
        "printf 'password: ' >&2; read -r word; echo '{\"status\":{\"token\":\"'$word'\"}}'";
    stage.write_program(&cluster, script, "interactiveMode: Always");
    let arguments = ["why", "pod/web", "--kubeconfig", "config"];
    let mut terminal = Terminal::start(stage.scratchdbg.command(arguments), 24, 100);
    terminal.wait_for("the question", |text| text.contains("password: "));
    terminal.send("opened\r");
    terminal.wait();
    assert!(got.lock().expect("no holder panics").iter().any(|each| each == "Bearer opened"));
    // Without one, there is nobody to ask.
    stage.expect_refusal(&["has to ask"]);
}
