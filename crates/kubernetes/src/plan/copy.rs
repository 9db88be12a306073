//! Plans a copy of a pod for a container that does not run: a new pod with that container alone, in
//! which the launcher runs in place of the container's program. The copy's container is also the
//! session's keeper.
//!
//! The copy keeps the parts of the pod that concern the container: environment, volumes, user and
//! profiles. The copy lacks all that would make the cluster treat it as the original (labels,
//! owner, probes), and has no right over the node that the user did not request.

mod marks;
mod tools;

use scratchdbg_backend::launcher::{self, TWIN_BASE};
use scratchdbg_backend::{Error, ErrorKind, LeftOut, NumericUser, PlanRequest, ToolsImage};
use serde_json::{Map, Value, json};

pub(crate) use self::marks::{KnownCopy, LABEL_SESSION, recognize};
use self::marks::{TARGET, name};
use super::keeper;
use crate::model::Pod;

/// The longest life of a copy, whatever happens to its client: one day, in seconds.
const LIFETIME: u32 = 24 * 60 * 60;

/// The fields of the original pod that a copy keeps, beside volumes.
const OF_POD: [&str; 15] = [
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostUsers",
    "imagePullSecrets",
    "nodeSelector",
    "os",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "tolerations",
];

/// The fields of the original container that a copy keeps, beside its image.
const OF_CONTAINER: [&str; 9] = [
    "name",
    "env",
    "envFrom",
    "volumeMounts",
    "volumeDevices",
    "workingDir",
    "resources",
    "securityContext",
    "terminationMessagePolicy",
];

/// The fields with which a pod shares namespaces of the node.
const OF_NODE: [&str; 3] = ["hostNetwork", "hostPID", "hostIPC"];

/// A planned copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CopyPlan {
    /// The pod, without the parts that depend on the session.
    manifest: Value,
    /// The name of the original pod.
    original: String,
    /// The name of the container.
    pub(crate) container: String,
    /// The rights over the node that the copy does not have.
    pub(crate) left_out: Vec<LeftOut>,
    /// Other differences from the original, one clause each.
    pub(crate) differences: Vec<String>,
    /// The command line of the original. Empty if the image defines it and was not inspected.
    pub(crate) entrypoint: Vec<String>,
}

/// Plans a copy of the pod `raw`, which is the pod as the API returns it. `user` is the user of the
/// container, as far as it is known.
pub(crate) fn plan(
    pod: &Pod,
    raw: &Value,
    container: &str,
    user: NumericUser,
    tools: &ToolsImage,
    request: &PlanRequest,
) -> Result<CopyPlan, Error> {
    let spec = &raw["spec"];
    let original = find(spec, container).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("`{container}` is no container that can be copied"))
    })?;
    let mut plan = CopyPlan {
        manifest: Value::Null,
        original: pod.metadata.name.clone(),
        container: container.to_owned(),
        left_out: Vec::new(),
        differences: Vec::new(),
        entrypoint: command_line(original, tools),
    };
    plan.say_what_all_copies_lack(spec, container);
    let mut copy = pick(original, &OF_CONTAINER);
    plan.limit_rights(&mut copy, request)?;
    let mut spec_of_copy = pick(spec, &OF_POD);
    // Rules about other pods are meant for the original. They could keep a copy from being
    // scheduled.
    let node_affinity = spec["affinity"].get("nodeAffinity").cloned();
    spec_of_copy
        .extend(node_affinity.map(|rule| ("affinity".to_owned(), json!({"nodeAffinity": rule}))));
    plan.leave_namespaces_of_the_node(spec, &mut spec_of_copy, request);
    let mut volumes = plan.volumes(spec, &mut copy, request);
    let is_bound = is_bound_to_node(&volumes) || original["imagePullPolicy"] == "Never";
    if is_bound && let Some(node) = spec["nodeName"].as_str().filter(|node| !node.is_empty()) {
        // The copy must run on this node, so the scheduler is bypassed.
        spec_of_copy.insert("nodeName".to_owned(), node.into());
    }
    plan.bring_tools(pod, original, &mut copy, &mut spec_of_copy, &mut volumes, user, tools);
    copy.insert("command".to_owned(), json!([keeper::program(TWIN_BASE)]));
    for (field, value) in [("stdin", true), ("stdinOnce", true), ("tty", false)] {
        copy.insert(field.to_owned(), value.into());
    }
    spec_of_copy.insert("containers".to_owned(), json!([copy]));
    spec_of_copy.insert("volumes".to_owned(), volumes.into());
    spec_of_copy.insert("restartPolicy".to_owned(), "Never".into());
    spec_of_copy.insert("terminationGracePeriodSeconds".to_owned(), 1.into());
    spec_of_copy.insert("activeDeadlineSeconds".to_owned(), LIFETIME.into());
    plan.manifest = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": pod.metadata.namespace,
            "annotations": {TARGET: format!("pod/{}/{container}", pod.metadata.name)},
        },
        "spec": spec_of_copy,
    });
    Ok(plan)
}

