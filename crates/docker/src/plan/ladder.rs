//! Chooses the user and the rights of a session by least privilege, once its mode is chosen.

use scratchdbg_backend::{
    Copied, Exec, How, LeftOut, Mode, Plan, PlanRequest, Reason, Sidecar, launcher,
};
use scratchdbg_diagnose::capability;

use super::choice::{self, CAP_ADD, SECURITY_OPT};
use super::keeper_rights::{self, KeeperRights, is_targets_own};
use super::rights::{self, CopySettings};
use super::{AttachRequest, ModePlan, Refusal, SessionPlan};
use crate::target::Target;
use crate::twin::Twin;
use crate::user::NumericUser;

/// The `PATH` that Docker gives a process if its image sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The capability to see the files of a process with more capabilities: the kernel's `ptrace(2)`
/// check. Reading files that root may not read is not included: `DAC_READ_SEARCH` also opens the
/// host's files (`open_by_handle_at(2)`).
const SEE_OTHERS: [&str; 1] = ["SYS_PTRACE"];

/// Plans a session. `user` is the numeric user of its process.
pub(crate) fn plan(
    target: &Target,
    user: NumericUser,
    request: &AttachRequest,
) -> Result<SessionPlan, Refusal> {
    let asked = &request.asked;
    let mut reasons = Vec::new();
    let mut because = |decision: String, because: &str| {
        reasons.push(Reason { decision, because: because.to_owned() });
    };
    let (mode, why) = choice::mode(target, request)?;
    because(format!("mode {}", mode.as_str()), why);
    let mut session_user = user;
    // A set-user-id program may have given another user's process groups that the target's own
    // programs do not have.
    let has_targets_own = mode == Mode::Exec && asked.user.is_none() && user.uid == 0;
    let allowed_ids = request
        .groups
        .as_deref()
        .map(|groups| launcher::allowed_ids(user, groups, has_targets_own));
    let mut keeper_rights = KeeperRights::none();
    let (how, mode_plan);
    match mode {
        Mode::Exec => {
            keeper_rights = keeper_rights::of_session_inside(
                target,
                user,
                asked.user.as_deref(),
                request.podman,
            );
            if let Some(means) =
                request.in_place.clone().filter(|_| !keeper_rights.fewer_than_session)
            {
                return Err(Refusal::TakesPlace { name: target.name.clone(), means });
            }
            if asked.linger.is_some() && !keeper_rights.may_linger {
                return Err(Refusal::MayNotLinger { name: target.name.clone(), user });
            }
            if asked.linger.is_some() && request.may_choose_groups {
                return Err(Refusal::ChoosesGroups { name: target.name.clone() });
            }
            because(format!("user {user}"), user_reason(target, asked));
            if keeper_rights.fewer_than_session {
                because(
                    "the keeper has no capability".to_owned(),
                    "the session is root where the target is not, and gets its capabilities only as it starts",
                );
            } else {
                because(
                    "the keeper has the session's rights".to_owned(),
                    "who could touch the one could touch the other: its user, group and capabilities are the same",
                );
            }
            if request.lingering_keeper.is_some() {
                because(
                    "the keeper that is there".to_owned(),
                    "one lingers that has the same target, user and tools",
                );
            }
            how = How::Exec(Exec {
                outranks_keeper: keeper_rights.fewer_than_session,
                tools_first: keeper_rights.fewer_than_session
                    || is_another_user(target, user, asked),
                tools_base: "",
                linger: asked.linger,
                has_keeper: request.lingering_keeper.is_some(),
            });
            mode_plan = ModePlan::Exec {
                user: request.exec_user.clone().or_else(|| asked.user.clone()),
                tools: request.tools.clone(),
                lingering_keeper: request.lingering_keeper.clone(),
            };
        }
        Mode::Sidecar => {
            let sidecar = sidecar(target, user, request, &mut because);
            session_user = sidecar.0;
            how = How::Sidecar(sidecar.1);
            mode_plan = ModePlan::Sidecar {
                tools: request.tools_archive.clone().filter(|_| request.tools_image.is_some()),
            };
        }
        Mode::Copy => {
            because(format!("user {user}"), user_reason(target, asked));
            if !target.reach.pod.is_empty() {
                return Err(Refusal::InPod { name: target.name.clone() });
            }
            let settings = copy_settings(target, request, &mut because);
            // Podman's default is the host's, in which the copy would have more rights.
            let is_lost = matches!(settings.user_namespace.as_deref(), None | Some("private"))
                && !matches!(&*target.user_namespace, "" | "host");
            if request.podman && is_lost {
                return Err(Refusal::UserNamespace {
                    name: target.name.clone(),
                    namespace: target.user_namespace.clone(),
                });
            }
            how = How::Copy(Copied {
                capabilities: settings.capabilities.clone(),
                tools_base: None,
                entrypoint: target.command_line.clone(),
                tools_first: is_another_user(target, user, asked),
                as_original: settings.as_original,
                left_out: settings.left_out.clone(),
            });
            mode_plan = ModePlan::Copy {
                // In the copy's files, a name or a number could mean another user than in those of
                // the image.
                user: match &request.groups {
                    Some(_) if !request.podman => {
                        request.exec_user.clone().or_else(|| Some(user.to_string()))
                    }
                    _ => asked.user.clone(),
                },
                image: match &request.twin {
                    Some(Twin::Proved(id)) => id.clone(),
                    _ => target.image_id.clone(),
                },
                settings,
                tools: request.tools_archive.clone(),
            };
        }
    }
    for capability in &asked.capabilities {
        because(format!("capability {capability}"), CAP_ADD);
    }
    let mut security_options = security_options(target, asked);
    if mode == Mode::Copy && !asked.same_rights {
        // A copy shares nothing with the original.
        security_options.retain(|option| rights::confines(option));
    }
    for option in &security_options {
        let why = if asked.security_options.contains(option) {
            SECURITY_OPT
        } else {
            "the target's: the kernel keeps what is confined differently from seeing and signaling each other"
        };
        because(option.clone(), why);
    }
    if target.seccomp.is_some() {
        because(
            "the target's seccomp profile".to_owned(),
            "nothing beside it lends it system calls that it denies itself",
        );
    }
    let tools_first = match &how {
        How::Exec(Exec { tools_first, .. }) | How::Copy(Copied { tools_first, .. }) => *tools_first,
        How::Sidecar(_) => false,
    };
    if tools_first {
        because(
            "the tools come first in PATH, and the target's image chooses nothing of the shell's environment"
                .to_owned(),
            "the session's user or group is not the target's own: its programs would get rights that they have not",
        );
    }
    let user_namespace = match &mode_plan {
        ModePlan::Copy { settings, .. } => settings.user_namespace.clone(),
        _ => Some(target.user_namespace.clone()).filter(|namespace| !namespace.is_empty()),
    };
    if let Some(namespace) = &user_namespace {
        because(
            format!("user namespace {namespace}"),
            "the target's: a PID namespace is shared only within one",
        );
    }
    because(
        "the keeper has no network, no secret and no file of others".to_owned(),
        "the target can read it",
    );
    let path =
        target.env.iter().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
    let view = Plan {
        platform: "engine",
        target_id: target.id.clone(),
        target_name: target.name.clone(),
        target_kind: if target.id.is_empty() { "image" } else { target.state.as_str() },
        shares_pids: mode != Mode::Copy && !matches!(&*target.pid_mode, "" | "private"),
        target_capabilities: bounding_set(target),
        user: session_user,
        tty: asked.tty,
        command: asked.command.clone(),
        environment: environment(target, mode, asked, tools_first),
        path: path.to_owned(),
        workdir: asked.workdir.clone(),
        keeper_image: request.toolkit_image.clone(),
        keeper_added: keeper_rights.added.clone(),
        keeper_dropped: keeper_rights.dropped.clone(),
        keeper_network: "none",
        security_options,
        how,
        reasons,
    };
    Ok(SessionPlan {
        view,
        target_started_at: target.started_at.clone(),
        target_pid_mode: target.pid_mode.clone(),
        keeper_rights,
        seccomp: target.seccomp.clone(),
        user_namespace,
        detach_keys: asked.detach_keys.clone(),
        // The files of a sidecar are not the target's.
        allowed_ids: allowed_ids.filter(|_| mode != Mode::Sidecar),
        mode_plan,
    })
}

