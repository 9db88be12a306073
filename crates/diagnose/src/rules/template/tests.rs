//! A container and its image: what is wrong, in which line, and the near misses.

use super::*;
use crate::mentions::MentionScanner;
use crate::rootfs::Entry;
use crate::template::{Action, Lined, MountTemplate, PortTemplate, Purpose};

#[expect(clippy::unnecessary_wraps, reason = "the type of the fields")]
fn at<T>(value: T, line: usize) -> Option<Lined<T>> {
    Some(Lined { value, line })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn container() -> ContainerTemplate {
    ContainerTemplate {
        name: "app".into(),
        line: 10,
        image: at("shop/app:1".into(), 11),
        ..ContainerTemplate::default()
    }
}

fn probe(purpose: Purpose, exec: &[&str]) -> Action {
    Action { purpose, line: 30, exec: at(words(exec), 31), port_name: None }
}

/// Returns the codes and lines of a container of an image with `/app`, which runs as `user`.
fn found(pod: &PodTemplate, container: &ContainerTemplate, user: &str) -> Vec<(Code, usize)> {
    let mut scanner = MentionScanner::new();
    scanner.push(b"/tmp");
    let mentions = scanner.finish();
    let image =
        ConfigFacts { entrypoint: words(&["/app"]), user: user.into(), ..ConfigFacts::default() };
    let mut rootfs = Rootfs::complete();
    rootfs.insert("/app", Entry::file(0o755, 10));
    rootfs.insert("/tmp", Entry::directory(0o1777));
    rootfs.insert("/etc/passwd", Entry::content(0o644, "app:x:7:7::/:\n"));
    let config = applied(container, &image);
    hide_mounts(container, &mut rootfs);
    let image = TemplateImage { config: &config, rootfs: &rootfs, mentions: Some(&mentions) };
    let findings = check_settings("f", pod, container)
        .into_iter()
        .chain(check_image("f", pod, container, image));
    findings
        .map(|finding| {
            let location = finding.location.expect("a line");
            assert!(
                location.path == "f"
                    && finding.evidence.iter().any(|line| line.contains("container app"))
            );
            (finding.code, location.line)
        })
        .collect()
}

#[track_caller]
fn expect(container: ContainerTemplate, user: &str, code: Code, line: usize) {
    let found = found(&PodTemplate::default(), &container, user);
    assert!(found.contains(&(code, line)), "{code} in line {line}: {found:?}");
}

#[track_caller]
fn expect_not(pod: &PodTemplate, container: ContainerTemplate, user: &str, code: Code) {
    let found = found(pod, &container, user);
    assert!(!found.iter().any(|(found, _)| *found == code), "no {code}: {found:?}");
}

fn mount(path: &str, is_claim: bool, is_read_only: bool) -> Vec<MountTemplate> {
    vec![MountTemplate { path: path.into(), volume: "v".into(), is_claim, is_read_only, line: 40 }]
}

#[test]
fn probes_and_hooks() {
    let pod = PodTemplate::default();
    let with = |action: Action| ContainerTemplate { actions: vec![action], ..container() };
    expect(with(probe(Purpose::Liveness, &["sh", "-c", "true"])), "7", Code::ProbeNeedsShell, 31);
    expect(with(probe(Purpose::PreStop, &["/bin/sleep", "5"])), "7", Code::HookNeedsShell, 31);
    expect_not(
        &pod,
        with(probe(Purpose::Readiness, &["/app", "-check"])),
        "7",
        Code::ProbeNeedsShell,
    );
    expect_not(&pod, with(probe(Purpose::Readiness, &["$(CHECK)"])), "7", Code::ProbeNeedsShell);
    let own = ContainerTemplate {
        mounts: mount("/bin", false, false),
        ..with(probe(Purpose::Liveness, &["/bin/x"]))
    };
    expect_not(&pod, own, "7", Code::ProbeNeedsShell);
    let ask = |name: &str| Action {
        port_name: at(name.into(), 32),
        exec: None,
        ..probe(Purpose::Readiness, &[])
    };
    let ports = vec![PortTemplate { name: "http".into(), number: 8080, line: 50 }];
    let asking = |name: &str| ContainerTemplate { ports: ports.clone(), ..with(ask(name)) };
    expect(asking("web"), "7", Code::PortNameUnknown, 32);
    expect_not(&pod, asking("http"), "7", Code::PortNameUnknown);
}

#[test]
fn users() {
    let pod = PodTemplate::default();
    let strict = ContainerTemplate { run_as_non_root: at(true, 20), ..container() };
    expect(strict.clone(), "", Code::RunAsNonRootRootImage, 20);
    expect(strict.clone(), "0:5", Code::RunAsNonRootRootImage, 20);
    expect(strict.clone(), "app", Code::RunAsNonRootNamedUser, 20);
    expect(strict.clone(), "root", Code::RunAsNonRootNamedUser, 20);
    for code in [
        Code::RunAsNonRootRootImage,
        Code::RunAsNonRootNamedUser,
        Code::UserNotNumeric,
        Code::RunsAsRoot,
    ] {
        expect_not(&pod, strict.clone(), "7", code);
        let own = ContainerTemplate { run_as_user: at(7, 21), ..strict.clone() };
        expect_not(&pod, own, "app", code);
    }
    expect(
        ContainerTemplate { run_as_user: at(0, 21), ..strict },
        "7",
        Code::RunAsNonRootRootImage,
        21,
    );
    expect(container(), "", Code::RunsAsRoot, 11);
}

#[test]
fn what_the_user_may_not_do() {
    let pod = PodTemplate::default();
    let read_only = ContainerTemplate { read_only_root: Some(22), ..container() };
    expect(read_only.clone(), "7", Code::ReadOnlyFilesystem, 22);
    let with_tmp = ContainerTemplate { mounts: mount("/tmp/", false, false), ..read_only.clone() };
    expect_not(&pod, with_tmp, "7", Code::ReadOnlyFilesystem);
    let other = ContainerTemplate { mounts: mount("/tmpfiles", false, false), ..read_only };
    expect(other, "7", Code::ReadOnlyFilesystem, 22);
    expect_not(&pod, container(), "7", Code::ReadOnlyFilesystem);

    let claim = ContainerTemplate { mounts: mount("/data", true, false), ..container() };
    expect(claim.clone(), "7", Code::FsGroupMissing, 40);
    let grouped = PodTemplate { has_fs_group: true, ..PodTemplate::default() };
    expect_not(&grouped, claim.clone(), "7", Code::FsGroupMissing);
    expect_not(&pod, claim, "0", Code::FsGroupMissing);
    let read = ContainerTemplate { mounts: mount("/data", true, true), ..container() };
    expect_not(&pod, read, "7", Code::FsGroupMissing);

    let port = |number| {
        let ports = vec![PortTemplate { name: String::new(), number, line: 50 }];
        ContainerTemplate { ports, ..container() }
    };
    expect(port(80), "7", Code::PortNotPermitted, 50);
    expect_not(&pod, port(8080), "7", Code::PortNotPermitted);
    expect_not(&pod, port(80), "0", Code::PortNotPermitted);
    let changed = PodTemplate { changes_unprivileged_ports: true, ..PodTemplate::default() };
    expect_not(&changed, port(80), "7", Code::PortNotPermitted);
}

#[test]
fn commands() {
    let pod = PodTemplate::default();
    let run =
        |command: &[&str]| ContainerTemplate { command: at(words(command), 25), ..container() };
    expect(run(&["/nothere"]), "7", Code::EntrypointMissing, 25);
    expect(run(&["/app --port 80"]), "7", Code::EntrypointOneString, 25);
    expect(run(&["$(PROGRAM)"]), "7", Code::EntrypointMissing, 25);
    let of_a_map = ContainerTemplate { has_other_env: true, ..run(&["$(PROGRAM)"]) };
    for good in [run(&["/app"]), of_a_map, container()] {
        expect_not(&pod, good.clone(), "7", Code::EntrypointMissing);
        expect_not(&pod, good, "7", Code::EntrypointNotAbsolute);
    }
    // A script of a config map.
    let mounted =
        ContainerTemplate { mounts: mount("/scripts", false, true), ..run(&["/scripts/run.sh"]) };
    expect_not(&pod, mounted, "7", Code::EntrypointMissing);
    let hidden = ContainerTemplate { mounts: mount("/app", false, true), ..container() };
    expect_not(&pod, hidden, "7", Code::EntrypointMissing);
    let folder = ContainerTemplate { working_directory: at("/app".into(), 26), ..container() };
    expect(folder, "7", Code::WorkdirNotADirectory, 26);
    let message = |container: &ContainerTemplate| {
        let image = ConfigFacts::default();
        let config = applied(container, &image);
        let rootfs = Rootfs::complete();
        let image = TemplateImage { config: &config, rootfs: &rootfs, mentions: None };
        check_image("f", &pod, container, image).remove(0)
    };
    let finding = message(&run(&["/nothere"]));
    assert_eq!(finding.evidence[0], "command: [\"/nothere\"]", "{finding:?}");
    let unread = image_not_read("f", 3, "a:1", "no such host");
    assert_eq!((unread.code, unread.location.unwrap().line), (Code::ImagePullFailed, 3));
}
