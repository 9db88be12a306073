//! The same table as a document: `docs/attach-matrix.md`.

use std::fmt::Write as _;

use self::pods::{POD_ROWS, PodRow};
use super::rows::{LIMITS, ROWS, Row, SECCOMP_FLAG, State};

#[path = "../../kubernetes/attach_matrix_rows.rs"]
mod pods;

const OPENING: &str = "\
# What `attach` works on

This table is the one that the test `attach_matrix` goes by (`tests/e2e/attach_matrix/rows.rs`), on every engine that
the tests are run against, and on one that remaps users (`--userns-remap`), with and without `--userns host`. For each row it makes the target, asks `attach --explain --format json` for the mode, attaches
with a command that ends with exit code 42 and leaves a process behind, and compares. The images hold one static program,
and no shell.

`exec` is inside the target itself, `sidecar` in a container beside it, `copy` in a copy of it.
";

const LIMITS_OPENING: &str = "
## What it does not do

Each row is held by the same test. Nothing is left behind in these cases either.

| Situation | Exit code | It says | Way out |
|---|---|---|---|
";

const PODS_OPENING: &str = "
## On pods

The test `attach_matrix` of the suite for Kubernetes goes by this table (`tests/kubernetes/attach_matrix_rows.rs`): it makes the pod,
attaches with a command that ends with exit code 42 and leaves a process behind, then with one whose client is killed, then on a terminal,
whose size the session has, and looks at the pod's processes from its node. A session during which the target is killed or the pod is
deleted ends with 137. All rows have `runAsNonRoot`, no capabilities, no privilege escalation, `RuntimeDefault` and a read-only
root, unless their settings say otherwise (`null`: not set). Each session is in the target itself (`exec`), and sees its files.

| Target | Profile of the namespace | User of the image | Settings | User | Left behind |
|---|---|---|---|---|---|
";

const CLOSING: &str = "
What no message can say:

- **Tools run inside the target count against its limits** in `exec`: its memory and its processes. One that takes too
  much can have the application killed. `--mode sidecar` has limits of its own: 512 MiB and 256 processes.
- **A sidecar has its own environment, working directory and host name.** The target's files are below
  `/proc/<pid>/root`, where the session starts; its environment is in `/proc/<pid>/environ`.
- **A program that cannot be read by the user it runs as** (mode `0711`), or that makes itself not dumpable, hides its
  `/proc` entries from that user: a sidecar then has to be root with `SYS_PTRACE`. `exec` does not depend on it.
- **The session ends with the target.** `--follow-restarts` attaches to the next run.
- **The target can see the keeper**, in the PID namespace that they share. The keeper holds no secret, no right that the session has not, no
  network and no mount for that reason.
- **A security module of the kernel may forbid a session**: a profile of one's own that lets nothing outside the
  container be executed, a policy that gives no container `SYS_PTRACE`. The denial names the label, and what is not
  confined by it: `--mode sidecar --security-opt apparmor=unconfined` or `label=disable`.
- **gVisor and Kata** have not been tried.
";

/// Returns the document.
pub(super) fn document() -> String {
    let mut text = OPENING.to_owned();
    text.push_str(
        "\n| Target | `docker run` | Mode | Exit code | User | Files | Environment | Working directory | `docker diff` | Left behind |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let Row { target, mode, user, .. } = row;
        let flags = flags(row);
        let (environment, directory) =
            if row.is_inside() { ("its own", "its own") } else { ("**not its own**", "its root") };
        let asked = if row.options.is_empty() { "" } else { ", asked for" };
        let files = match row.state {
            State::Exited | State::Restarting => "its own, as it ended",
            State::Created | State::ImageOnly => "its image's",
            _ => "its own",
        };
        writeln!(
            text,
            "| {target} | {flags} | {mode}{asked} | 42 | {user} | {files} | {environment} | {directory} | unchanged | nothing |"
        )
        .expect("writing to memory works");
    }
    text.push_str(PODS_OPENING);
    for PodRow { target, profile, image_user, pod, container, user } in POD_ROWS {
        let settings = [("pod", pod), ("container", container)]
            .into_iter()
            .filter(|(_, settings)| **settings != "{}");
        let settings: Vec<String> =
            settings.map(|(place, settings)| format!("{place}: `{settings}`")).collect();
        let image_user = if image_user.is_empty() { "none" } else { image_user };
        let settings = settings.join(", ");
        writeln!(
            text,
            "| {target} | {profile} | {image_user} | {settings} | {user} | the entries of keepers |"
        )
        .expect("writing to memory works");
    }
    text.push_str(LIMITS_OPENING);
    for limit in LIMITS {
        let says: Vec<String> = limit.says.iter().map(|words| format!("`{words}`")).collect();
        let options = if limit.options.is_empty() {
            String::new()
        } else {
            format!(" (`{}`)", limit.options.join(" "))
        };
        writeln!(
            text,
            "| {}{options} | {} | {} | {} |",
            limit.situation,
            limit.code,
            says.join(" … "),
            limit.way_out
        )
        .expect("writing to memory works");
    }
    text.push_str(CLOSING);
    text
}

fn flags(row: &Row) -> String {
    let mut parts = Vec::new();
    if !row.flags.is_empty() {
        parts.push(format!(
            "`{}`",
            row.flags.join(" ").replace(SECCOMP_FLAG, "seccomp=profile.json")
        ));
    }
    parts.extend(row.changes.iter().map(|change| format!("image: `{change}`")));
    match row.state {
        State::BesideAnother => parts.push("`--pid container:OTHER`".to_owned()),
        State::Paused => parts.push("then `docker pause`".to_owned()),
        State::Created => parts.push("`docker create`".to_owned()),
        State::Running
        | State::RunningWithoutRoom
        | State::Exited
        | State::Restarting
        | State::ImageOnly => {}
    }
    parts.join(", ")
}
