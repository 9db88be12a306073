//! A copy of a container without running processes: the same file system, environment, user, mounts
//! and limits.
//!
//! The copy joins the keeper's PID namespace, so that its first process can be started from the
//! keeper's files. Nothing is written into the copy's file system, and the original is not changed.

mod mounts;

use std::time::Duration;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum};
use hyper::Method;
use scratchdbg_backend::launcher::KeeperAddress;
use serde::{Deserialize, Serialize};

use crate::containers::unprivileged;
use crate::files::percent_encode;
use crate::ours::COPIES;
use crate::plan::{CopySettings, ModePlan};
use crate::transport::Kind;
use crate::{Engine, Error, SessionPlan, labels};

/// How long the removal of a copy's image may take. Where the engine is held by any container, it
/// does not answer for minutes.
const IMAGE_REMOVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// The objects to remove after a session in a copy.
#[derive(Debug, Default)]
pub(super) struct Copy {
    image: Option<String>,
}

impl Copy {
    /// Removes the image.
    pub(super) async fn remove(self, engine: &Engine) -> Result<(), Error> {
        match self.image {
            Some(image) => {
                let removed =
                    tokio::time::timeout(IMAGE_REMOVAL_TIMEOUT, engine.remove_image(&image)).await;
                removed.unwrap_or_else(|_| {
                    Err(Error::transport(&image, "the engine does not remove it"))
                })
            }
            None => Ok(()),
        }
    }
}

/// The properties of a copy.
#[derive(Clone, Copy)]
pub(super) struct CopyOptions<'a> {
    /// The user. `None` stands for the original's user.
    pub(super) user: Option<&'a str>,
    /// The image to use if the original changed no file.
    pub(super) image: &'a str,
    /// The settings.
    pub(super) settings: &'a CopySettings,
}

/// Returns the copy's container, without its command.
pub(super) async fn container(
    engine: &Engine,
    plan: &SessionPlan,
    session: &str,
    keeper: &KeeperAddress,
    CopyOptions { user, image, settings: copied }: CopyOptions<'_>,
    environment: &[String],
) -> Result<(ContainerCreateBody, Copy), Error> {
    let pid_mode = Some(format!("container:{}", keeper.container));
    let Some(target_id) = plan.copied_container() else {
        // For an image alone, there are no settings to copy, so the container gets the strictest
        // ones.
        let host_config =
            HostConfig { pid_mode, cap_add: Some(copied.capabilities.clone()), ..unprivileged() };
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            user: user.map(str::to_owned),
            env: Some(environment.to_vec()),
            host_config: Some(host_config),
            healthcheck: Some(no_healthcheck()),
            ..ContainerCreateBody::default()
        };
        return Ok((body, Copy::default()));
    };
    let original = engine.inspect_container(target_id).await?;
    let copy = Copy { image: engine.commit_if_changed(plan, target_id, session).await? };
    let config = original.config.unwrap_or_default();
    let by_folders = engine.is_podman().then(|| with_folders(copied));
    let copied = by_folders.as_ref().unwrap_or(copied);
    let host_config = HostConfig {
        pid_mode,
        ..settings(plan, copied, original.host_config.unwrap_or_default(), engine.is_podman())
    };
    let env =
        config.env.unwrap_or_default().into_iter().chain(environment.iter().cloned()).collect();
    let body = ContainerCreateBody {
        image: Some(copy.image.clone().unwrap_or_else(|| image.to_owned())),
        user: user.map(str::to_owned).or(config.user),
        env: Some(env),
        working_dir: config.working_dir,
        host_config: Some(host_config),
        healthcheck: Some(no_healthcheck()),
        ..ContainerCreateBody::default()
    };
    Ok((body, copy))
}

/// Returns the settings with the folders of anonymous volumes in their places: with a container,
/// Podman removes all its anonymous volumes that no other one has by then, the original's too.
fn with_folders(copied: &CopySettings) -> CopySettings {
    let is_anonymous =
        |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut copied = copied.clone();
    for mount in &mut copied.mounts {
        if mount.kind == "volume" && is_anonymous(&mount.name) && !mount.source.is_empty() {
            "bind".clone_into(&mut mount.kind);
            mount.name.clear();
        }
    }
    copied
}

