//! Finds the pod templates of workloads in documents.

use scratchdbg_diagnose::template::{
    Action, ContainerTemplate, Lined, MountTemplate, PodTemplate, PortTemplate, Purpose,
};

use crate::yaml::{Node, Value};
use crate::{Manifest, Problem};

/// The kinds that have pods, and where the specification of their pods is.
const KINDS: &[(&str, &[&str])] = &[
    ("Pod", &["spec"]),
    ("Deployment", &["spec", "template", "spec"]),
    ("StatefulSet", &["spec", "template", "spec"]),
    ("DaemonSet", &["spec", "template", "spec"]),
    ("ReplicaSet", &["spec", "template", "spec"]),
    ("ReplicationController", &["spec", "template", "spec"]),
    ("Job", &["spec", "template", "spec"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
];

const PROBES: &[(&[&str], Purpose)] = &[
    (&["livenessProbe"], Purpose::Liveness),
    (&["readinessProbe"], Purpose::Readiness),
    (&["startupProbe"], Purpose::Startup),
    (&["lifecycle", "postStart"], Purpose::PostStart),
    (&["lifecycle", "preStop"], Purpose::PreStop),
];

/// Adds the pod templates of a document.
pub(crate) fn collect(document: &Node, manifest: &mut Manifest) {
    let kind = document.get("kind").and_then(Node::text).unwrap_or_default();
    // `List`, `PodList`, `DeploymentList`.
    if kind.ends_with("List") {
        for item in document.get("items").into_iter().flat_map(Node::items) {
            collect(item, manifest);
        }
        return;
    }
    let Some((_, path)) = KINDS.iter().find(|(known, _)| *known == kind) else { return };
    let name =
        document.at(&["metadata", "name"]).or_else(|| document.at(&["metadata", "generateName"]));
    let name =
        format!("{}/{}", kind.to_ascii_lowercase(), name.and_then(Node::text).unwrap_or("?"));
    let Some(spec) = document.at(path).filter(|spec| matches!(spec.value, Value::Mapping(_)))
    else {
        let what = format!("{name} has no specification of a pod at {}", path.join("."));
        let fix = format!("give it {}.containers", path.join("."));
        manifest.problems.push(Problem { line: document.line, what, fix });
        return;
    };
    // Windows has other rules.
    if spec.at(&["os", "name"]).and_then(Node::text) == Some("windows") {
        return;
    }
    let claims = claims(document, spec);
    let sysctls = spec.at(&["securityContext", "sysctls"]).into_iter().flat_map(Node::items);
    let mut template = PodTemplate {
        name,
        has_fs_group: spec
            .at(&["securityContext", "fsGroup"])
            .is_some_and(|group| !group.is_null()),
        is_on_host_network: spec.get("hostNetwork").and_then(Node::boolean) == Some(true),
        changes_unprivileged_ports: sysctls
            .filter_map(|sysctl| sysctl.get("name")?.text())
            .any(|name| name == "net.ipv4.ip_unprivileged_port_start"),
        containers: Vec::new(),
    };
    let mut problems = Vec::new();
    for list in ["initContainers", "containers"] {
        for node in containers(spec, list, &template.name, &mut problems) {
            template.containers.push(container(node, spec, &claims, &mut problems));
        }
    }
    manifest.problems.append(&mut problems);
    manifest.templates.push(template);
}

/// Returns the containers of a list, and tells what is none. A pod without `containers` is refused.
fn containers<'a>(
    spec: &'a Node,
    list: &str,
    pod: &str,
    problems: &mut Vec<Problem>,
) -> Vec<&'a Node> {
    let mut refuse = |line, what: String| {
        let fix = format!("write each container as an element of {list}: - name: app");
        problems.push(Problem { line, what, fix });
    };
    let node = spec.get(list).filter(|node| !node.is_null());
    let items = match node.map(|node| &node.value) {
        Some(Value::Sequence(items)) => &items[..],
        Some(_) => {
            refuse(node.map_or(spec.line, |node| node.line), format!("{list} of {pod} is no list"));
            return Vec::new();
        }
        None => &[],
    };
    if items.is_empty() && list == "containers" {
        let line = node.map_or(spec.line, |node| node.line);
        refuse(line, format!("{pod} has no containers"));
    }
    let (good, bad): (Vec<_>, Vec<_>) =
        items.iter().partition(|item| matches!(item.value, Value::Mapping(_)));
    for item in bad {
        refuse(item.line, format!("an element of {list} of {pod} is no container"));
    }
    good
}

/// Tells of a container without the name of an image.
fn expect_image(node: &Node, problems: &mut Vec<Problem>) {
    let image = node.get("image").filter(|image| !image.is_null());
    if image.and_then(Node::text).is_some_and(|image| !image.is_empty()) {
        return;
    }
    let name = node.get("name").and_then(Node::text).unwrap_or("?");
    let is_text = image.is_none_or(|image| image.text().is_some());
    let (what, fix) = if is_text {
        (format!("container {name} names no image: it is not checked"), "name its image")
    } else {
        (
            format!("the image of container {name} is a list or an object: it is not checked"),
            "write a text; check what a template becomes: helm template CHART > manifest.yaml",
        )
    };
    let line = image.map_or(node.line, |image| image.line);
    problems.push(Problem { line, what, fix: fix.to_owned() });
}

