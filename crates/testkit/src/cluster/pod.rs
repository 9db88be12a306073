//! A pod of a test.

use std::cell::RefCell;

use serde_json::{Value, json};

use super::node::{self, Node, Process};
use super::{Cluster, Namespace};
use crate::eventually;

/// Returns the spec of a pod with one container, `app`, of an imported image. The spec complies
/// with the profile *restricted*.
pub fn pod_spec(image: &str, arguments: &[&str]) -> Value {
    json!({
        // The first process of the container ignores SIGTERM.
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "app",
            "image": image,
            "imagePullPolicy": "Never",
            "args": arguments,
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
        }],
    })
}

/// A pod. It may have ended or be deleted.
#[derive(Debug)]
pub struct Pod<'namespace> {
    namespace: &'namespace Namespace,
    name: String,
    uid: String,
}

impl<'namespace> Pod<'namespace> {
    #[track_caller]
    pub(super) fn find(namespace: &'namespace Namespace, name: &str) -> Self {
        let uid = namespace.ask(["get", "pod", name, "--output", "jsonpath={.metadata.uid}"]);
        Self { namespace, name: name.to_owned(), uid }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the `uid`.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns the object, as kubectl prints it.
    #[track_caller]
    pub fn get(&self) -> Value {
        self.namespace.ask_json(["get", "pod", &self.name, "--output", "json"])
    }

    /// Waits until `wanted` returns true for the object, and returns the object.
    #[track_caller]
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let last = RefCell::new(Value::Null);
        eventually(
            || {
                let events = self.namespace.kubectl(["get", "events"]).stdout;
                let (status, events) =
                    (&last.borrow()["status"], String::from_utf8_lossy(&events).into_owned());
                format!("pod {} to be {what}; its status: {status:#}\n{events}", self.name)
            },
            || {
                let now = self.get();
                let is_so = wanted(&now);
                last.replace(now);
                is_so.then(|| last.take())
            },
        )
    }

    /// Returns the pod's node.
    #[track_caller]
    pub fn node(&self) -> Node {
        let name = self.get()["spec"]["nodeName"].as_str().expect("it is on a node").to_owned();
        self.cluster()
            .nodes()
            .into_iter()
            .find(|node| node.name() == name)
            .expect("the node is one of the cluster")
    }

    /// Returns the output of a container so far, from kubectl.
    #[track_caller]
    pub fn logs(&self, container: &str) -> String {
        self.namespace.ask(["logs", &self.name, "--container", container])
    }

    /// Returns all processes and zombies of the pod, including the one that holds the pod's
    /// namespaces, as its node sees them.
    pub fn processes(&self) -> Vec<Process> {
        node::processes(&format!("pod{}", self.uid))
    }

    /// Returns the only process of the pod with this name.
    #[track_caller]
    pub fn process(&self, name: &str) -> Process {
        let processes = self.processes();
        let mut named = processes.iter().filter(|process| process.name == name);
        match (named.next(), named.next()) {
            (Some(process), None) => process.clone(),
            _ => panic!("one process `{name}` is wanted in pod {}: {processes:?}", self.name),
        }
    }

    /// Waits until the pod's processes have these names, in any order.
    #[track_caller]
    pub fn wait_for_processes(&self, names: &[&str]) {
        let mut wanted: Vec<&str> = names.to_vec();
        wanted.sort_unstable();
        eventually(
            || {
                format!(
                    "the processes of pod {} to be {wanted:?}: {:?}",
                    self.name,
                    self.processes()
                )
            },
            || {
                let processes = self.processes();
                let mut found: Vec<&str> =
                    processes.iter().map(|process| process.name.as_str()).collect();
                found.sort_unstable();
                (found == wanted).then_some(())
            },
        );
    }

    fn cluster(&self) -> &Cluster {
        self.namespace.cluster()
    }
}
