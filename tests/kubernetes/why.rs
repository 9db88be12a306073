//! Tests `why` of pods and workloads. Each test causes a fault in the cluster, and runs `why` from
//! the first moment on: until the expected verdict is reached, no other verdict may appear.

mod deleted;
mod lies;
mod node;
mod report;
mod rights;
mod run;
mod start;
mod workloads;

use std::cell::RefCell;

use scratchdbg_testkit::cluster::{ImageSpec, pod_spec};
use scratchdbg_testkit::eventually;
use serde_json::{Value, json};

use crate::stage::Stage;

const USER: ImageSpec<'static> = ImageSpec { user: "65532:65532", files: &[] };

/// Verdicts that only state that nothing has happened yet.
const EARLY: &[&str] = &["never-started", "running"];

/// A pod or a workload, and its expected verdict.
struct Case {
    target: String,
    /// Verdicts that may precede the expected one.
    before: Vec<&'static str>,
    verdict: &'static str,
    /// A text that the verdict, its evidence or its fix must contain.
    says: &'static str,
}

/// Returns a case whose verdict only [`EARLY`] verdicts may precede.
fn case(target: &str, verdict: &'static str, says: &'static str) -> Case {
    Case { target: target.to_owned(), before: EARLY.to_vec(), verdict, says }
}

impl Case {
    fn after(mut self, before: &[&'static str]) -> Self {
        self.before.extend(before);
        self
    }

    /// Whether the answer has the expected verdict. Fails on an unexpected one.
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

/// Returns the answer of `why` as JSON.
#[track_caller]
fn why(stage: &Stage, target: &str) -> Value {
    let finished = stage.ask(&["why", "--format", "json", target]);
    finished.expect_code(0);
    serde_json::from_slice(&finished.stdout).expect("one JSON document")
}

/// Runs `why` for all cases until each has its verdict.
#[track_caller]
fn prove(stage: &Stage, cases: Vec<Case>) {
    let open = RefCell::new(cases);
    let last = RefCell::new(Value::Null);
    eventually(
        || {
            let names: Vec<_> = open
                .borrow()
                .iter()
                .map(|case| format!("{}: {}", case.target, case.verdict))
                .collect();
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

/// Returns the codes of an answer, the verdict first.
fn codes(answer: &Value) -> Vec<&str> {
    let findings = answer["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["code"].as_str().expect("a code")).collect()
}

/// Returns a pod whose container has these settings in addition to those of [`pod_spec`].
fn with(image: &str, arguments: &[&str], container: &Value) -> Value {
    let mut spec = pod_spec(image, arguments);
    for (key, value) in container.as_object().expect("an object") {
        spec["containers"][0][key] = value.clone();
    }
    spec
}

/// Returns a Deployment with the label `app=NAME`.
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
