//! Implements sessions on the engine.

use scratchdbg_backend::{
    self as backend, ContainerName, Mode, Neighbor, Phase, PlanRequest, Scope, SessionBackend,
    SessionList, SessionTarget, Start, TargetEnd, ToolSource, ToolStore,
};

use super::{Keeper, Process};
use crate::initial_probe::InitialProbe;
use crate::plan::{AttachRequest, of_session_inside, plan};
use crate::{Engine, Error, SessionPlan, Target};

impl SessionBackend for Engine {
    type Target = InitialProbe;
    type Plan = SessionPlan;
    type Keeper = Keeper;
    type Process = Process;

    fn place(&self) -> String {
        format!("the engine at {}", self.endpoint())
    }

    fn scope(&self) -> &Scope {
        self.transport.scope()
    }

    async fn is_there(&self) -> bool {
        self.transport.responds().await
    }

    async fn inspect(
        &self,
        target: &SessionTarget,
        with_keepers: bool,
    ) -> Result<InitialProbe, backend::Error> {
        let keepers =
            async { if with_keepers { self.lingering_keepers().await } else { Ok(Vec::new()) } };
        let target = async {
            match target {
                SessionTarget::Container(name) => self.inspect(name).await,
                SessionTarget::Image(name) => self
                    .inspect_image(name)
                    .await?
                    .ok_or_else(|| Error::NoSuchImage { name: name.clone() }),
            }
        };
        let (target, keepers) = tokio::join!(target, keepers);
        Ok(InitialProbe { target: target?, keepers: keepers? })
    }

    async fn plan(
        &self,
        InitialProbe { target, keepers }: InitialProbe,
        request: &PlanRequest,
        tools: &impl ToolSource,
    ) -> Result<SessionPlan, backend::Error> {
        let stamp = tools.stamp().await;
        let mut request = AttachRequest {
            asked: request.clone(),
            podman: self.is_podman(),
            ..AttachRequest::default()
        };
        let asked_user = request.asked.user.clone();
        let user = self.resolve_user(&target, asked_user.as_deref()).await?.map_err(Error::from)?;
        // Podman gives the added capabilities only to a user requested by the exact name of the
        // container's own user.
        request.exec_user = user.exec.filter(|_| !request.podman);
        request.groups = Some(user.groups);
        let user = user.numeric;
        request.in_place = Box::pin(self.taken_place(&target, user, asked_user.is_none())).await;
        let mut rights = of_session_inside(&target, user, asked_user.as_deref(), request.podman);
        if rights.may_linger && (request.asked.linger.is_some() || !keepers.is_empty()) {
            request.may_choose_groups = !Box::pin(self.guards_groups(&target, user)).await;
            rights.may_linger = !request.may_choose_groups;
        }
        // The tools of this machine are identified by their files, so a keeper's tools need not be
        // read again.
        let lingering_keeper = |tools: &str| {
            keepers.iter().find(|keeper| keeper.serves(&target, user, tools, &rights)).cloned()
        };
        if let Some(stamp) = &stamp
            && let Some(keeper) = lingering_keeper(stamp)
        {
            keeper.image().clone_into(&mut request.toolkit_image);
            request.tools.clone_from(stamp);
            request.lingering_keeper = Some(keeper);
            let plan = plan(&target, user, &request).map_err(Error::from)?;
            if plan.view.has_keeper() {
                return Ok(plan);
            }
            request.lingering_keeper = None;
        }
        let images = tools.provide(request.asked.dry_run).await?;
        let mut reach = None;
        let is_copy = request.asked.mode == Some(Mode::Copy);
        // Only a copy can use the twin. A session inside the target must not wait for the lookup.
        if is_copy || target.state != Phase::Running {
            reach = Some(self.examine_reach(&target, &request.asked.missing_sources).await?);
            let image = target.image_id.as_str();
            request.twin =
                self.twins_of(&[image], async || tools.twin_layer().await).await?.remove(image);
        }
        if tools.are_named() {
            request.lingering_keeper = lingering_keeper(&images.keeper);
        }
        // Only a container of the session's own that is created from another image needs the tools
        // copied into it.
        let brings = is_copy || target.state != Phase::Running || images.own.is_some();
        if brings && !request.asked.dry_run {
            request.tools_archive = Some(tools.archive().await?);
        }
        request.tools = stamp.unwrap_or_else(|| images.keeper.clone());
        request.toolkit_image = images.keeper;
        request.tools_image = images.own;
        // Plans of other modes do not need the reach.
        let target = Target { reach: reach.unwrap_or_default(), ..target };
        Ok(plan(&target, user, &request).map_err(Error::from)?)
    }