/// Returns the settings of a copy: the original's limits, and what the plan allows. All other
/// settings are left out, including those of future engines.
fn settings(
    plan: &SessionPlan,
    copy: &CopySettings,
    original: HostConfig,
    is_podman: bool,
) -> HostConfig {
    let as_original = copy.as_original;
    let (binds, mounts) = mounts::asked(&copy.mounts, is_podman);
    HostConfig {
        network_mode: Some(copy.network.clone()).filter(|mode| !mode.is_empty()),
        ipc_mode: copy.ipc.clone(),
        uts_mode: copy.uts.clone(),
        userns_mode: plan.user_namespace.clone(),
        // An engine or a kernel that cannot do so ignores this.
        cgroupns_mode: Some(if copy.cgroup_namespace_of_host {
            HostConfigCgroupnsModeEnum::HOST
        } else {
            HostConfigCgroupnsModeEnum::PRIVATE
        }),
        cap_add: Some(copy.capabilities.clone()),
        cap_drop: original.cap_drop,
        security_opt: Some(copy.security_options.clone()),
        binds: Some(binds),
        mounts: Some(mounts),
        devices: original.devices.filter(|_| as_original),
        device_cgroup_rules: original.device_cgroup_rules.filter(|_| as_original),
        device_requests: original.device_requests.filter(|_| as_original),
        masked_paths: original.masked_paths.filter(|paths| as_original || !paths.is_empty()),
        readonly_paths: original.readonly_paths.filter(|paths| as_original || !paths.is_empty()),
        tmpfs: original.tmpfs,
        readonly_rootfs: original.readonly_rootfs,
        group_add: original.group_add,
        cpu_shares: original.cpu_shares,
        cpu_period: original.cpu_period,
        cpu_quota: original.cpu_quota,
        cpuset_cpus: original.cpuset_cpus,
        cpuset_mems: original.cpuset_mems,
        nano_cpus: original.nano_cpus,
        memory: original.memory,
        memory_swap: original.memory_swap,
        memory_reservation: original.memory_reservation,
        memory_swappiness: original.memory_swappiness,
        pids_limit: original.pids_limit,
        blkio_weight: original.blkio_weight,
        blkio_device_read_bps: original.blkio_device_read_bps,
        blkio_device_write_bps: original.blkio_device_write_bps,
        blkio_device_read_iops: original.blkio_device_read_iops,
        blkio_device_write_iops: original.blkio_device_write_iops,
        ulimits: original.ulimits,
        shm_size: original.shm_size,
        storage_opt: original.storage_opt,
        sysctls: original.sysctls,
        runtime: original.runtime,
        dns: original.dns,
        dns_options: original.dns_options,
        dns_search: original.dns_search,
        extra_hosts: original.extra_hosts,
        ..HostConfig::default()
    }
}

/// Returns the directory of the host that the engine's error reports as missing.
pub(super) fn missing_source(plan: &SessionPlan, error: &Error) -> Option<String> {
    let Error::Api(answer) = error else { return None };
    let says_so = ["bind source path does not exist", "no such file or directory"].iter();
    if !says_so.clone().any(|words| answer.message.contains(words)) {
        return None;
    }
    let ModePlan::Copy { settings, .. } = &plan.mode_plan else { return None };
    let binds = settings.mounts.iter().filter(|mount| mount.kind == "bind");
    // Select the longest match: one directory may be below another.
    let named =
        binds.map(|mount| &mount.source).filter(|source| answer.message.contains(source.as_str()));
    named.max_by_key(|source| source.len()).cloned()
}

fn no_healthcheck() -> HealthConfig {
    HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }
}

impl Engine {
    /// Creates an image of a container's current file system. Returns `None` if the file system is
    /// unchanged.
    async fn commit_if_changed(
        &self,
        plan: &SessionPlan,
        container: &str,
        session: &str,
    ) -> Result<Option<String>, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Changes {
            labels: std::collections::HashMap<String, String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Committed {
            id: String,
        }
        if self.changes(&container.parse()?).await?.is_empty() {
            return Ok(None);
        }
        // Clients of the original would notice a pause.
        let labels = labels::session_labels(session, plan, self.now());
        let mut path = format!("/commit?container={container}&repo={COPIES}&tag={session}&pause=0");
        // Podman does not read those of the request.
        if self.is_podman() {
            let changes: Vec<String> =
                labels.iter().map(|(key, value)| format!("LABEL {key}={value}")).collect();
            path.extend(["&changes=", &percent_encode(&changes.join("\n"))]);
        }
        let request = self.transport.json_request(Method::POST, &path, &Changes { labels })?;
        self.transport.expect_sendable(Kind::Commit)?;
        self.transport.scope().made(&format!("{COPIES}:{session}"));
        let answer = self.transport.fetch(request).await?;
        let committed: Committed =
            serde_json::from_slice(&answer).map_err(|error| Error::transport(&path, error))?;
        tracing::debug!(image = %committed.id, "committed the container's filesystem");
        Ok(Some(format!("{COPIES}:{session}")))
    }
}
