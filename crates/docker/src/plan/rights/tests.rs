//! Tables of the rights of targets, and of what a copy keeps of them.

use super::*;
use crate::target::Reach;
use crate::target::tests::target;

const PROFILE: &str = r#"seccomp={"defaultAction":"SCMP_ACT_ERRNO"}"#;

fn left_out(settings: &CopySettings) -> Vec<&str> {
    settings.left_out.iter().map(|each| &*each.what).collect()
}

#[test]
fn an_ordinary_container_is_copied_as_it_is() {
    let volume = Mount {
        kind: "volume".into(),
        name: "data".into(),
        destination: "/data".into(),
        ..Mount::default()
    };
    let folder = Mount { kind: "bind".into(), source: "/srv/shop".into(), ..volume.clone() };
    let reach = Reach {
        network_mode: "shop".into(),
        ipc_mode: "shareable".into(),
        security_options: vec!["no-new-privileges".into(), PROFILE.into(), "label=level:s0".into()],
        mounts: vec![volume, folder],
        ..Reach::default()
    };
    let usual = vec!["cap_net_bind_service".to_owned(), "CHOWN".to_owned()];
    let target = Target { added_capabilities: usual, reach: reach.clone(), ..target() };
    let settings = copy_settings(&target, &[], false);
    assert_eq!(settings.capabilities, ["CHOWN", "NET_BIND_SERVICE"]);
    assert_eq!((&*settings.network, settings.ipc.as_deref()), ("shop", None));
    assert_eq!(settings.security_options, reach.security_options);
    let alone = Mount { non_recursive: true, ..reach.mounts[1].clone() };
    assert_eq!(settings.mounts, [reach.mounts[0].clone(), alone]);
    assert_eq!(settings.left_out, []);
}

#[test]
fn what_reaches_beyond_a_container_is_left_out_and_said() {
    let reach = Reach {
        devices: vec!["device /dev/kvm".into()],
        network_mode: "host".into(),
        ipc_mode: "host".into(),
        pid_mode: "host".into(),
        uts_mode: "host".into(),
        has_hosts_cgroups: true,
        security_options: vec![
            "seccomp=unconfined".into(),
            "apparmor:unconfined".into(),
            "label=disable".into(),
        ],
        unmasked: true,
        mounts: vec![Mount {
            kind: "bind".into(),
            source: "/var/run/docker.sock".into(),
            ..Mount::default()
        }],
        ..Reach::default()
    };
    let target = Target {
        privileged: true,
        added_capabilities: vec!["CAP_SYS_ADMIN".into(), "ALL".into(), "NO_SUCH".into()],
        user_namespace: "host".into(),
        reach,
        ..target()
    };
    let settings = copy_settings(&target, &["sys_ptrace".to_owned()], false);
    assert_eq!(settings.capabilities, ["SYS_PTRACE"], "what was asked for, and no more");
    assert_eq!(
        (&*settings.network, settings.ipc.as_ref(), settings.uts.as_ref()),
        ("none", None, None)
    );
    assert!(
        settings.mounts.is_empty() && settings.security_options.is_empty() && !settings.as_original
    );
    assert!(!settings.cgroup_namespace_of_host);
    assert_eq!(settings.user_namespace, None);
    for what in [
        "--privileged",
        "capability SYS_ADMIN",
        "capability ALL",
        "capability NO_SUCH",
        "device /dev/kvm",
        "the host's processes",
        "the host's shared memory",
        "the host's name",
        "the host's network",
        "the host's user namespace",
        "the host's cgroup namespace",
        "--security-opt seccomp=unconfined",
        "--security-opt label=disable",
        "mount /var/run/docker.sock",
    ] {
        assert!(left_out(&settings).contains(&what), "{what} in {settings:?}");
    }
    let all = copy_settings(&target, &[], true);
    assert_eq!(all.capabilities, ["ALL", "NO_SUCH", "SYS_ADMIN"]);
    assert_eq!((&*all.network, all.ipc.as_deref(), all.mounts.len()), ("host", Some("host"), 1));
    assert!(all.cgroup_namespace_of_host);
    assert_eq!(left_out(&all), ["--privileged"], "which is never given");
    // Where engines give it to all, nobody asked for it.
    let usual = Reach { has_hosts_cgroups: true, all_have_hosts_cgroups: true, ..Reach::default() };
    let target = Target { reach: usual, ..crate::target::tests::target() };
    let settings = copy_settings(&target, &[], false);
    assert!(!settings.cgroup_namespace_of_host && settings.left_out.is_empty(), "{settings:?}");
}

