//! Implements sessions on the pods of a cluster.

use std::sync::atomic::Ordering;

use scratchdbg_backend::{
    Error, ErrorKind, Mode, Neighbor, Phase, PlanRequest, Scope, SessionBackend, SessionTarget,
    Start, TargetEnd, ToolSource,
};
use serde_json::Value;

use super::keeper::{KeeperName, quit};
use super::{PodKeeper, PodProcess, PodSessions, PodTarget, copy, id_of};
use crate::call::Call;
use crate::container_id::ContainerId;
use crate::kind::Kind;
use crate::model::{ContainerStatus, Pod};
use crate::plan::access::{self, Permission};
use crate::plan::session::{self, SessionPlan};
use crate::plan::{keeper, target};

impl PodSessions {
    /// Fails if the user may not debug a pod. If the cluster does not answer the question, the
    /// session proceeds.
    async fn check_access(&self, pod: &Pod, needed: &[Permission]) -> Result<(), Error> {
        let (namespace, pod) = (&*pod.metadata.namespace, &*pod.metadata.name);
        let ask = async |permission: Permission| {
            let call = Call::create(Kind::SelfSubjectAccessReview, None);
            let answer: Result<Value, _> =
                self.cluster.client.create(&call, &permission.review(namespace, pod)).await;
            match answer {
                Ok(answer) => access::is_allowed(&answer) == Some(false),
                Err(error) => {
                    tracing::debug!(%error, "the cluster does not tell what is allowed");
                    false
                }
            }
        };
        let needed: Vec<Permission> = needed.iter().chain(&access::STREAMS).copied().collect();
        let denied = futures_util::future::join_all(needed.iter().copied().map(ask)).await;
        let missing: Vec<_> = needed
            .into_iter()
            .zip(denied)
            .filter_map(|(each, denied)| denied.then_some(each))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let version = self.cluster.client.get::<Value>(&Call::version()).await;
        let minor = version.ok().as_ref().and_then(access::minor_version);
        access::refusal(&missing, namespace, minor).map_or(Ok(()), Err)
    }

    /// Plans a session in a copy of a pod.
    async fn plan_copy(
        &self,
        pod: &Pod,
        container: &str,
        request: &PlanRequest,
        tools: &impl ToolSource,
    ) -> Result<SessionPlan, Error> {
        target::check_copy(pod, container, request)?;
        self.check_access(pod, &access::COPY).await?;
        // The whole object is read: the copy also keeps fields that this crate does not model.
        let call = Call::get(Kind::Pod, &pod.metadata.namespace, &pod.metadata.name);
        let raw: Value = self.cluster.client.get(&call).await?;
        let tools = tools.provide(request.dry_run).await?;
        session::plan_copy(pod, &raw, container, id_of(pod, container).to_string(), request, &tools)
    }

    async fn planned_pod(&self, plan: &SessionPlan) -> Result<Pod, Error> {
        self.pod(&plan.namespace, &plan.pod, Some(&plan.pod_uid)).await
    }
}

impl SessionBackend for PodSessions {
    type Target = PodTarget;
    type Plan = SessionPlan;
    type Keeper = PodKeeper;
    type Process = PodProcess;

    fn place(&self) -> String {
        self.cluster.place()
    }

    fn scope(&self) -> &Scope {
        &self.cluster.client.scope
    }

    async fn is_there(&self) -> bool {
        self.cluster.client.get::<Value>(&Call::version()).await.is_ok()
    }

