//! An engine that is killed with everything it runs, as by a power cut, and started again.

use super::{Proof, ended};
use crate::own_engine::OwnEngine;

pub(super) const PROOFS: &[Proof] = &[Proof {
    code: "daemon-restarted",
    fault: |stage| {
        let mut engine = OwnEngine::start();
        engine.import_app(stage);
        engine.ask(&["run", "--detach", "--network", "none", "--name", "up", "app:1"]);
        let own = ["run", "--detach", "--network", "none", "--name", "own", "app:1", "exit", "3"];
        engine.ask(&own);
        engine.ask(&["wait", "own"]);
        engine.lose_power();
        // A container that had ended before ended by itself.
        assert_eq!(engine.why("own")["verdict"], "app-exit");
        engine.why("up")
    },
    near_miss: |stage| ended(stage, "by-itself", &[], &stage.image, &["exit", "255"]),
}];

one_test_each! {
    daemon_restarted
}
