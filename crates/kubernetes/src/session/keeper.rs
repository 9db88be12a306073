//! The keeper's container: an ephemeral container of the target's pod. Such a container can be
//! added, and ends. Its entry in the pod's record remains until the pod is deleted.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use scratchdbg_backend::{Duplex, Error, ErrorKind, KeeperHandle, session_id};
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::sync::watch;

use super::link::{Link, LinkState, Opening, attach, failed};
use super::socket::{Event, Socket};
use super::{PodSessions, copy, random_name, wait};
use crate::call::Call;
use crate::kind::Kind;
use crate::model::Pod;
use crate::plan::keeper;
use crate::plan::session::SessionPlan;

/// How long a keeper may take to end after the order to do so. The keeper first ends the remains of
/// the session.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the pod's status may take to report the end, if the connection does not report it.
const STATUS_TIMEOUT: Duration = Duration::from_secs(8);

/// How long the connection may take to report that the keeper has ended. Only a command that was
/// killed waits for this.
const END_TIMEOUT: Duration = Duration::from_millis(1500);

/// The interval at which the pod's status is read.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// A keeper's entry in the pod's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeeperName {
    pub(super) namespace: String,
    pub(super) pod: String,
    /// The `uid` of the pod. Empty for a copy that the API server has not confirmed.
    pub(super) pod_uid: String,
    pub(super) container: String,
    /// Whether the pod is a copy, created for the session.
    pub(super) is_copy: bool,
}

/// A running keeper.
#[derive(Debug)]
pub struct PodKeeper {
    sessions: PodSessions,
    name: KeeperName,
    streams: Option<DuplexStream>,
    state: watch::Receiver<LinkState>,
    lingers: bool,
}

impl PodKeeper {
    /// Starts the keeper of a session, or opens the session in a lingering keeper.
    pub(super) async fn of(
        sessions: &PodSessions,
        plan: &SessionPlan,
        session: &str,
    ) -> Result<Self, Error> {
        if let Some(planned) = &plan.copy {
            let (name, link) = copy::start(sessions, plan, planned, session).await?;
            return Ok(Self::over(sessions, name, link, false));
        }
        if let Some(container) = &plan.lingering {
            tracing::debug!(container, "a keeper lingers here");
            let name = KeeperName::of(plan, container);
            let link = open(sessions, plan, &name, session, true).await?;
            return Ok(Self::over(sessions, name, link, true));
        }
        let (mut name, mut link) = start(sessions, plan, session, session).await?;
        // This check precedes any execution: a keeper with other ids than the session's can be
        // taken over by processes that cannot take over the session.
        if plan.ids_are_guessed
            && let Some(user) = link.target.filter(|user| *user != plan.keeper.user)
        {
            (sessions.report)(&format!(
                "the target runs as {user}: one more keeper, with these ids"
            ));
            end(sessions, &name, link).await?;
            let mut plan = plan.clone();
            plan.keeper.user = user;
            plan.earlier += 1;
            (name, link) = start(sessions, &plan, session, &session_id()).await?;
            if let Some(other) = link.target.filter(|other| *other != user) {
                let error = failed(&format!(
                    "the target's first process runs as {other} now, and as {user} before"
                ));
                end(sessions, &name, link).await?;
                return Err(error);
            }
        }
        Ok(Self::over(sessions, name, link, plan.keeper.linger.is_some()))
    }

    fn over(sessions: &PodSessions, name: KeeperName, link: Link, lingers: bool) -> Self {
        let Link { streams, state, .. } = link;
        Self { sessions: sessions.clone(), name, streams: Some(streams), state, lingers }
    }
}

impl KeeperName {
    fn of(plan: &SessionPlan, container: &str) -> Self {
        Self {
            namespace: plan.namespace.clone(),
            pod: plan.pod.clone(),
            pod_uid: plan.pod_uid.clone(),
            container: container.to_owned(),
            is_copy: false,
        }
    }

