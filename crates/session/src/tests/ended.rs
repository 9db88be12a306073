//! Sessions that are ended: by a signal that the command does not hear, or from elsewhere.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_hear_a_signal_has_a_limit() {
    for signal in [130, 131, 143] {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut case = Case::new([Script { writes: vec![Write::Hang], ..Script::default() }]);
        case.signals = Some(receiver);
        case.at = Box::new(move |stage| {
            if stage == Stage::Running {
                sender.send(signal).expect("it listens");
            }
        });
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