/// Plans a sidecar, and returns its user.
fn sidecar(
    target: &Target,
    user: NumericUser,
    request: &AttachRequest,
    because: &mut impl FnMut(String, &str),
) -> (NumericUser, Sidecar) {
    let asked = &request.asked;
    let (mut capabilities, mut unasked) = (asked.capabilities.clone(), Vec::new());
    let mut session_user = user;
    if asked.user.is_none() && user.uid == 0 && bounding_set(target) != 0 {
        because(
            format!("user 0:0 with {}", SEE_OTHERS.join(" and ")),
            "the target runs as root with capabilities: the kernel shows its files only to who has them all, or \
             SYS_PTRACE (cap_ptrace_access_check)",
        );
        session_user = NumericUser::ROOT;
        capabilities.extend(SEE_OTHERS.map(str::to_owned));
        if !is_asked_for(asked) {
            because(
                "it asks first".to_owned(),
                "a session inside the target would not have these capabilities: --mode sidecar agrees to them",
            );
            unasked = SEE_OTHERS.map(str::to_owned).to_vec();
        }
    } else {
        because(format!("user {user}"), user_reason(target, asked));
        because("no capability".to_owned(), "the same user and group as the target see its files");
    }
    let sidecar = Sidecar {
        image: request.tools_image.clone().unwrap_or_else(|| request.toolkit_image.clone()),
        // Docker keeps the capabilities of other users for a change to root, which nothing in a
        // sidecar can do.
        withholds: !capabilities.is_empty() && session_user.uid != 0 && !request.podman,
        brings_tools: request
            .tools_image
            .as_ref()
            .is_some_and(|image| *image != request.toolkit_image),
        capabilities,
        unasked,
    };
    (session_user, sidecar)
}