    /// Parses the text that [`KeeperName::mark`] returns.
    pub(super) fn parse(mark: &str) -> Option<Self> {
        let mut parts = mark.split('/').map(str::to_owned);
        let (namespace, pod, container, pod_uid) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_copy = parts.next().is_some();
        Some(Self { namespace, pod, pod_uid, container, is_copy })
    }

    /// Returns the text under which the scope registers the keeper.
    pub(super) fn mark(&self) -> String {
        let Self { namespace, pod, pod_uid, container, is_copy } = self;
        let copy = if *is_copy { "/copy" } else { "" };
        format!("{namespace}/{pod}/{container}/{pod_uid}{copy}")
    }
}

/// Adds a keeper to the pod, and opens the session in it. `id` is part of its name.
async fn start(
    sessions: &PodSessions,
    plan: &SessionPlan,
    session: &str,
    id: &str,
) -> Result<(KeeperName, Link), Error> {
    let name = KeeperName::of(plan, &keeper::name(id));
    let scope = &sessions.cluster.client.scope;
    let patch = plan.keeper.patch(session, &name.container, &plan.pod_uid, &plan.container);
    let call = Call::patch(Kind::Pod, &plan.namespace, &plan.pod).of("ephemeralcontainers");
    sessions.cluster.client.expect_sendable(&call)?;
    let before = match plan.earlier {
        0 => String::new(),
        1 => ", beside that of an earlier keeper".to_owned(),
        count => format!(", beside those of {count} earlier keepers"),
    };
    (sessions.report)(&format!(
        "adding an ephemeral container to pod {}; it ends with the session, but its entry in the pod's record stays{before}",
        plan.pod
    ));
    scope.made(&name.mark());
    let added: Result<Pod, _> = sessions.cluster.client.patch(&call, &patch).await;
    let pod = match added {
        Ok(pod) => pod,
        Err(error) => {
            // A refused request leaves nothing behind.
            if error.status().is_some() {
                scope.gone(&name.mark());
            }
            return Err(explain(error.into(), plan));
        }
    };
    let opened = async {
        tokio::select! {
            running = wait::until_running(sessions, plan, &name.container, pod) => drop(running?),
            () = scope.canceled() => {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted, before the keeper ran"));
            }
        }
        let lingers = plan.keeper.linger.is_some();
        open(sessions, plan, &name, session, lingers).await
    };
    match opened.await {
        Ok(link) => Ok((name, link)),
        Err(error) => {
            // The keeper cannot be removed, but ends by itself: without a client, after a minute.
            if error.kind != ErrorKind::Interrupted {
                scope.gone(&name.mark());
            }
            Err(error)
        }
    }
}

async fn open(
    sessions: &PodSessions,
    plan: &SessionPlan,
    name: &KeeperName,
    session: &str,
    lingers: bool,
) -> Result<Link, Error> {
    let random = random_name()?;
    let container = &plan.container_id;
    let opening = Opening { session, name: &random, container, lingers, is_alone: false };
    open_session(sessions, name, opening).await
}

/// Connects to a keeper, and opens a session in it.
pub(super) async fn open_session(
    sessions: &PodSessions,
    name: &KeeperName,
    opening: Opening<'_>,
) -> Result<Link, Error> {
    let call = attach(&name.namespace, &name.pod, &name.container);
    let link = Link::open(&sessions.cluster.client, &call, opening).await?;
    tracing::debug!(
        container = name.container,
        pid = link.pid,
        "the keeper has opened the session"
    );
    Ok(link)
}

/// Explains why a container was refused.
fn explain(error: Error, plan: &SessionPlan) -> Error {
    if error.message.contains("violates PodSecurity") {
        return error.hint(format!(
            "the keeper has what container `{}` has and nothing more: the pod itself would not pass the profile that its \
             namespace enforces now",
            plan.container
        ));
    }
    // No other mode may be tried instead.
    if error.kind == ErrorKind::Denied {
        Error { kind: ErrorKind::Refused, ..error }
    } else {
        error
    }
}

/// Ends a keeper, and waits for its end.
async fn end(sessions: &PodSessions, name: &KeeperName, link: Link) -> Result<(), Error> {
    let Link { streams, state, .. } = link;
    drop(streams);
    confirm(sessions, name, state).await
}

