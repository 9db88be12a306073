//! `why` of pods and workloads. Each fault is made for real, and asked about from its first moment on: no answer on the way
//! to the verdict may be another verdict.

mod deleted;
mod lies;
mod node;
mod rights;
mod run;
mod start;
mod workloads;

use scratchdbg_testkit::cluster::{ImageSpec, pod_spec};
use scratchdbg_testkit::eventually;
use serde_json::{Value, json};
use std::cell::RefCell;

use crate::stage::Stage;

const USER: ImageSpec<'static> = ImageSpec { user: "65532:65532", files: &[] };

/// Verdicts that only say that nothing has happened yet.
const EARLY: &[&str] = &["never-started", "running"];

/// A pod or a workload, and what is to be said of it.
struct Case {
    target: String,
    /// Verdicts that may come before.
    before: Vec<&'static str>,
    verdict: &'static str,
    /// Words of the verdict, its evidence or its fix.
    says: &'static str,
}

/// A case whose verdict comes after nothing but [`EARLY`] ones.
fn case(target: &str, verdict: &'static str, says: &'static str) -> Case {
    Case { target: target.to_owned(), before: EARLY.to_vec(), verdict, says }
}

impl Case {
    fn after(mut self, before: &[&'static str]) -> Self {
        self.before.extend(before);
        self
    }

    /// Whether the verdict is there. Another one is a failure.
    #[track_caller]
    fn is_given(&self, answer: &Value) -> bool {
        let verdict = answer["verdict"].as_str().unwrap_or_default();
        if verdict == self.verdict && answer["findings"][0].to_string().contains(self.says) {
            return true;
        }
        let is_early = verdict == self.verdict || self.before.contains(&verdict);
        assert!(is_early, "{} is to be {}: {answer:#}", self.target, self.verdict);
        false
    }
}

/// The answer of `why` as JSON.
#[track_caller]
fn why(stage: &Stage, target: &str) -> Value {
    let finished = stage.ask(&["why", "--format", "json", target]);
    finished.expect_code(0);
    serde_json::from_slice(&finished.stdout).expect("one JSON document")
}

/// Asks about all of them until each has its verdict.
#[track_caller]
fn prove(stage: &Stage, cases: Vec<Case>) {
    let open = RefCell::new(cases);
    let last = RefCell::new(Value::Null);
    eventually(
        || {
            let names: Vec<_> = open.borrow().iter().map(|case| format!("{}: {}", case.target, case.verdict)).collect();
            format!("{names:#?}; the last answer: {:#}", last.borrow())
        },
        || {
            open.borrow_mut().retain(|case| {
                let answer = why(stage, &case.target);
                let is_given = case.is_given(&answer);
                last.replace(answer);
                !is_given
            });
            open.borrow().is_empty().then_some(())
        },
    );
}

/// The codes of an answer, the verdict first.
fn codes(answer: &Value) -> Vec<&str> {
    let findings = answer["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["code"].as_str().expect("a code")).collect()
}

/// A pod whose container has these settings beside those of [`pod_spec`].
fn with(image: &str, arguments: &[&str], container: &Value) -> Value {
    let mut spec = pod_spec(image, arguments);
    for (key, value) in container.as_object().expect("an object") {
        spec["containers"][0][key] = value.clone();
    }
    spec
}

/// A Deployment, with the label `app=NAME`.
fn deployment(name: &str, replicas: u32, spec: &Value) -> Value {
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    })
}
