//! The keeper of a session on a pod: an ephemeral container with the rights of the target's
//! container. It complies with every pod security profile that the target complies with.

use std::time::Duration;

use scratchdbg_backend::NumericUser;
use scratchdbg_backend::launcher::{self, LAUNCHER_NAME, TOOLKIT_BIN, TWIN_BASE};
use serde_json::{Value, json};

use crate::model::{Capabilities, Container, Pod};

/// The beginning of every keeper's name. The id of the session follows.
pub(crate) const NAME_STEM: &str = "scratchdbg-";

/// The properties of a keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keeper {
    /// The image.
    pub(crate) image: String,
    /// The directory of the image that contains the tools, see
    /// [`ToolsImage`](scratchdbg_backend::ToolsImage).
    pub(crate) base: &'static str,
    /// The user and group of the keeper's process.
    pub(crate) user: NumericUser,
    /// How long the keeper waits for further sessions.
    pub(crate) linger: Option<Duration>,
    /// The settings that the keeper takes from its target.
    pub(crate) confinement: Confinement,
}

/// The settings that decide what processes may do to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confinement {
    /// The target's own capabilities, so that the keeper's permitted set equals that of the
    /// session.
    pub(crate) capabilities: Capabilities,
    /// The target's seccomp profile: a process that may trace the keeper can make system calls
    /// through it. `RuntimeDefault` if the target has none.
    pub(crate) seccomp: Value,
    /// The target's AppArmor profile and SELinux options, if its container has its own.
    pub(crate) app_armor: Option<Value>,
    pub(crate) se_linux: Option<Value>,
}

impl Confinement {
    /// Returns the settings for a keeper of this container.
    pub(crate) fn of(pod: &Pod, target: &Container) -> Self {
        let own = target.security_context.clone();
        let of_pod = pod.spec.security_context.seccomp_profile.clone();
        let capabilities = if own.privileged {
            // The keeper is never privileged. All capabilities suffice, since the kernel compares
            // only those.
            Capabilities { add: vec!["ALL".to_owned()], drop: Vec::new() }
        } else {
            own.capabilities
        };
        Self {
            capabilities,
            seccomp: own
                .seccomp_profile
                .or(of_pod)
                .unwrap_or_else(|| json!({"type": "RuntimeDefault"})),
            app_armor: own.app_armor_profile,
            se_linux: own.se_linux_options,
        }
    }
}

/// Returns the path of the launcher in an image that has the tools in this directory.
pub(crate) fn program(base: &str) -> String {
    format!("{base}{TOOLKIT_BIN}/{LAUNCHER_NAME}")
}

/// Returns the name of the keeper with this id, which is usually the id of its session.
pub(crate) fn name(id: &str) -> String {
    format!("{NAME_STEM}{id}")
}

impl Keeper {
    /// Returns the path of the keeper's program.
    fn program(&self) -> String {
        program(self.base)
    }

    /// Returns the ephemeral container with this name.
    pub(crate) fn container(&self, session: &str, name: &str, target: &str) -> Value {
        json!({
            "name": name,
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": [self.program()],
            "args": launcher::keep_asked(session, self.linger),
            "targetContainerName": target,
            "stdin": true,
            // This is a dead man's switch: standard input ends when the only client disconnects.
            "stdinOnce": self.linger.is_none(),
            "tty": false,
            "securityContext": self.security_context(),
        })
    }

    /// Returns the patch that adds the keeper to this pod, and to no other pod of the same name.
    pub(crate) fn patch(&self, session: &str, name: &str, pod_uid: &str, target: &str) -> Value {
        json!({
            "metadata": {"uid": pod_uid},
            "spec": {"ephemeralContainers": [self.container(session, name, target)]},
        })
    }

    fn security_context(&self) -> Value {
        let Self { user, confinement, .. } = self;
        let mut context = json!({
            "runAsUser": user.uid,
            "runAsGroup": user.gid,
            "runAsNonRoot": user.uid != 0,
            "seccompProfile": confinement.seccomp,
        });
        // The API rejects this capability together with `allowPrivilegeEscalation: false`. The
        // capability is the target's own.
        let may_escalate = confinement.capabilities.add.iter().any(|name| name == "CAP_SYS_ADMIN");
        if !may_escalate {
            context["allowPrivilegeEscalation"] = json!(false);
        }
        let Capabilities { add, drop } = &confinement.capabilities;
        let mut capabilities = json!({});
        for (field, list) in [("add", add), ("drop", drop)] {
            if !list.is_empty() {
                capabilities[field] = json!(list);
            }
        }
        context["capabilities"] = capabilities;
        for (field, value) in
            [("appArmorProfile", &confinement.app_armor), ("seLinuxOptions", &confinement.se_linux)]
        {
            if let Some(value) = value {
                context[field] = value.clone();
            }
        }
        context
    }
}

/// An ephemeral container that is a keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known<'a> {
    /// The session for which the keeper was created.
    pub(crate) session: &'a str,
    /// How long the keeper waits for further sessions.
    pub(crate) linger: Option<Duration>,
    /// The container for which the keeper was created.
    pub(crate) target: &'a str,
    /// Its image.
    pub(crate) image: &'a str,
}

/// Recognizes a keeper by its name and command line. Only users who may add ephemeral containers to
/// the pod can create a container with both; an image cannot.
pub(crate) fn recognize(container: &Container) -> Option<Known<'_>> {
    let own_id = container.name.strip_prefix(NAME_STEM)?;
    let [program] = &container.command[..] else { return None };
    let (session, linger) = arguments(&container.args)?;
    let target = &*container.target_container_name;
    let is_ours = is_id(own_id) && is_id(session) && is_program(program) && !target.is_empty();
    is_ours.then_some(Known { session, linger, target, image: &container.image })
}

/// Whether a text has the form of a session's id.
pub(crate) fn is_id(id: &str) -> bool {
    id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a path is the path of the launcher in a toolkit image or a twin.
pub(crate) fn is_program(path: &str) -> bool {
    ["", TWIN_BASE].iter().any(|base| path == program(base))
}

/// Parses the arguments of a keeper: its session, and how long it waits for further ones.
pub(crate) fn arguments(arguments: &[String]) -> Option<(&str, Option<Duration>)> {
    match arguments {
        [keep, asked, session] if keep == "keep" && asked == "--asked" => Some((session, None)),
        [keep, asked, session, seconds] if keep == "keep" && asked == "--asked" => {
            Some((session, Some(Duration::from_secs(seconds.parse().ok()?))))
        }
        _ => None,
    }
}

/// Finds a running keeper in the pod that serves a session as well as a new keeper would.
pub(crate) fn lingering<'a>(pod: &'a Pod, keeper: &Keeper, target: &str) -> Option<&'a str> {
    let is_running = |name: &str| {
        let status = pod.container_status(name);
        status.is_some_and(|status| status.state.running.is_some())
    };
    let serves = |container: &&Container| {
        let known =
            recognize(container).filter(|known| known.linger.is_some() && known.target == target);
        let own = container.security_context.clone();
        let confinement = Confinement {
            capabilities: own.capabilities,
            seccomp: own.seccomp_profile.unwrap_or_default(),
            app_armor: own.app_armor_profile,
            se_linux: own.se_linux_options,
        };
        known.is_some_and(|known| known.image == keeper.image)
            && container.command == [keeper.program()]
            && own.run_as_user == Some(keeper.user.uid.into())
            && own.run_as_group == Some(keeper.user.gid.into())
            && confinement == keeper.confinement
            && is_running(&container.name)
    };
    pod.spec.ephemeral_containers.iter().find(serves).map(|container| &*container.name)
}
