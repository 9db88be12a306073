use super::*;
use crate::Phase;
use crate::target::tests::target;

const USER: NumericUser = NumericUser { uid: 65532, gid: 65532 };
const ROOT: NumericUser = NumericUser::ROOT;

fn asking(asked: PlanRequest) -> AttachRequest {
    AttachRequest { asked, ..AttachRequest::default() }
}

fn sidecar() -> PlanRequest {
    PlanRequest { mode: Some(Mode::Sidecar), ..PlanRequest::default() }
}

#[test]
fn a_sidecar_is_privileged_only_where_the_kernel_wants_it() {
    let request = asking(sidecar());
    let capabilities =
        |target: &Target, user| plan(target, user, &request).unwrap().view.capabilities().to_vec();
    assert!(capabilities(&target(), USER).is_empty(), "another user than root has no capability");
    assert_eq!(capabilities(&target(), ROOT), SEE_OTHERS);
    let dropped = Target { dropped_capabilities: vec!["all".to_owned()], ..target() };
    assert!(capabilities(&dropped, ROOT).is_empty());
    let added = Target { added_capabilities: vec!["NET_ADMIN".to_owned()], ..dropped };
    assert_eq!(capabilities(&added, ROOT), SEE_OTHERS);
    let explicit = asking(PlanRequest { user: Some("0:0".to_owned()), ..sidecar() });
    assert!(
        plan(&target(), ROOT, &explicit).unwrap().view.capabilities().is_empty(),
        "the user's word counts"
    );
}

#[test]
fn what_nobody_asked_for_is_not_given_without_a_word() {
    let unasked = |state, user, request: &AttachRequest| {
        plan(&Target { state, ..target() }, user, request).unwrap().view.unasked().to_vec()
    };
    let auto = AttachRequest::default();
    let fallback = asking(PlanRequest { is_fallback: true, ..sidecar() });
    let tools =
        AttachRequest { tools_image: Some("tools:1".to_owned()), ..AttachRequest::default() };
    let security_options = vec!["label=disable".to_owned()];
    let confined = asking(PlanRequest { security_options, ..PlanRequest::default() });
    for (state, request) in [
        (Phase::Paused, &auto),
        (Phase::Running, &fallback),
        (Phase::Running, &tools),
        (Phase::Running, &confined),
    ] {
        assert_eq!(unasked(state, ROOT, request), SEE_OTHERS, "{request:?}");
        assert!(
            unasked(state, USER, request).is_empty(),
            "the target's user needs none: {request:?}"
        );
    }
    let capabilities = vec!["NET_ADMIN".to_owned()];
    let capability = asking(PlanRequest { capabilities, ..PlanRequest::default() });
    for request in [&asking(sidecar()), &capability, &AttachRequest { asked: sidecar(), ..tools }] {
        assert!(unasked(Phase::Running, ROOT, request).is_empty(), "it is asked for: {request:?}");
    }
    assert!(
        unasked(Phase::Running, ROOT, &auto).is_empty(),
        "inside the target there is nothing to ask"
    );
}

#[test]
fn what_joins_the_target_is_confined_as_it_is() {
    let confined = Target {
        confinement: vec!["apparmor=docker-web".to_owned(), "label=level:s0".to_owned()],
        user_namespace: "host".to_owned(),
        state: Phase::Paused,
        ..target()
    };
    let options = |options: &[&str]| {
        let security_options = options.iter().map(|&option| option.to_owned()).collect();
        asking(PlanRequest { security_options, ..PlanRequest::default() })
    };
    let cases: [(&[&str], &[&str]); 3] = [
        (&[], &["apparmor=docker-web", "label=level:s0"]),
        (&["apparmor=unconfined"], &["apparmor=unconfined", "label=level:s0"]),
        (&["label=disable"], &["label=disable", "apparmor=docker-web"]),
    ];
    for (asked, expected) in cases {
        let plan = plan(&confined, USER, &options(asked)).unwrap();
        assert_eq!(plan.view.security_options, expected);
        assert_eq!(plan.user_namespace.as_deref(), Some("host"));
        for option in expected {
            let reason =
                plan.view.reasons.iter().find(|reason| reason.decision == *option).unwrap();
            assert_eq!(reason.because == "--security-opt", asked.contains(option), "{reason:?}");
        }
    }
    let free = plan(&target(), USER, &options(&[])).unwrap();
    assert_eq!((free.view.security_options.len(), free.user_namespace), (0, None));
}

#[test]
fn an_image_is_copied() {
    let image = Target { id: String::new(), state: Phase::Created, ..target() };
    let request = asking(PlanRequest { mode: Some(Mode::Copy), ..PlanRequest::default() });
    let plan = plan(&image, USER, &request).unwrap().view;
    assert_eq!(
        (plan.mode(), plan.reasons[0].because.as_str()),
        (Mode::Copy, "it is an image: there is no container")
    );
    assert_eq!(plan.target_kind, "image");
}

#[test]
fn every_decision_has_a_reason() {
    let plan = plan(&target(), USER, &AttachRequest::default()).unwrap().view;
    assert!(plan.reasons.len() >= 4);
    assert!(
        plan.reasons.iter().all(|reason| !reason.decision.is_empty() && !reason.because.is_empty())
    );
}

#[test]
fn the_prompt_says_where_this_is() {
    let request =
        asking(PlanRequest { tty: true, term: Some("tmux".to_owned()), ..PlanRequest::default() });
    let environment = plan(&target(), USER, &request).unwrap().view.environment;
    assert_eq!(environment, ["TERM=tmux", "PS1=web:$PWD \\$ "]);
    let copy = plan(&Target { state: Phase::Exited, ..target() }, USER, &request)
        .unwrap()
        .view
        .environment;
    assert_eq!(copy[1], "PS1=(copy of web):$PWD \\$ ");
}
