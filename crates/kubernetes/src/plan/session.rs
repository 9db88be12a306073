//! Plans a session on a pod.

use scratchdbg_backend::launcher::{EXPANDS_VARIABLE, TWIN_BASE};
use scratchdbg_backend::{Copied, Error, Exec, How, Plan, PlanRequest, Reason, ToolsImage};
use scratchdbg_diagnose::capability;
use serde_json::Value;

use super::copy::{self, CopyPlan};
use super::ids::{self, Ids, Source};
use super::keeper::{self, Confinement, Keeper};
use super::target::{self, Target};
use crate::model::{Capabilities, Container, ContainerStatus, Pod};

/// A planned session, with all data that the cluster needs for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPlan {
    /// The platform-independent part.
    pub(crate) view: Plan,
    pub(crate) namespace: String,
    pub(crate) pod: String,
    /// The `uid` of the pod, since another pod may get its name.
    pub(crate) pod_uid: String,
    pub(crate) node: String,
    /// The name of the target's container.
    pub(crate) container: String,
    /// The id of the container's current run.
    pub(crate) container_id: String,
    pub(crate) keeper: Keeper,
    /// Whether the ids are guessed. The keeper then compares its ids with those of the target's
    /// first process.
    pub(crate) ids_are_guessed: bool,
    /// The ephemeral container of an earlier session that serves this session.
    pub(crate) lingering: Option<String>,
    /// The number of keepers that the pod's record already has.
    pub(crate) earlier: usize,
    /// The copy that the session runs in, if any.
    pub(crate) copy: Option<CopyPlan>,
}

impl AsRef<Plan> for SessionPlan {
    fn as_ref(&self) -> &Plan {
        &self.view
    }
}

/// Plans a session in a container of a pod. `target_id` is the platform's id of the container.
pub(crate) fn plan(
    pod: &Pod,
    container: &str,
    target_id: String,
    request: &PlanRequest,
    tools: &ToolsImage,
) -> Result<SessionPlan, Error> {
    let Target { container: found, status } = target::find(pod, container)?;
    let Ids { user, source } = ids::of(pod, found, Some(status));
    target::check(request, user)?;
    let confinement = Confinement::of(pod, found);
    let (image, base) = (tools.keeper.clone(), tools.base);
    let keeper = Keeper { image, base, user, linger: request.linger, confinement };
    let lingering = keeper::lingering(pod, &keeper, container).map(str::to_owned);
    let earlier = pod
        .spec
        .ephemeral_containers
        .iter()
        .filter(|each| keeper::recognize(each).is_some())
        .count();
    let how = How::Exec(Exec {
        outranks_keeper: false,
        tools_first: false,
        tools_base: keeper.base,
        linger: request.linger,
        has_keeper: lingering.is_some(),
    });
    let reasons = reasons(pod, source, &keeper, tools, lingering.is_some());
    let subject = Subject { pod, container: found, status: Some(status), target_id };
    let planned = subject.plan(request, keeper, how, reasons);
    Ok(SessionPlan { ids_are_guessed: source == Source::Guess, lingering, earlier, ..planned })
}

/// Plans a session in a copy of a pod. `raw` is the pod as the API returns it.
pub(crate) fn plan_copy(
    pod: &Pod,
    raw: &Value,
    container: &str,
    target_id: String,
    request: &PlanRequest,
    tools: &ToolsImage,
) -> Result<SessionPlan, Error> {
    target::check_copy(pod, container, request)?;
    let found = pod.chosen_container(Some(container)).map_err(Error::from)?;
    let status = pod.container_status(container);
    let Ids { user, .. } = ids::of(pod, found, status);
    let copy = copy::plan(pod, raw, container, user, tools, request)?;
    let keeper = Keeper {
        image: tools.keeper.clone(),
        base: tools.base,
        user,
        linger: None,
        confinement: Confinement::of(pod, found),
    };
    let mut reasons = vec![Reason {
        decision: "mode copy".to_owned(),
        because: "asked for by --mode: a new pod, which is removed at the end".to_owned(),
    }];
    reasons.extend(
        tools
            .because
            .clone()
            .map(|because| Reason { decision: format!("toolkit image {}", tools.keeper), because }),
    );
    reasons.extend(copy.differences.iter().map(|because| Reason {
        decision: "the copy differs".to_owned(),
        because: because.clone(),
    }));
    let how = How::Copy(Copied {
        capabilities: request.capabilities.clone(),
        tools_base: Some(TWIN_BASE),
        entrypoint: copy.entrypoint.clone(),
        tools_first: request.user.is_some(),
        as_original: request.same_rights,
        left_out: copy.left_out.clone(),
    });
    let subject = Subject { pod, container: found, status, target_id };
    let mut plan = subject.plan(request, keeper, how, reasons);
    // What the kubelet expands in the original's command line, the launcher expands in this one.
    plan.view.environment.push(format!("{EXPANDS_VARIABLE}=1"));
    Ok(SessionPlan { copy: Some(copy), ..plan })
}