/// Returns the names of the volumes that are claims of storage.
fn claims(document: &Node, spec: &Node) -> Vec<String> {
    let volumes = spec.get("volumes").into_iter().flat_map(Node::items);
    let is_claim = |volume: &&Node| {
        volume.get("persistentVolumeClaim").or_else(|| volume.get("ephemeral")).is_some()
    };
    let of_pod = volumes.filter(is_claim).filter_map(|volume| volume.get("name"));
    let templates =
        document.at(&["spec", "volumeClaimTemplates"]).into_iter().flat_map(Node::items);
    let of_set = templates.filter_map(|claim| claim.at(&["metadata", "name"]));
    of_pod.chain(of_set).filter_map(|name| Some(name.text()?.to_owned())).collect()
}

fn container(
    node: &Node,
    spec: &Node,
    claims: &[String],
    problems: &mut Vec<Problem>,
) -> ContainerTemplate {
    // A setting of the container comes before that of the pod.
    let security = |name: &str| {
        let own = node.at(&["securityContext", name]).filter(|value| !value.is_null());
        own.or_else(|| spec.at(&["securityContext", name])).filter(|value| !value.is_null())
    };
    let read_only = node.at(&["securityContext", "readOnlyRootFilesystem"]);
    expect_image(node, problems);
    let envs = || node.get("env").into_iter().flat_map(Node::items);
    for env in envs() {
        expect_string(env.get("value"), "the value of a variable", problems);
    }
    ContainerTemplate {
        name: text(node.get("name")).map(|name| name.value).unwrap_or_default(),
        line: node.line,
        image: text(node.get("image")).filter(|image| !image.value.is_empty()),
        command: words(node.get("command"), "command", problems),
        args: words(node.get("args"), "args", problems),
        working_directory: text(node.get("workingDir")).filter(|folder| !folder.value.is_empty()),
        env: envs().filter_map(variable).collect(),
        has_other_env: node.get("envFrom").is_some_and(|list| !list.items().is_empty()),
        run_as_user: security("runAsUser")
            .and_then(|user| Some(Lined { value: user.number()?, line: user.line })),
        run_as_group: security("runAsGroup").and_then(Node::number),
        run_as_non_root: security("runAsNonRoot")
            .and_then(|flag| Some(Lined { value: flag.boolean()?, line: flag.line })),
        read_only_root: read_only.filter(|flag| flag.boolean() == Some(true)).map(|flag| flag.line),
        mounts: node
            .get("volumeMounts")
            .into_iter()
            .flat_map(Node::items)
            .filter_map(|m| mount(m, claims))
            .collect(),
        ports: node.get("ports").into_iter().flat_map(Node::items).filter_map(port).collect(),
        actions: PROBES
            .iter()
            .filter_map(|&(path, purpose)| action(node.at(path)?, purpose, problems))
            .collect(),
    }
}

fn text(node: Option<&Node>) -> Option<Lined<String>> {
    let node = node?;
    Some(Lined { value: node.text()?.to_owned(), line: node.line })
}

fn variable(node: &Node) -> Option<(String, Option<String>)> {
    let name = node.get("name")?.text()?.to_owned();
    let is_from_elsewhere = node.get("valueFrom").is_some();
    let value = node.get("value").and_then(Node::text).unwrap_or_default().to_owned();
    Some((name, (!is_from_elsewhere).then_some(value)))
}

fn mount(node: &Node, claims: &[String]) -> Option<MountTemplate> {
    let volume = node.get("name").and_then(Node::text).unwrap_or_default().to_owned();
    Some(MountTemplate {
        path: node.get("mountPath")?.text()?.to_owned(),
        is_claim: claims.contains(&volume),
        volume,
        is_read_only: node.get("readOnly").and_then(Node::boolean) == Some(true),
        line: node.line,
    })
}

fn port(node: &Node) -> Option<PortTemplate> {
    Some(PortTemplate {
        name: node.get("name").and_then(Node::text).unwrap_or_default().to_owned(),
        number: node.get("containerPort")?.number()?,
        line: node.get("containerPort")?.line,
    })
}

fn action(node: &Node, purpose: Purpose, problems: &mut Vec<Problem>) -> Option<Action> {
    let exec = node.at(&["exec", "command"]);
    let port = ["httpGet", "tcpSocket"].iter().find_map(|kind| node.at(&[kind, "port"]));
    let is_name = |port: &&Node| port.text().is_some_and(|text| text.parse::<i64>().is_err());
    matches!(node.value, Value::Mapping(_)).then(|| Action {
        purpose,
        line: node.line,
        exec: words(exec, "command", problems),
        port_name: text(port.filter(is_name)),
    })
}