impl CopyPlan {
    /// Returns the copy's name in the API.
    pub(crate) fn name(&self, session: &str) -> String {
        name(&self.original, session)
    }

    /// Returns the manifest of the copy for this session.
    pub(crate) fn manifest(&self, session: &str) -> Value {
        let mut manifest = self.manifest.clone();
        manifest["metadata"]["name"] = self.name(session).into();
        manifest["metadata"]["labels"] =
            json!({LABEL_SESSION: session, "io.scratchdbg.mode": "copy"});
        manifest["spec"]["containers"][0]["args"] = json!(launcher::keep_asked(session, None));
        manifest
    }

    fn differs(&mut self, words: impl Into<String>) {
        self.differences.push(words.into());
    }

    fn leaves_out(&mut self, what: String, why: &str) {
        self.left_out.push(LeftOut { what, why: why.to_owned(), gone: false });
    }

    fn say_what_all_copies_lack(&mut self, spec: &Value, container: &str) {
        self.differs("it has no labels, owner, probes, hooks and ports");
        self.differs("its filesystem is that of the image: what the original wrote is not there");
        let others = names(spec, "containers").into_iter().chain(names(spec, "initContainers"));
        let others: Vec<_> =
            others.filter(|name| *name != container).map(|name| format!("`{name}`")).collect();
        if !others.is_empty() {
            self.differs(format!("{} of the pod do not run in it", others.join(", ")));
        }
        if self.entrypoint.is_empty() {
            self.differs("run-entrypoint does not know the image's own command");
        }
    }

    /// Removes access beyond the container, and adds the rights that the user requested.
    fn limit_rights(
        &mut self,
        copy: &mut Map<String, Value>,
        request: &PlanRequest,
    ) -> Result<(), Error> {
        let mut context = copy
            .remove("securityContext")
            .and_then(|context| context.as_object().cloned())
            .unwrap_or_default();
        if context.remove("privileged") == Some(Value::Bool(true)) {
            self.leaves_out("privileged".to_owned(), "no copy is");
        }
        context.remove("procMount");
        let added = context
            .get("capabilities")
            .and_then(|set| set["add"].as_array())
            .cloned()
            .unwrap_or_default();
        let mut add: Vec<Value> = Vec::new();
        if request.same_rights {
            add = added;
        } else {
            for name in added.iter().filter_map(Value::as_str) {
                self.leaves_out(format!("capability {name}"), "a right over the node");
            }
        }
        add.extend(request.capabilities.iter().map(|name| {
            let name = name.to_ascii_uppercase();
            Value::from(name.strip_prefix("CAP_").unwrap_or(&name))
        }));
        if !add.is_empty() || context.contains_key("capabilities") {
            let set = context.entry("capabilities").or_insert_with(|| json!({}));
            if let Some(set) = set.as_object_mut() {
                set.remove("add");
                if !add.is_empty() {
                    set.insert("add".to_owned(), add.into());
                }
            }
        }
        if let Some(user) = &request.user {
            let (uid, gid) = numbers(user)?;
            context.insert("runAsUser".to_owned(), uid.into());
            if uid == 0 {
                context.insert("runAsNonRoot".to_owned(), false.into());
            }
            context.extend(gid.map(|gid| ("runAsGroup".to_owned(), gid.into())));
        }
        copy.insert("securityContext".to_owned(), context.into());
        if let Some(resources) = copy.get_mut("resources").and_then(Value::as_object_mut) {
            resources.remove("claims");
        }
        Ok(())
    }

    fn leave_namespaces_of_the_node(
        &mut self,
        spec: &Value,
        copy: &mut Map<String, Value>,
        request: &PlanRequest,
    ) {
        for field in OF_NODE.into_iter().filter(|field| spec[field] == true) {
            if request.same_rights {
                copy.insert(field.to_owned(), true.into());
            } else {
                self.leaves_out(field.to_owned(), "a namespace of the node");
            }
        }
    }

