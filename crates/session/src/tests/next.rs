//! Tests the sessions that follow one that ended before its command did.

use std::time::Duration;

use scratchdbg_backend::{ErrorKind, Mode, Phase, ProcessEnd};
use scratchdbg_testkit::fake_session::{Script, TARGET};

use super::{Case, error, exits};
use crate::{Consent, Stage};

#[tokio::test(start_paused = true)]
async fn a_refused_exec_falls_back_to_a_sidecar() {
    let refused = || Script {
        no_process: Some(error(ErrorKind::NotStarted, "no exec here")),
        ..Script::default()
    };
    let (platform, result) = Case::new([refused(), exits(4)]).run().await;
    assert_eq!(result.code, Ok(4));
    let journal = ["look web", "keep for exec", "keeper gone", "look web", "keep for sidecar"];
    assert_eq!(platform.journal()[..5], journal);
    assert_eq!(result.said[2..5], ["Refused", "FallsBack", "Begins"]);
    // Not if the user chose the mode, and not from a sidecar.
    for mode in [Mode::Exec, Mode::Sidecar, Mode::Copy] {
        let mut case = Case::new([refused()]);
        case.request.plan.mode = Some(mode);
        let (platform, result) = case.run().await;
        assert_eq!(result.code.expect_err("it is refused").message, "no exec here");
        assert_eq!(
            platform.journal().iter().filter(|entry| entry.starts_with("keep for")).count(),
            1
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_with_capabilities_asks_first() {
    let refused = || Script {
        no_process: Some(error(ErrorKind::Denied, "a plugin says no")),
        ..Script::default()
    };
    for (answer, expected) in [
        (Consent::Given, Ok(0)),
        (Consent::Refused, Err("a plugin says no".to_owned())),
        (Consent::Interrupted(130), Ok(130)),
    ] {
        let mut case = Case::new([refused(), exits(0)]);
        case.platform.want_capabilities(&["SYS_PTRACE"]);
        case.answer = answer;
        let (platform, result) = case.run().await;
        let code = result.code.map_err(|error| error.message);
        assert_eq!(code, expected);
        assert!(result.said.iter().any(|word| word == "question"));
        let sidecars =
            platform.journal().iter().filter(|entry| *entry == "keep for sidecar").count();
        assert_eq!(sidecars, usize::from(answer == Consent::Given));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_to_agree_to_what_is_refused_anyway() {
    for are_trusted in [false, true] {
        let refused = Script {
            no_process: Some(error(ErrorKind::Denied, "a plugin says no")),
            ..Script::default()
        };
        let mut case = Case::new([refused, exits(0)]);
        case.platform.want_capabilities(&["SYS_PTRACE"]);
        case.platform.hide_neighbors(error(ErrorKind::Broken, "no answer about `other`"));
        case.answer = Consent::Given;
        case.request.trust_neighbors = are_trusted;
        let (_, result) = case.run().await;
        let expected = if are_trusted { Ok(0) } else { Err("no answer about `other`".to_owned()) };
        assert_eq!(result.code.map_err(|error| error.message), expected);
        assert_eq!(
            result.said.iter().any(|word| word == "question"),
            are_trusted,
            "{:?}",
            result.said
        );
    }
}

/// Whoever ends the keeper in time would have more rights offered for it.
#[tokio::test(start_paused = true)]
async fn a_keeper_that_was_ended_is_no_reason_for_more_rights() {
    let refusal = || error(ErrorKind::NotStarted, "no such file");
    for script in [
        Script { no_process: Some(refusal()), keeper_is_gone: true, ..Script::default() },
        Script {
            end: Some(ProcessEnd::NotStarted(refusal())),
            keeper_is_gone: true,
            ..Script::default()
        },
    ] {
        let case = Case::new([script]);
        case.platform.want_capabilities(&["SYS_PTRACE"]);
        let (platform, result) = case.run().await;
        let failure = result.code.expect_err("it did not begin");
        assert!(
            failure.message.starts_with("the keeper ended before the session began"),
            "{failure}"
        );
        assert!(failure.hints.iter().all(|hint| !hint.contains("--mode")), "{failure:?}");
        assert!(!result.said.contains(&"question".to_owned()), "{:?}", result.said);
        assert!(!platform.journal().contains(&"keep for sidecar".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn neighbors_are_looked_for_before_anything_is_started() {
    let case = Case::new([exits(0)]);
    case.platform.outrank_keepers(&["other"]);
    let (platform, result) = case.run().await;
    let failure = result.code.expect_err("it is refused");
    assert!(
        failure.message.contains("`other`") && failure.hints[0].contains("--trust-neighbors"),
        "{failure:?}"
    );
    assert_eq!(platform.journal(), ["look web"]);
    let mut case = Case::new([exits(0)]);
    case.platform.outrank_keepers(&["other"]);
    case.request.trust_neighbors = true;
    let (_, result) = case.run().await;
    assert_eq!((result.code, &*result.said[0]), (Ok(0), "Trusts"));
    let case = Case::new([exits(0)]);
    case.platform.outrank_keepers(&[]);
    let (_, result) = case.run().await;
    assert_eq!((result.code, &*result.said[0]), (Ok(0), "OutranksKeeper"));
}

#[tokio::test(start_paused = true)]
async fn a_keeper_that_lingers_serves_and_stays() {
    let case = Case::new([exits(0)]);
    case.platform.leave_a_keeper();
    let (platform, result) = case.run().await;
    assert_eq!(result.code, Ok(0));
    assert_eq!(platform.journal(), ["look web", "keep for exec", "keeper stays", "process gone"]);
    let mut case = Case::new([exits(0)]);
    case.request.plan.linger = Some(Duration::from_mins(1));
    let (platform, _) = case.run().await;
    assert_eq!(platform.journal()[2..], ["linger as 7", "keeper stays", "process gone"]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_keeper_is_replaced_by_one_of_our_own() {
    // The keeper does not answer, or the process with its id cannot be entered.
    for stale in [
        Script { keeper_says: Some("nothing"), ..Script::default() },
        Script {
            no_process: Some(error(ErrorKind::NotStarted, "no such file")),
            ..Script::default()
        },
    ] {
        let silent = stale.keeper_says.is_some();
        let case = Case::new(if silent { vec![stale] } else { vec![stale, exits(5)] });
        case.platform.leave_a_keeper();
        let (platform, result) = case.run().await;
        if silent {
            // The script then makes another keeper report nonsense.
            assert!(result.code.is_err());
        } else {
            assert_eq!(result.code, Ok(5));
        }
        let keepers = platform.journal().iter().filter(|entry| *entry == "keep for exec").count();
        assert_eq!(keepers, 2, "{:?}", platform.journal());
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_are_followed_by_id_and_checked_anew() {
    let ends = |script| Script { target_ends: Some((Phase::Restarting, 1)), ..script };
    let mut case = Case::new([ends(exits(137)), ends(exits(137)), exits(0)]);
    case.request.follow_restarts = true;
    let platform = case.platform.clone();
    case.at = Box::new(move |stage| {
        if stage == Stage::Over {
            let platform = platform.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                platform.set_phase(Phase::Running);
            });
        }
    });
    let (platform, result) = case.run().await;
    assert_eq!(result.code, Ok(0));
    let looks: Vec<_> =
        platform.journal().into_iter().filter(|entry| entry.starts_with("look")).collect();
    assert_eq!(looks, ["look web".to_owned(), format!("look {TARGET}"), format!("look {TARGET}")]);
    assert_eq!(result.said.iter().filter(|word| *word == "RunsAgain").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_target_whose_sessions_end_at_once_is_given_up() {
    let mut case =
        Case::new(vec![Script { target_ends: Some((Phase::Running, 1)), ..exits(137) }; 50]);
    case.request.follow_restarts = true;
    let (platform, result) = case.run().await;
    let failure = result.code.expect_err("it is given up");
    assert!(
        failure.message.contains("10 sessions in a row") && failure.hints[0].contains("why web"),
        "{failure:?}"
    );
    assert_eq!(platform.journal().iter().filter(|entry| *entry == "keep for exec").count(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_removed_while_it_is_waited_for_ends_the_wait() {
    let mut case = Case::new([Script { target_ends: Some((Phase::Exited, 1)), ..exits(137) }]);
    case.request.follow_restarts = true;
    let platform = case.platform.clone();
    case.at = Box::new(move |stage| {
        if stage == Stage::Over {
            platform.remove_target();
        }
    });
    let (_, result) = case.run().await;
    assert_eq!(result.code.expect_err("it is gone").kind, ErrorKind::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_gone_is_left_out_of_the_next_copy() {
    let gone = ErrorKind::SourceGone { path: "/srv/x".to_owned() };
    let mut case = Case::new([
        Script { no_process: Some(error(gone, "it is gone")), ..Script::default() },
        exits(0),
    ]);
    case.request.plan.mode = Some(Mode::Copy);
    let (_, result) = case.run().await;
    assert_eq!(result.code, Ok(0));
    assert_eq!(result.said[2..4], ["SourceMissing", "WithoutSources"]);
}