/// Returns the elements of a list of texts, and tells what is none.
fn words(
    node: Option<&Node>,
    field: &str,
    problems: &mut Vec<Problem>,
) -> Option<Lined<Vec<String>>> {
    let node = node.filter(|node| !node.is_null())?;
    let Value::Sequence(items) = &node.value else {
        let what = format!("{field} is not a list: the API takes a list of texts");
        let fix = format!("write each argument as an element: {field}: [\"/app\", \"--flag\"]");
        problems.push(Problem { line: node.line, what, fix });
        return None;
    };
    for item in items {
        expect_string(Some(item), &format!("an element of {field}"), problems);
    }
    let words = items.iter().map(|item| item.text().unwrap_or_default().to_owned()).collect();
    Some(Lined { value: words, line: node.line })
}

fn expect_string(node: Option<&Node>, what: &str, problems: &mut Vec<Problem>) {
    let Some(node) = node.filter(|node| !node.is_string() && !node.is_null()) else { return };
    let (what, fix) = match node.text() {
        Some(text) => (
            format!("{what} is {text}, a number or a boolean: the API takes texts alone there"),
            format!("quote it: \"{text}\""),
        ),
        None => (
            format!("{what} is a list or an object: the API takes texts alone there"),
            "write a text".to_owned(),
        ),
    };
    problems.push(Problem { line: node.line, what, fix });
}

#[cfg(test)]
mod tests {
    use crate::read;

    const DEPLOYMENT: &str = r#"apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 7}
      volumes:
        - name: data
          persistentVolumeClaim: {claimName: data}
      initContainers:
        - {name: first, image: "init:1"}
      containers:
        - name: app
          image: shop/app:1
          command: [/app]
          args: ["--port", 8080]
          env:
            - {name: A, value: b}
            - {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}
            - {name: N, value: 5}
          securityContext:
            runAsUser: 0
            readOnlyRootFilesystem: true
          volumeMounts:
            - {name: data, mountPath: /data}
          ports:
            - {name: http, containerPort: 80}
          livenessProbe:
            exec: {command: [sh, -c, "true"]}
          readinessProbe:
            httpGet: {port: web}
          lifecycle:
            preStop: {exec: {command: /bin/stop}}
"#;

    #[test]
    fn templates_have_settings_with_lines() {
        let manifest = read(DEPLOYMENT);
        let [pod] = &manifest.templates[..] else { panic!("{manifest:?}") };
        assert_eq!(pod.name, "deployment/web");
        let [first, app] = &pod.containers[..] else { panic!("{pod:?}") };
        assert_eq!((first.name.as_str(), first.run_as_user.as_ref().unwrap().value), ("first", 7));
        assert_eq!(
            app.image.as_ref().map(|image| (image.value.as_str(), image.line)),
            Some(("shop/app:1", 20))
        );
        assert_eq!(app.command.as_ref().unwrap().value, ["/app"]);
        assert_eq!(app.args.as_ref().unwrap().value, ["--port", "8080"]);
        assert_eq!(app.env[..2], [("A".into(), Some("b".into())), ("S".into(), None)]);
        assert_eq!(app.run_as_user.as_ref().map(|user| (user.value, user.line)), Some((0, 28)));
        assert_eq!(
            app.run_as_non_root.as_ref().map(|flag| (flag.value, flag.line)),
            Some((true, 12))
        );
        assert_eq!(app.read_only_root, Some(29));
        assert!(app.mounts[0].is_claim && !app.mounts[0].is_read_only);
        assert_eq!((app.ports[0].number, app.ports[0].line), (80, 33));
        assert_eq!(app.actions[0].exec.as_ref().unwrap().value, ["sh", "-c", "true"]);
        assert_eq!(app.actions[1].port_name.as_ref().unwrap().value, "web");
        let lines: Vec<usize> = manifest.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [26, 22, 39], "{:?}", manifest.problems);
    }

    #[test]
    fn every_kind_with_pods_is_read() {
        let pod = "{containers: [{name: a, image: i}]}";
        let template = format!("{{template: {{spec: {pod}}}}}");
        for (kind, spec) in [
            ("Pod", pod.to_owned()),
            ("StatefulSet", template.clone()),
            ("DaemonSet", template.clone()),
            ("Job", template.clone()),
            ("CronJob", format!("{{jobTemplate: {{spec: {template}}}}}")),
        ] {
            let text = format!("{{kind: {kind}, metadata: {{name: x}}, spec: {spec}}}");
            for text in [text.clone(), format!("kind: List\nitems: [{text}]")] {
                let manifest = read(&text);
                assert_eq!(manifest.templates.len(), 1, "{text}");
                assert_eq!(manifest.templates[0].containers[0].name, "a", "{text}");
            }
        }
        let windows = "{kind: Pod, spec: {os: {name: windows}, containers: [{name: a}]}}";
        assert_eq!(read(windows).templates, []);
        let set = "{kind: StatefulSet, spec: {volumeClaimTemplates: [{metadata: {name: d}}], template: {spec: {containers: \
                   [{name: a, volumeMounts: [{name: d, mountPath: /d}]}]}}}}";
        assert!(read(set).templates[0].containers[0].mounts[0].is_claim);
        assert_eq!(read("services: {web: {image: x}}").templates, []);
    }
}
