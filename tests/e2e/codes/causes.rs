//! Causes of failures at run time: exhausted limits, missing permissions, unresponsive servers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::program::compiled;
use super::{Proof, ended};
use crate::fault::{self, executable};
use crate::stage::Stage;

/// Repeats the operation in its first argument as often as its second says, and exits with 1 and
/// C's error message if it fails.
const SOURCE: &str = r#"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static int is(const char *a, const char *b) { return !strcmp(a, b); }
static struct sockaddr_in at(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}
static int join(int port, int flags) {
  struct sockaddr_in a = at(port);
  int one = 1, s = socket(AF_INET, SOCK_STREAM | flags, 0);
  setsockopt(s, IPPROTO_TCP, TCP_SYNCNT, &one, sizeof one);
  return connect(s, (void *)&a, sizeof a);
}
static void serve(int port, const char *what) {
  struct sockaddr_in a = at(port);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(s, (void *)&a, sizeof a) < 0 || listen(s, 0) < 0) { perror(what); exit(1); }
}
int main(int argc, char **argv) {
  const char *what = argv[1];
  int times = atoi(argv[2]);
  if (is(what, "bind")) { char text[40]; sprintf(text, "bind to 127.0.0.1:%d", times); serve(times, text); return 1; }
  if (is(what, "connect")) {
    if (times) serve(7, "bind");
    if (join(7, 0) < 0) perror("connect to 127.0.0.1:7");
    return 1;
  }
  if (is(what, "wait")) {
    serve(7, "bind");
    for (int i = 0; i < times; i++) join(7, SOCK_NONBLOCK);
    if (join(7, 0) < 0) perror("connect to 127.0.0.1:7");
    return 1;
  }
  if (is(what, "resolve")) {
    struct addrinfo *found;
    int error = getaddrinfo(times ? "127.0.0.1" : "nowhere.invalid", "80", 0, &found);
    if (error) fprintf(stderr, "getaddrinfo: %s\n", gai_strerror(error));
    return 1;
  }
  if (is(what, "mkdir")) { if (mkdir(times ? "/data/x" : "/data", 0700) < 0) perror(times ? "mkdir /data/x" : "mkdir /data"); return 1; }
  if (is(what, "chown")) { if (chown("/app", 0, 0) < 0) perror("chown /app"); return 1; }
  int file = is(what, "write") ? open("/data/x", O_CREAT | O_WRONLY, 0600) : -1;
  for (int i = 0; i < times; i++) {
    if (is(what, "fork")) {
      int pid = fork();
      if (pid < 0) { perror("fork"); return 1; }
      if (!pid) for (;;) pause();
    }
    if (is(what, "open") && open("/app", O_RDONLY) < 0) { perror("open /app"); return 1; }
    if (is(what, "write") && write(file, SOURCE_BLOCK, 1024) < 0) { perror("write /data/x"); return 1; }
    if (is(what, "allocate")) {
      // The memory is not touched: the limit counts mappings.
      if (!malloc(1 << 20)) { perror("malloc"); return 1; }
    }
  }
  return 1;
}
"#;

/// Runs the program above with these arguments, to its end.
fn program(stage: &Stage, what: &str, times: &str, flags: &[&str]) -> Value {
    let source = SOURCE.replace("SOURCE_BLOCK", "(char[1024]){0}");
    let image = fault::image(
        stage,
        &[executable("app", compiled(stage, &source, &["-static"]))],
        &[r#"ENTRYPOINT ["/app"]"#],
    );
    ended(stage, &format!("{what}-{times}"), flags, &image, &[what, times])
}

/// A program on a mount that this test has open for writing, or not.
fn busy(stage: &Stage, stem: &str, is_open: bool) -> Value {
    let folder = stage.scratchdbg.home().join(stem);
    fs::create_dir(&folder).expect("a folder");
    let file = folder.join("program");
    fs::write(&file, fault::app(stage)).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("its mode");
    let _open = is_open.then(|| fs::OpenOptions::new().append(true).open(&file).expect("it opens"));
    let mount = format!("{}:/data", folder.display());
    ended(
        stage,
        stem,
        &["--volume", &mount, "--entrypoint", "/data/program"],
        &stage.image,
        &["exit", "1"],
    )
}

/// A uid that nothing else on this machine uses.
const USER: [&str; 2] = ["--user", "61234:61234"];

pub(super) const PROOFS: &[Proof] = &[
    Proof {
        code: "process-limit",
        fault: |stage| {
            program(stage, "fork", "50", &[&USER[..], &["--ulimit", "nproc=8"]].concat())
        },
        near_miss: |stage| program(stage, "fork", "2", &USER),
    },
    Proof {
        code: "file-limit",
        fault: |stage| program(stage, "open", "50", &["--ulimit", "nofile=16"]),
        near_miss: |stage| program(stage, "open", "5", &["--ulimit", "nofile=16"]),
    },
    Proof {
        code: "no-space",
        fault: |stage| program(stage, "write", "50", &["--tmpfs", "/data:size=16k"]),
        near_miss: |stage| program(stage, "write", "5", &["--tmpfs", "/data:size=16k"]),
    },
    Proof {
        code: "out-of-memory",
        fault: |stage| program(stage, "allocate", "400", &["--ulimit", "data=268435456"]),
        near_miss: |stage| program(stage, "allocate", "4", &["--ulimit", "data=268435456"]),
    },
    Proof {
        code: "path-not-permitted",
        fault: |stage| program(stage, "mkdir", "0", &USER),
        near_miss: |stage| {
            program(stage, "mkdir", "1", &[&USER[..], &["--tmpfs", "/data"]].concat())
        },
    },
    Proof {
        code: "operation-not-permitted",
        fault: |stage| program(stage, "chown", "0", &USER),
        near_miss: |stage| program(stage, "chown", "1", &[]),
    },
    Proof {
        code: "port-not-permitted",
        fault: |stage| {
            let sysctl = ["--sysctl", "net.ipv4.ip_unprivileged_port_start=1024"];
            program(stage, "bind", "80", &[&USER[..], &sysctl].concat())
        },
        near_miss: |stage| program(stage, "bind", "8080", &USER),
    },
    Proof {
        code: "name-not-resolved",
        fault: |stage| program(stage, "resolve", "0", &[]),
        near_miss: |stage| program(stage, "resolve", "1", &[]),
    },
    Proof {
        code: "connection-refused",
        fault: |stage| program(stage, "connect", "0", &[]),
        near_miss: |stage| program(stage, "connect", "1", &[]),
    },
    Proof {
        code: "connection-timed-out",
        // Nobody accepts queued connections, and the queue is full.
        fault: |stage| program(stage, "wait", "5", &[]),
        near_miss: |stage| program(stage, "wait", "0", &[]),
    },
    Proof {
        code: "file-busy",
        fault: |stage| busy(stage, "busy", true),
        near_miss: |stage| busy(stage, "idle", false),
    },
];

one_test_each! {
    process_limit file_limit no_space out_of_memory path_not_permitted operation_not_permitted
    port_not_permitted name_not_resolved connection_refused connection_timed_out file_busy
}
