//! The settings of a container that take the place of those of its image.

use scratchdbg_diagnose::template::{ContainerTemplate, Lined, MountTemplate};

use crate::model::{Container, Pod, VolumeMount};

/// Returns the settings of a container that take the place of those of its image. There are no
/// lines: nothing of this is a file.
pub(super) fn template(pod: &Pod, container: &Container) -> ContainerTemplate {
    fn lined<T>(value: T) -> Lined<T> {
        Lined { value, line: 0 }
    }
    let words = |words: &[String]| (!words.is_empty()).then(|| lined(words.to_vec()));
    let (own, common) = (&container.security_context, &pod.spec.security_context);
    let mount = |mount: &VolumeMount| MountTemplate {
        path: mount.mount_path.clone(),
        volume: mount.name.clone(),
        is_read_only: mount.read_only,
        ..MountTemplate::default()
    };
    ContainerTemplate {
        name: container.name.clone(),
        image: Some(lined(container.image.clone())),
        command: words(&container.command),
        args: words(&container.args),
        working_directory: Some(container.working_dir.clone())
            .filter(|folder| !folder.is_empty())
            .map(lined),
        env: container
            .env
            .iter()
            .map(|env| (env.name.clone(), env.value_from.is_none().then(|| env.value.clone())))
            .collect(),
        has_other_env: !container.env_from.is_empty(),
        run_as_user: own.run_as_user.or(common.run_as_user).map(lined),
        run_as_group: own.run_as_group.or(common.run_as_group),
        mounts: container.volume_mounts.iter().map(mount).collect(),
        ..ContainerTemplate::default()
    }
}