    async fn inspect(
        &self,
        target: &SessionTarget,
        _with_keepers: bool,
    ) -> Result<PodTarget, Error> {
        let SessionTarget::Container(name) = target else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a session in an image alone is not there on Kubernetes",
            ));
        };
        let id: ContainerId = name.as_str().parse().map_err(|_| {
            Error::new(ErrorKind::Invalid, format!("`{name}` is no container of a pod"))
        })?;
        let pod = self.pod(&id.namespace, &id.pod, id.uid.as_deref()).await?;
        Ok(PodTarget { pod, container: id.container })
    }

    async fn plan(
        &self,
        PodTarget { pod, container }: PodTarget,
        request: &PlanRequest,
        tools: &impl ToolSource,
    ) -> Result<SessionPlan, Error> {
        if request.mode == Some(Mode::Copy) {
            return self.plan_copy(&pod, &container, request, tools).await;
        }
        // A session that cannot work is refused first, whatever else is missing.
        target::find(&pod, &container)?;
        self.check_access(&pod, &access::INSIDE).await?;
        let tools = tools.provide(request.dry_run).await?;
        session::plan(&pod, &container, id_of(&pod, &container).to_string(), request, &tools)
    }

    async fn state(&self, plan: &SessionPlan) -> Result<Phase, Error> {
        let pod = self.planned_pod(plan).await?;
        Ok(target::phase(&pod, pod.container_status(&plan.container)))
    }

    async fn target_end(&self, plan: &SessionPlan) -> Result<Option<TargetEnd>, Error> {
        if plan.copy.is_some() {
            // A copy does not depend on its original.
            return Ok(None);
        }
        match self.planned_pod(plan).await {
            Ok(pod) => {
                Ok(end_of_run(&pod, pod.container_status(&plan.container), &plan.container_id))
            }
            Err(error) if error.is_absent() => {
                Ok(Some(TargetEnd { state: Phase::Removing, exit_code: None }))
            }
            Err(error) => Err(error),
        }
    }

    async fn neighbors(&self, _plan: &SessionPlan) -> Result<Vec<Neighbor>, Error> {
        // A session never has more rights than the target's own processes.
        Ok(Vec::new())
    }

    async fn keep(&self, plan: &SessionPlan, session: &str) -> Result<PodKeeper, Error> {
        self.makes_no_copy.store(plan.copy.is_none(), Ordering::Relaxed);
        PodKeeper::of(self, plan, session).await
    }

    async fn start(
        &self,
        plan: &SessionPlan,
        session: &str,
        command: Start<'_>,
        ready: impl Future<Output = Result<(), Error>> + Send,
    ) -> Result<PodProcess, Error> {
        ready.await?;
        PodProcess::start(self, plan, session, command).await
    }

    async fn collect_garbage(&self) -> Result<usize, Error> {
        // Keepers end by themselves, and their entries cannot be removed. Copies of pods remain.
        if self.makes_no_copy.load(Ordering::Relaxed) {
            // The user of such a session may lack the permission to list pods.
            return Ok(0);
        }
        copy::collect(self).await
    }

    async fn clean_up(&self) {
        let ends = self.cluster.client.scope.left().into_iter().map(async |mark| {
            let Some(name) = KeeperName::parse(&mark) else { return };
            if name.is_copy {
                if let Err(error) = copy::remove(self, &name).await {
                    tracing::debug!(%error, mark, "it may be left");
                }
                return;
            }
            let session =
                name.container.strip_prefix(keeper::NAME_STEM).unwrap_or_default().to_owned();
            if let Err(error) = quit(self, &name, &session).await {
                tracing::debug!(%error, mark, "it may be left");
            }
        });
        futures_util::future::join_all(ends).await;
    }
}

/// Returns how a run of a container ended, if the run has ended.
fn end_of_run(
    pod: &Pod,
    status: Option<&ContainerStatus>,
    container_id: &str,
) -> Option<TargetEnd> {
    let state = target::phase(pod, status);
    let Some(status) = status else { return Some(TargetEnd { state, exit_code: None }) };
    if state == Phase::Running && status.runtime_id() == container_id {
        return None;
    }
    let terminated = [&status.state, &status.last_state]
        .into_iter()
        .filter_map(|state| state.terminated.as_ref());
    let is_this = |id: &str| id == container_id || id.ends_with(&format!("://{container_id}"));
    let exit_code =
        terminated.filter(|ended| is_this(&ended.container_id)).map(|ended| ended.exit_code).next();
    Some(TargetEnd { state, exit_code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_is_told_from_that_of_another() {
        let end = |status: Value| {
            let pod: Pod = serde_json::from_value(
                serde_json::json!({"status": {"containerStatuses": [status]}}),
            )
            .unwrap();
            end_of_run(&pod, pod.container_status("app"), "c1")
                .map(|end| (end.state, end.exit_code))
        };
        let running = serde_json::json!({"running": {}});
        let ended =
            |id: &str| serde_json::json!({"terminated": {"exitCode": 3, "containerID": id}});
        for (id, state, last, expected) in [
            ("containerd://c1", &running, &Value::Null, None),
            (
                "containerd://c2",
                &running,
                &ended("containerd://c1"),
                Some((Phase::Running, Some(3))),
            ),
            ("containerd://c3", &running, &ended("containerd://c2"), Some((Phase::Running, None))),
            (
                "containerd://c1",
                &ended("containerd://c1"),
                &Value::Null,
                Some((Phase::Exited, Some(3))),
            ),
        ] {
            let last = if last.is_null() { &serde_json::json!({}) } else { last };
            let status = serde_json::json!({"name": "app", "containerID": id, "state": state, "lastState": last});
            assert_eq!(end(status), expected, "{id}");
        }
        assert_eq!(end(serde_json::json!({"name": "other"})), Some((Phase::Created, None)));
    }
}