    /// Returns the volumes that the container mounts. Removes the mounts of all other volumes.
    fn volumes(
        &mut self,
        spec: &Value,
        copy: &mut Map<String, Value>,
        request: &PlanRequest,
    ) -> Vec<Value> {
        let mounted = |copy: &Map<String, Value>, name: &Value| {
            let fields = ["volumeMounts", "volumeDevices"]
                .into_iter()
                .filter_map(|field| copy.get(field)?.as_array());
            fields.flatten().any(|mount| mount["name"] == *name)
        };
        let mut kept = Vec::new();
        for volume in spec["volumes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|volume| mounted(copy, &volume["name"]))
        {
            let name = volume["name"].as_str().unwrap_or_default();
            if volume.get("hostPath").is_some() && !request.same_rights {
                let path = volume["hostPath"]["path"].as_str().unwrap_or_default();
                self.leaves_out(path.to_owned(), "a folder of the node");
                continue;
            }
            if volume.get("ephemeral").is_some() {
                self.differs(format!("volume `{name}` is left out: its claim is made for one pod"));
                continue;
            }
            if volume.get("emptyDir").is_some() {
                self.differs(format!("volume `{name}` is empty"));
            }
            if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                self.differs(format!(
                    "volume `{name}` (claim `{claim}`) is the original's own: what the session writes stays there. A claim \
                     that only one node may mount holds the copy on that node"
                ));
            }
            kept.push(volume.clone());
        }
        for field in ["volumeMounts", "volumeDevices"] {
            if let Some(mounts) = copy.get_mut(field).and_then(Value::as_array_mut) {
                mounts.retain(|mount| kept.iter().any(|volume| volume["name"] == mount["name"]));
            }
        }
        kept
    }
}

/// Whether a pod with these volumes can only run on the node of its original.
fn is_bound_to_node(volumes: &[Value]) -> bool {
    volumes.iter().any(|volume| {
        ["persistentVolumeClaim", "hostPath"].iter().any(|kind| volume.get(kind).is_some())
    })
}

/// Returns a container from the specification of a pod, including init containers.
fn find<'a>(spec: &'a Value, name: &str) -> Option<&'a Value> {
    let lists =
        ["containers", "initContainers"].into_iter().filter_map(|list| spec[list].as_array());
    lists.flatten().find(|container| container["name"] == name)
}

fn names<'a>(spec: &'a Value, list: &str) -> Vec<&'a str> {
    spec[list]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|container| container["name"].as_str())
        .collect()
}

/// Returns the given members of an object.
fn pick(object: &Value, members: &[&str]) -> Map<String, Value> {
    members.iter().filter_map(|&name| Some((name.to_owned(), object.get(name)?.clone()))).collect()
}

/// Returns the command line that the container would run, as far as it is known. Variables in it
/// (`$(NAME)`) are not expanded; dollar signs of the image, which kubelets leave alone, are
/// doubled.
fn command_line(container: &Value, tools: &ToolsImage) -> Vec<String> {
    let words = |field: &str| {
        let list = container[field].as_array()?;
        Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
            .filter(|list| !list.is_empty())
    };
    match (words("command"), words("args"), &tools.image_command) {
        (Some(command), arguments, _) => [command, arguments.unwrap_or_default()].concat(),
        (None, arguments, Some((entrypoint, cmd))) => {
            let of_image = |words: &[String]| {
                words.iter().map(|word| word.replace('$', "$$")).collect::<Vec<_>>()
            };
            [of_image(entrypoint), arguments.unwrap_or_else(|| of_image(cmd))].concat()
        }
        (None, _, None) => Vec::new(),
    }
}

/// Parses `UID[:GID]`. Kubernetes accepts no user names.
fn numbers(user: &str) -> Result<(u32, Option<u32>), Error> {
    let (uid, gid) = user.split_once(':').map_or((user, None), |(uid, gid)| (uid, Some(gid)));
    let gid = gid.map(str::parse).transpose();
    match (uid.parse(), gid) {
        (Ok(uid), Ok(gid)) => Ok((uid, gid)),
        _ => Err(Error::new(
            ErrorKind::Invalid,
            format!("--user {user}: Kubernetes takes numbers alone"),
        )
        .hint("-u UID or -u UID:GID")),
    }
}

#[cfg(test)]
mod tests;