/// Decides which settings of its original a copy gets.
fn copy_settings(
    target: &Target,
    request: &AttachRequest,
    because: &mut impl FnMut(String, &str),
) -> CopySettings {
    let asked = &request.asked;
    let mut settings =
        CopySettings { capabilities: asked.capabilities.clone(), ..CopySettings::default() };
    if target.id.is_empty() {
        because("the strictest settings".to_owned(), "an image alone has none");
    } else {
        because(
            "the copy has the target's settings".to_owned(),
            "it should behave as the target did",
        );
        settings = rights::copy_settings(target, &asked.capabilities, asked.same_rights);
        if asked.same_rights {
            let given = "its capabilities, devices, mounts, and the host's namespaces as far as it has them";
            because(format!("the original's access to the host: {given}"), "--same-rights");
            for mount in settings.mounts.iter().filter(|mount| mount.kind == "bind") {
                because(
                    format!("{} of the host, at {}", mount.source, mount.destination),
                    "--same-rights: the original has it",
                );
            }
        }
        for LeftOut { what, why, gone } in &settings.left_out {
            let right = if asked.same_rights {
                "no copy is given that, with --same-rights either"
            } else {
                "nobody asked for it: to look takes no right over the host; --same-rights asks for it"
            };
            let kind = if *gone { "it cannot be had any more" } else { right };
            let why = if why.is_empty() { kind.to_owned() } else { format!("{why}; {kind}") };
            because(format!("without {what}"), &why);
        }
    }
    match &request.twin {
        Some(Twin::Proved(id)) => {
            because(
                format!("image {id}"),
                "it is the debug twin of the target's image: the same layers, and busybox",
            );
        }
        Some(Twin::NotProved { id, why }) => because(
            format!("not image {id}"),
            &format!("it says that it is the debug twin of the target's image, and {why}"),
        ),
        None => {}
    }
    settings
}

/// Whether the session's user or group differs from the target's own.
fn is_another_user(target: &Target, user: NumericUser, asked: &PlanRequest) -> bool {
    !is_targets_own(&target.user, user, asked.user.as_deref())
}

/// Returns the bounding set of the target's processes.
fn bounding_set(target: &Target) -> u64 {
    capability::bounding_set(
        target.privileged,
        &target.added_capabilities,
        &target.dropped_capabilities,
    )
}

/// Whether the user agreed to a sidecar with the capabilities that it needs.
fn is_asked_for(request: &PlanRequest) -> bool {
    (request.mode.is_some() && !request.is_fallback) || !request.capabilities.is_empty()
}

fn user_reason(target: &Target, request: &PlanRequest) -> &'static str {
    if request.user.is_some() {
        "--user"
    } else if target.user.is_empty() {
        "the target's image and settings name no user: root"
    } else {
        "the target's own user"
    }
}

/// Returns the security options of the keeper and a sidecar: those of the target, except for kinds
/// that the user overrides. If the target has no SELinux options of its own, the engine gives its
/// label to every container in its PID namespace.
fn security_options(target: &Target, request: &PlanRequest) -> Vec<String> {
    let kind = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
    let asked =
        |option: &&String| request.security_options.iter().any(|other| kind(other) == kind(option));
    let of_target = target.confinement.iter().filter(|option| !asked(option));
    request.security_options.iter().chain(of_target).cloned().collect()
}

fn environment(
    target: &Target,
    mode: Mode,
    request: &PlanRequest,
    tools_first: bool,
) -> Vec<String> {
    let mut environment = Vec::new();
    if request.tty {
        environment.push(format!("TERM={}", request.term.as_deref().unwrap_or("xterm")));
    }
    // A shell executes commands in its prompt variable. If the target must not choose commands, its
    // own prompt is always replaced.
    if (request.tty && request.command.is_empty()) || tools_first {
        environment.push(format!("PS1={}", prompt(&target.name, mode)));
    }
    environment.extend_from_slice(&request.environment);
    environment
}

/// Returns a prompt that names the target. The engine allows no characters in a name that a shell
/// would interpret.
fn prompt(name: &str, mode: Mode) -> String {
    match mode {
        Mode::Exec => format!("{name}:$PWD \\$ "),
        Mode::Sidecar => format!("(beside {name}):$PWD \\$ "),
        Mode::Copy => format!("(copy of {name}):$PWD \\$ "),
    }
}

#[cfg(test)]
mod tests;
