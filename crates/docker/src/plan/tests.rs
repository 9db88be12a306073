//! Tests the command line of the launcher for a plan.

use scratchdbg_backend::launcher::{self, KeeperAddress};
use scratchdbg_backend::{How, Mode, PlanRequest};

use super::{AttachRequest, SessionPlan, plan};
use crate::Target;
use crate::target::tests::target;
use crate::user::NumericUser;

fn asking(asked: PlanRequest) -> AttachRequest {
    AttachRequest { asked, ..AttachRequest::default() }
}

fn command(plan: &SessionPlan) -> Vec<String> {
    launcher::run(&plan.view, &keeper(), "s1")
}

fn environment(plan: &SessionPlan) -> Vec<String> {
    launcher::environment(&plan.view)
}

fn decide(target: &Target, request: &AttachRequest) -> SessionPlan {
    plan(target, NumericUser { uid: 1, gid: 1 }, request).unwrap()
}

fn keeper() -> KeeperAddress {
    KeeperAddress { pid: 7, name: "abc".to_owned(), container: "k1".to_owned() }
}

#[test]
fn the_targets_path_goes_first_unless_its_programs_would_gain_by_it() {
    let own = Target { env: vec!["PATH=/app/bin".to_owned()], ..target() };
    let plan = decide(&own, &AttachRequest::default());
    assert_eq!(environment(&plan), ["PATH=/app/bin"]);
    assert_eq!(command(&plan)[4..], ["--tools", "last"]);
    let plan = decide(&target(), &AttachRequest::default());
    assert!(environment(&plan)[0].ends_with(":/bin"));
    let request = asking(PlanRequest { user: Some("0:0".to_owned()), ..PlanRequest::default() });
    let raised = super::plan(&target(), NumericUser { uid: 0, gid: 0 }, &request).unwrap();
    assert_eq!(command(&raised)[4..], ["--tools", "first"]);
    assert!(matches!(&raised.view.how, How::Exec(exec) if exec.outranks_keeper));
}

#[test]
fn another_user_than_the_targets_own_finds_the_tools_first_in_every_mode() {
    for (own, asked, numbers, is_own) in [
        ("", None, (0, 0), true),
        ("", Some("0"), (0, 0), true),
        ("", Some("0:7"), (0, 7), false),
        ("", Some("1000"), (1000, 1000), false),
        ("1000", None, (1000, 1000), true),
        ("1000", Some("1000"), (1000, 1000), true),
        ("1000:1000", Some("1000"), (1000, 1000), true),
        ("1000:1000", Some("1000:0"), (1000, 0), false),
        ("app", Some("app"), (7, 7), true),
        // The image decides who this user is.
        ("root", Some("0"), (0, 0), false),
        ("app", Some("0"), (0, 0), false),
    ] {
        for mode in [Mode::Exec, Mode::Copy] {
            for podman in [false, true] {
                let target = Target {
                    user: own.to_owned(),
                    env: vec!["PS1=$(/evil)".to_owned()],
                    ..target()
                };
                let user = asked.map(str::to_owned);
                let request = PlanRequest { mode: Some(mode), user, ..PlanRequest::default() };
                let request = AttachRequest { asked: request, podman, ..AttachRequest::default() };
                let user = NumericUser { uid: numbers.0, gid: numbers.1 };
                let plan = plan(&target, user, &request).unwrap();
                let place = if is_own { "last" } else { "first" };
                let command = command(&plan);
                assert_eq!(
                    command[4..6],
                    ["--tools", place],
                    "{own:?} {asked:?} {mode:?} {podman}"
                );
                let prompt = environment(&plan).iter().any(|entry| entry.starts_with("PS1="));
                assert_eq!(prompt, !is_own, "the prompt is never the image's there");
            }
        }
    }
}

#[test]
fn arguments_are_passed_on_untouched() {
    let given = vec!["sh".to_owned(), "-c".to_owned(), "echo $HOME; exit 42".to_owned()];
    let plan = decide(
        &target(),
        &asking(PlanRequest { command: given.clone(), ..PlanRequest::default() }),
    );
    let started = command(&plan);
    assert_eq!(
        started[..4],
        ["/proc/7/root/session/abc/bin/scratchdbg-launcher", "run", "7", "s1"]
    );
    assert_eq!(started[4..6], ["--tools", "last"]);
    assert_eq!(started[6..], given);
    let request =
        asking(PlanRequest { command: given.clone(), tty: true, ..PlanRequest::default() });
    assert_eq!(command(&decide(&target(), &request))[6..], given);
}

#[test]
fn only_a_session_inside_the_target_comes_by_way_of_a_process() {
    let modes = [Mode::Exec, Mode::Sidecar, Mode::Copy]
        .map(|mode| asking(PlanRequest { mode: Some(mode), ..PlanRequest::default() }));
    let own = AttachRequest { tools_image: Some("tools:1".to_owned()), ..AttachRequest::default() };
    let starts =
        ["/proc/7/root/session/abc/bin/", "/bin/", "/.scratchdbg-s1/bin/", "/.scratchdbg-s1/bin/"];
    for (request, start) in modes.iter().chain([&own]).zip(starts) {
        let command = command(&decide(&target(), request));
        assert_eq!(command[0], format!("{start}scratchdbg-launcher"), "{request:?}");
        let ways = command.iter().filter(|word| word.contains("/proc/")).count();
        assert_eq!(ways, usize::from(request.asked.mode == Some(Mode::Exec)), "{command:?}");
    }
}

#[test]
fn a_sidecar_starts_in_the_targets_root() {
    let request = asking(PlanRequest { mode: Some(Mode::Sidecar), ..PlanRequest::default() });
    let started = command(&decide(&target(), &request));
    assert_eq!(started[4..], ["--beside", "k1", "0123", "/bin/sh"]);
    let request =
        AttachRequest { tools_image: Some("tools:1".to_owned()), ..AttachRequest::default() };
    let plan = decide(&target(), &request);
    assert_eq!(command(&plan)[7..], ["sh"]);
    assert!(environment(&plan).is_empty(), "tools of one's own keep their PATH");
}

#[test]
fn a_copy_knows_the_command_line() {
    let target = Target { command_line: vec!["/app".to_owned(), "a\nb\\".to_owned()], ..target() };
    let plan =
        decide(&target, &asking(PlanRequest { mode: Some(Mode::Copy), ..PlanRequest::default() }));
    let environment = environment(&plan);
    assert_eq!(environment.last().unwrap(), "SCRATCHDBG_ENTRYPOINT=/app\na\\nb\\\\");
}