    async fn state(&self, plan: &SessionPlan) -> Result<Phase, backend::Error> {
        Ok(self.inspect(&plan.view.target_id.parse()?).await?.state)
    }

    async fn target_end(&self, plan: &SessionPlan) -> Result<Option<TargetEnd>, backend::Error> {
        if plan.view.mode() == Mode::Copy {
            return Ok(None);
        }
        let id = &plan.view.target_id;
        match self.inspect(&id.parse()?).await {
            Ok(Target { state: Phase::Running | Phase::Paused, started_at, .. })
                if started_at == plan.target_started_at =>
            {
                Ok(None)
            }
            Ok(target) => {
                // If the target runs again, the exit code is that of the previous run.
                let runs_again = target.state.has_processes();
                let exit_code =
                    if runs_again { self.last_exit_code(id).await } else { Some(target.exit_code) };
                Ok(Some(TargetEnd { state: target.state, exit_code }))
            }
            Err(Error::NoSuchContainer { .. }) => {
                Ok(Some(TargetEnd { state: Phase::Removing, exit_code: None }))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn neighbors(&self, plan: &SessionPlan) -> Result<Vec<Neighbor>, backend::Error> {
        Ok(self.neighbors_of(plan).await?)
    }

    async fn keep(&self, plan: &SessionPlan, session: &str) -> Result<Keeper, backend::Error> {
        Ok(Keeper::of(self, plan, session).await?)
    }

    async fn start(
        &self,
        plan: &SessionPlan,
        session: &str,
        command: Start<'_>,
        ready: impl Future<Output = Result<(), backend::Error>> + Send,
    ) -> Result<Process, backend::Error> {
        Process::start(self, plan, session, command, ready).await
    }

    async fn collect_garbage(&self) -> Result<usize, backend::Error> {
        let (removed, failures) = self.remove_leftovers().await?;
        let mut failures = failures.into_iter().map(backend::Error::from);
        let Some(mut failure) = failures.next() else { return Ok(removed) };
        for other in failures {
            failure.message = format!("{}; {}", failure.message, other.message);
            failure.hints.extend(other.hints);
        }
        failure.hints.dedup();
        Err(if removed > 0 {
            failure.hint(format!("all else is removed: {removed}"))
        } else {
            failure
        })
    }

    async fn clean_up(&self) {
        let removals = self.transport.scope().left().into_iter().map(async |made| {
            let removed = match made.parse::<ContainerName>() {
                Ok(container) => self.remove(&container).await,
                Err(_) => self.remove_image(&made).await,
            };
            if let Err(error) = removed {
                tracing::debug!(%error, made, "it may be left");
            }
        });
        futures_util::future::join_all(removals).await;
    }
}

impl Engine {
    /// Returns the exit code of a container's last run, if the engine still knows it.
    async fn last_exit_code(&self, container: &str) -> Option<i64> {
        let host = self.host_facts().await.ok()?;
        let events = self.events_of(container, &host).await?;
        events.iter().rev().find(|event| event.action == "die").and_then(|event| event.exit_code)
    }
}

impl SessionList for Engine {
    async fn sessions(
        &self,
    ) -> Result<(Vec<backend::Session>, Option<backend::Error>), backend::Error> {
        let (sessions, failure) = self.list_sessions().await?;
        Ok((sessions, failure.map(Into::into)))
    }

    async fn remove_session(&self, session: &backend::Session) -> Result<(), backend::Error> {
        Ok(self.end_session(session).await?)
    }
}

impl ToolStore for Engine {
    async fn has_toolkit(&self, reference: &str, layer: &str) -> Result<bool, backend::Error> {
        Ok(Self::has_toolkit(self, reference, layer).await?)
    }

    async fn images_with_busybox(&self) -> Result<Vec<String>, backend::Error> {
        Ok(Self::images_with_busybox(self).await?)
    }

    async fn file_of_image(
        &self,
        image: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, backend::Error> {
        Ok(Self::file_of_image(self, image, path).await?)
    }

    async fn tools_of_image(&self, image: &str) -> Result<Vec<backend::ImageTool>, backend::Error> {
        Ok(Self::tools_of_image(self, image).await?)
    }
}
