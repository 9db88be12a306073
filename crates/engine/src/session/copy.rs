//! A copy of a container that has no processes to join: same filesystem, environment, user, mounts and limits.
//!
//! The copy joins the keeper's PID namespace, so that its first process can come from the keeper's files. Nothing is
//! written into it, and the original is not touched.

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, Mount, MountType, MountVolumeOptions};
use hyper::Method;
use serde::{Deserialize, Serialize};

use super::keeper::Keeper;
use crate::containers::unprivileged;
use crate::ours::COPIES;
use crate::{Engine, Error, Plan, labels};

/// What has to be removed after a session in a copy.
#[derive(Debug, Default)]
pub(super) struct Copy {
    image: Option<String>,
}

impl Copy {
    /// Removes the image that was made.
    pub(super) async fn remove(self, engine: &Engine) -> Result<(), Error> {
        match self.image {
            Some(image) => engine.remove_image(&image).await,
            None => Ok(()),
        }
    }
}

/// The copy's container, without its command.
pub(super) async fn container(
    engine: &Engine,
    plan: &Plan,
    session: &str,
    keeper: &Keeper,
    environment: &[String],
) -> Result<(ContainerCreateBody, Copy), Error> {
    let pid_mode = Some(format!("container:{}", keeper.container()));
    let Some(target_id) = plan.copied_container() else {
        // An image alone: there are no settings to take over, so it gets the strictest.
        let host_config = HostConfig { pid_mode, cap_add: Some(plan.capabilities.clone()), ..unprivileged() };
        let body = ContainerCreateBody {
            image: Some(plan.copy_image.clone()),
            user: plan.exec_user.clone(),
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
    let host_config = settings(plan, original.host_config.unwrap_or_default(), pid_mode);
    let env = config.env.unwrap_or_default().into_iter().chain(environment.iter().cloned()).collect();
    let body = ContainerCreateBody {
        image: Some(copy.image.clone().unwrap_or_else(|| plan.copy_image.clone())),
        user: plan.exec_user.clone().or(config.user),
        env: Some(env),
        working_dir: config.working_dir,
        host_config: Some(host_config),
        healthcheck: Some(no_healthcheck()),
        ..ContainerCreateBody::default()
    };
    Ok((body, copy))
}

/// What is taken over of the original's settings: what limits it, and what the plan gives. Anything that is not named here, a
/// copy has not: what an engine may learn in the future too.
fn settings(plan: &Plan, original: HostConfig, pid_mode: Option<String>) -> HostConfig {
    let copy = &plan.copy;
    let as_original = copy.as_original;
    let unlisted = original.mounts.unwrap_or_default();
    // Those of memory are not among what an inspection calls mounts.
    let of_memory = unlisted.into_iter().filter(|mount| matches!(mount.typ, Some(MountType::TMPFS | MountType::IMAGE)));
    HostConfig {
        pid_mode,
        network_mode: Some(copy.network.clone()).filter(|mode| !mode.is_empty()),
        ipc_mode: copy.ipc.clone(),
        uts_mode: copy.uts.clone(),
        userns_mode: plan.user_namespace.clone(),
        cap_add: Some(copy.capabilities.clone()),
        cap_drop: original.cap_drop,
        security_opt: Some(copy.security_options.clone()),
        mounts: Some(copy.mounts.iter().map(mount).chain(of_memory).collect()),
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

/// A volume or a folder by its own name. In this form the engine makes no folder on its host where there is none.
fn mount(of: &crate::Mount) -> Mount {
    let is_volume = of.kind == "volume";
    Mount {
        typ: Some(if is_volume { MountType::VOLUME } else { MountType::BIND }),
        source: Some(if is_volume { of.name.clone() } else { of.source.clone() }),
        target: Some(of.destination.clone()),
        read_only: Some(of.read_only),
        volume_options: is_volume.then(|| MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    }
}

/// The folder of the host that an engine's refusal says is not there.
pub(super) fn missing_source(plan: &Plan, error: &Error) -> Option<String> {
    let Error::Api(answer) = error else { return None };
    let says_so = ["bind source path does not exist", "no such file or directory"].iter();
    if !says_so.clone().any(|words| answer.message.contains(words)) {
        return None;
    }
    let binds = plan.copy.mounts.iter().filter(|mount| mount.kind == "bind");
    // The longest: one may be below another.
    let named = binds.map(|mount| &mount.source).filter(|source| answer.message.contains(source.as_str()));
    named.max_by_key(|source| source.len()).cloned()
}

fn no_healthcheck() -> HealthConfig {
    HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }
}

impl Engine {
    /// An image of a container's filesystem as it is now; nothing when it is that of its image still.
    async fn commit_if_changed(&self, plan: &Plan, container: &str, session: &str) -> Result<Option<String>, Error> {
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
        // Pausing would be noticed by whoever talks to the original.
        let path = format!("/commit?container={container}&repo={COPIES}&tag={session}&pause=0");
        let labels = labels::session_labels(session, plan, self.now());
        let request = self.transport.json_request(Method::POST, &path, &Changes { labels })?;
        self.transport.scope().made(&format!("{COPIES}:{session}"));
        let answer = self.transport.fetch(request).await?;
        let committed: Committed = serde_json::from_slice(&answer).map_err(|error| Error::transport(&path, error))?;
        tracing::debug!(image = %committed.id, "committed the container's filesystem");
        Ok(Some(format!("{COPIES}:{session}")))
    }
}