#[test]
fn what_is_gone_is_left_out_even_where_all_is_asked_for() {
    let reach = Reach {
        network_mode: "shop".into(),
        network_gone: Some("there is none of that name".into()),
        ipc_mode: "container:0123".into(),
        ipc_gone: Some("it is not running".into()),
        mounts: vec![Mount {
            kind: "bind".into(),
            source: "/srv/x".into(),
            destination: "/x".into(),
            gone: Some("/srv/x is not there".into()),
            ..Mount::default()
        }],
        ..Reach::default()
    };
    for all in [false, true] {
        let settings = copy_settings(&Target { reach: reach.clone(), ..target() }, &[], all);
        assert_eq!(
            (&*settings.network, settings.ipc.as_ref(), settings.mounts.len()),
            ("none", None, 0)
        );
        let gone: Vec<_> =
            settings.left_out.iter().map(|each| (&*each.what, &*each.why, each.gone)).collect();
        assert!(gone.contains(&("network shop", "there is none of that name", true)), "{gone:?}");
        assert!(gone.iter().any(|(what, _, _)| *what == "mount /x"), "{gone:?}");
        assert!(gone.iter().all(|(_, _, gone)| *gone), "{gone:?}");
    }
}

#[test]
fn a_namespace_that_may_be_the_hosts_is_left_out() {
    let by_file = Reach {
        network_mode: "ns:/proc/1/ns/net".into(),
        ipc_mode: "ns:/proc/1/ns/ipc".into(),
        uts_mode: "ns:/proc/1/ns/uts".into(),
        pid_mode: "ns:/proc/1/ns/pid".into(),
        ..Reach::default()
    };
    let by_peer = Reach {
        network_mode: "container:0123".into(),
        ipc_mode: "container:0123".into(),
        uts_mode: "container:0123".into(),
        leads_to_host: vec!["network", "ipc", "uts", "user"],
        ..Reach::default()
    };
    for (reach, user_namespace, count) in
        [(by_file, "ns:/proc/1/ns/user", 5), (by_peer.clone(), "container:0123", 4)]
    {
        let target = Target { reach, user_namespace: user_namespace.to_owned(), ..target() };
        let settings = copy_settings(&target, &[], false);
        assert_eq!((&*settings.network, &settings.ipc, &settings.uts), ("none", &None, &None));
        assert_eq!(
            (settings.user_namespace.as_ref(), settings.left_out.len()),
            (None, count),
            "{settings:?}"
        );
        let all = copy_settings(&target, &[], true);
        assert_eq!(
            (&all.network, all.user_namespace.as_deref()),
            (&target.reach.network_mode, Some(user_namespace))
        );
        assert_eq!(all.left_out, []);
    }
    let joined = Reach { leads_to_host: Vec::new(), ..by_peer };
    let settings = copy_settings(&Target { reach: joined, ..target() }, &[], false);
    assert_eq!(
        (&*settings.network, settings.ipc.as_deref()),
        ("container:0123", Some("container:0123"))
    );
}

#[test]
fn a_profile_that_lets_through_what_it_does_not_name_is_left_out() {
    for (option, keeps) in [
        (PROFILE, true),
        (r#"seccomp={"defaultAction":"SCMP_ACT_KILL_PROCESS","syscalls":[]}"#, true),
        ("seccomp=builtin", true),
        (r#"seccomp={"defaultAction":"SCMP_ACT_ALLOW"}"#, false),
        (r#"seccomp:{"defaultAction":"SCMP_ACT_LOG"}"#, false),
        (r#"seccomp={"defaultaction":"SCMP_ACT_TRACE"}"#, false),
        (r#"seccomp={"defaultAction":"SCMP_ACT_ERRNO","DEFAULTACTION":"SCMP_ACT_ALLOW"}"#, false),
        (r#"seccomp={"defaultAction":"SCMP_ACT_ERRNO","defaultAction":"SCMP_ACT_ALLOW"}"#, false),
        ("seccomp={}", false),
        ("seccomp=/etc/profile.json", false),
        ("seccomp=unconfined", false),
        ("apparmor=mine", true),
        ("label=type:spc_t", false),
    ] {
        assert_eq!(confines(option), keeps, "{option}");
        let reach = Reach { security_options: vec![option.to_owned()], ..Reach::default() };
        let settings = copy_settings(&Target { reach, ..target() }, &[], false);
        assert_eq!(
            (settings.security_options.len(), settings.left_out.len()),
            (usize::from(keeps), usize::from(!keeps))
        );
    }
}
