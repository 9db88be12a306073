//! Sessions that are ended: by a signal that the command does not hear, or from elsewhere.

use super::*;

/// A command that hears no signal, and a client that gets this one while it runs.
fn deaf(signal: u8) -> Case {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut case = Case::new([Script { writes: vec![Write::Hang], ..Script::default() }]);
    case.signals = Some(receiver);
    case.at = Box::new(move |stage| {
        if stage == Stage::Running {
            sender.send(signal).expect("it listens");
        }
    });
    case
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_hear_a_signal_has_a_limit() {
    for signal in [130, 131, 143] {
        let case = deaf(signal);
        let began = tokio::time::Instant::now();
        let (platform, result) = case.run().await;
        assert_eq!(result.code, Ok(signal));
        assert!(began.elapsed() >= crate::AFTER_SIGNAL, "{:?}", began.elapsed());
        assert!(result.said.contains(&"Overdue".to_owned()), "{:?}", result.said);
        let journal = platform.journal();
        assert!(journal.contains(&format!("signal {}", signal - 128)), "{journal:?}");
        assert!(journal.contains(&"keeper gone".to_owned()), "{journal:?}");
    }
}

/// SIGHUP, and those that are nobody's wish for the command.
#[tokio::test(start_paused = true)]
async fn a_signal_that_is_not_passed_on_ends_the_session_at_once() {
    for signal in [129, 138, 140, 142, 152] {
        let case = deaf(signal);
        let began = tokio::time::Instant::now();
        let (platform, result) = case.run().await;
        assert_eq!(result.code, Ok(signal));
        assert!(began.elapsed() < crate::AFTER_SIGNAL, "{:?}", began.elapsed());
        assert!(
            !platform.journal().contains(&format!("signal {}", signal - 128)),
            "{:?}",
            platform.journal()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_keeper_was_removed_says_so() {
    let gone = || Script { keeper_is_gone: true, ..exits(137) };
    let (_, result) = Case::new([gone()]).run().await;
    assert_eq!((result.code, result.said.last().map(String::as_str)), (Ok(137), Some("Removed")));
    // What is known better is told: the target's end takes the keeper with it.
    for (script, word) in [
        (Script { target_ends: Some((Phase::Exited, 3)), ..gone() }, "TargetEnded"),
        (Script { out_of_memory: true, ..gone() }, "OutOfMemory"),
        (Script { keeper_is_gone: true, ..exits(1) }, "ended 1"),
    ] {
        let (_, result) = Case::new([script]).run().await;
        assert_eq!(result.said.last().map(String::as_str), Some(word));
    }
}

/// What a process may do to the launcher shows in the platform's exit code. It is no end of the
/// command.
#[tokio::test(start_paused = true)]
async fn without_the_launchers_record_no_exit_code_is_the_commands() {
    for code in [125, 127, 128, 129, 137, 143, 162, 178, 192, 255] {
        let end = Some(ProcessEnd::Exited(code, Vec::new()));
        let (_, result) =
            Case::new([Script { writes: vec![Write::Out("some")], end, ..Script::default() }])
                .run()
                .await;
        let failure = result.code.expect_err("it is not known");
        assert!(failure.message.contains("the launcher"), "{code}: {failure}");
        assert_eq!(result.output, "some");
        // The audit has no exit code either.
        let last = result.said.last().map(String::as_str).unwrap_or_default();
        assert!(last.starts_with("failed: the launcher"), "{code}: {last}");
    }
}

/// What is known of an end is told all the same.
#[tokio::test(start_paused = true)]
async fn a_launcher_that_was_killed_for_a_known_reason_says_so() {
    let killed = || Script { end: Some(ProcessEnd::Exited(137, Vec::new())), ..Script::default() };
    for (script, word) in [
        (Script { keeper_is_gone: true, ..killed() }, "Removed"),
        (Script { out_of_memory: true, ..killed() }, "OutOfMemory"),
        (Script { target_ends: Some((Phase::Exited, 3)), ..killed() }, "TargetEnded"),
    ] {
        let (_, result) = Case::new([script]).run().await;
        assert_eq!((result.code, result.said.last().map(String::as_str)), (Ok(137), Some(word)));
    }
    // The user's own signal came before the launcher could pass it on.
    let (sender, receiver) = mpsc::unbounded_channel();
    let end = Some(ProcessEnd::Exited(143, Vec::new()));
    let mut case =
        Case::new([Script { writes: vec![Write::AwaitSignal(15)], end, ..Script::default() }]);
    case.signals = Some(receiver);
    case.at = Box::new(move |stage| {
        if stage == Stage::Running {
            sender.send(143).expect("it listens");
        }
    });
    let (_, result) = case.run().await;
    assert_eq!(result.code, Ok(143));
    assert!(!result.said.contains(&"Failed".to_owned()), "{:?}", result.said);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_target_in_a_shared_namespace_ends_the_session() {
    let script = Script { writes: vec![Write::Out("some"), Write::Hang], ..Script::default() };
    let mut case = Case::new([script]);
    let platform = case.platform.clone();
    platform.share_pids();
    case.at = Box::new(move |stage| {
        if stage == Stage::Running {
            platform.end_target(3);
        }
    });
    let (platform, seen) = case.run().await;
    assert_eq!(seen.said.last().map(String::as_str), Some("TargetEnded"), "{:?}", seen.said);
    assert_eq!(seen.output, "some");
    assert_eq!(platform.journal()[2..], ["keeper gone", "process gone"]);
}