/// The container of a pod that a session is for.
struct Subject<'a> {
    pod: &'a Pod,
    container: &'a Container,
    /// `None` if the kubelet has not reported the container.
    status: Option<&'a ContainerStatus>,
    target_id: String,
}

impl Subject<'_> {
    /// Returns the plan, with the parts that all modes share.
    fn plan(
        self,
        request: &PlanRequest,
        keeper: Keeper,
        how: How,
        reasons: Vec<Reason>,
    ) -> SessionPlan {
        let Self { pod, container, status, target_id } = self;
        let own = &container.security_context;
        // A copy is its own keeper.
        let of_keeper = match &how {
            How::Exec(_) => keeper.confinement.capabilities.clone(),
            How::Sidecar(_) | How::Copy(_) => Capabilities::default(),
        };
        let view = Plan {
            platform: "cluster",
            target_id,
            target_name: format!("pod/{}/{}", pod.metadata.name, container.name),
            target_kind: target::phase(pod, status).as_str(),
            shares_pids: false,
            target_capabilities: capability::bounding_set(
                own.privileged,
                &own.capabilities.add,
                &own.capabilities.drop,
            ),
            user: keeper.user,
            tty: request.tty,
            command: request.command.clone(),
            environment: environment(&pod.metadata.name, request),
            path: String::new(),
            workdir: request.workdir.clone(),
            keeper_image: keeper.image.clone(),
            keeper_added: of_keeper.add,
            keeper_dropped: of_keeper.drop,
            keeper_network: "pod",
            security_options: Vec::new(),
            how,
            reasons,
        };
        SessionPlan {
            view,
            namespace: pod.metadata.namespace.clone(),
            pod: pod.metadata.name.clone(),
            pod_uid: pod.metadata.uid.clone(),
            node: pod.spec.node_name.clone(),
            container: container.name.clone(),
            container_id: status.map_or_else(String::new, |status| status.runtime_id().to_owned()),
            keeper,
            ids_are_guessed: false,
            lingering: None,
            earlier: 0,
            copy: None,
        }
    }
}

fn reasons(
    pod: &Pod,
    source: Source,
    keeper: &Keeper,
    tools: &ToolsImage,
    lingers: bool,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut because = |decision: String, because: &str| {
        reasons.push(Reason { decision, because: because.to_owned() });
    };
    because("mode exec".to_owned(), "the target runs");
    because(format!("user {}", keeper.user), source.because());
    if let Some(why) = &tools.because {
        because(format!("toolkit image {}", keeper.image), why);
    }
    because(
        "the keeper has the session's rights".to_owned(),
        "who could touch the one could touch the other: its user, group, capabilities and profiles are the same",
    );
    let seccomp =
        keeper.confinement.seccomp.get("type").and_then(Value::as_str).unwrap_or("its own");
    because(
        format!("seccomp profile {seccomp}"),
        "nothing beside the target lends it system calls that it denies itself",
    );
    if lingers {
        because(
            "the keeper that is there".to_owned(),
            "one lingers that has the same target, user and tools",
        );
    } else {
        because(
            "an ephemeral container".to_owned(),
            "Kubernetes starts nothing else in a pod that runs; its entry stays in the pod's record until the pod is deleted",
        );
    }
    if pod.spec.share_process_namespace || pod.spec.host_pid {
        because(
            "all containers see the session's processes".to_owned(),
            "the pod shares one PID namespace",
        );
    }
    reasons
}

fn environment(pod: &str, request: &PlanRequest) -> Vec<String> {
    let mut environment = Vec::new();
    if request.tty {
        environment.push(format!("TERM={}", request.term.as_deref().unwrap_or("xterm")));
        if request.command.is_empty() {
            // The API allows no characters in a pod name that a shell would interpret.
            environment.push(format!("PS1={pod}:$PWD \\$ "));
        }
    }
    environment.extend_from_slice(&request.environment);
    environment
}