/// Waits until a keeper that was ordered to end has ended.
async fn confirm(
    sessions: &PodSessions,
    name: &KeeperName,
    mut state: watch::Receiver<LinkState>,
) -> Result<(), Error> {
    let ended = async {
        state.wait_for(|state| *state != LinkState::Open).await.map(|state| state.clone())
    };
    let ended = tokio::time::timeout(STOP_TIMEOUT, ended).await;
    if !matches!(ended, Ok(Ok(LinkState::Ended))) {
        wait_for_end(sessions, name).await?;
    }
    sessions.cluster.client.scope.gone(&name.mark());
    Ok(())
}

/// Waits until the pod's status reports that a container has ended.
async fn wait_for_end(sessions: &PodSessions, name: &KeeperName) -> Result<(), Error> {
    let look = async {
        loop {
            match sessions.pod(&name.namespace, &name.pod, Some(&name.pod_uid)).await {
                Err(error) if error.is_absent() => return Ok(()),
                Err(error) => return Err(error),
                Ok(pod) => {
                    let status = pod.container_status(&name.container);
                    if status.is_none_or(|status| status.state.running.is_none()) {
                        return Ok(());
                    }
                }
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    tokio::time::timeout(STATUS_TIMEOUT, look).await.unwrap_or_else(|_| {
        let message = format!("the keeper `{}` of pod `{}` does not end", name.container, name.pod);
        Err(Error::new(ErrorKind::Keeper, message))
    })
}

/// Ends a keeper that this client is not connected to, with all of its sessions.
pub(super) async fn quit(
    sessions: &PodSessions,
    name: &KeeperName,
    session: &str,
) -> Result<(), Error> {
    let mut call = attach(&name.namespace, &name.pod, &name.container);
    call.cleans_up = true;
    let mut socket = Socket::open(&sessions.cluster.client, &call, true).await?;
    let order = format!("quit {session}\n");
    if socket.input.write_all(order.as_bytes()).await.is_ok() {
        let ended = async {
            while !matches!(socket.next().await, Event::Status(_) | Event::End(_) | Event::Dead(_))
            {
            }
        };
        let _slow = tokio::time::timeout(STOP_TIMEOUT, ended).await;
    }
    wait_for_end(sessions, name).await?;
    sessions.cluster.client.scope.gone(&name.mark());
    Ok(())
}

impl KeeperHandle for PodKeeper {
    fn container(&self) -> String {
        self.name.container.clone()
    }

    fn lingering_pid(&self) -> Option<u32> {
        // The session is already open: the connection reports the process id.
        None
    }

    fn connect(&mut self) -> BoxFuture<'static, Result<Box<dyn Duplex>, Error>> {
        let streams = self.streams.take();
        async move {
            let streams = streams.ok_or_else(|| failed("its connection is in use"))?;
            Ok(Box::new(streams) as Box<dyn Duplex>)
        }
        .boxed()
    }

    async fn linger(&mut self, _session: &str, _pid: u32) -> Result<(), Error> {
        // The keeper is meant to remain.
        self.sessions.cluster.client.scope.gone(&self.name.mark());
        Ok(())
    }

    async fn is_gone(&mut self) -> bool {
        let ended = self.state.wait_for(|state| *state == LinkState::Ended);
        tokio::time::timeout(END_TIMEOUT, ended).await.is_ok_and(|ended| ended.is_ok())
    }

    async fn end(self) -> Result<(), Error> {
        if self.lingers {
            return Ok(());
        }
        if self.name.is_copy {
            return copy::remove(&self.sessions, &self.name).await;
        }
        confirm(&self.sessions, &self.name, self.state).await
    }

    async fn discard(self) {
        if self.name.is_copy {
            if let Err(error) = copy::remove(&self.sessions, &self.name).await {
                tracing::debug!(%error, "the copy is left");
            }
            return;
        }
        // Without its client, the keeper ends by itself.
        self.sessions.cluster.client.scope.gone(&self.name.mark());
    }
}
