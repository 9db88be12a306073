//! Chooses the mode of a session: inside the target, beside it, or in a copy.

use scratchdbg_backend::{Mode, PlanRequest};

use super::{AttachRequest, Refusal};
use crate::Phase;
use crate::target::Target;

pub(super) const CAP_ADD: &str = "--cap-add";
pub(super) const SECURITY_OPT: &str = "--security-opt";

/// Returns the mode, and the reason for it.
pub(super) fn mode(
    target: &Target,
    request: &AttachRequest,
) -> Result<(Mode, &'static str), Refusal> {
    let chosen = by_state_and_request(target, request)?;
    if request.podman && chosen.0 == Mode::Sidecar && target.state == Phase::Paused {
        return Err(Refusal::PausedInPodman { name: target.name.clone() });
    }
    Ok(chosen)
}

fn by_state_and_request(
    target: &Target,
    request: &AttachRequest,
) -> Result<(Mode, &'static str), Refusal> {
    let name = || target.name.clone();
    if target.state == Phase::Removing {
        return Err(Refusal::Removing { name: name() });
    }
    let has_processes = target.state.has_processes();
    let AttachRequest { asked, tools_image, .. } = request;
    let PlanRequest { capabilities, security_options, .. } = asked;
    let is_copy = asked.mode == Some(Mode::Copy) || (asked.mode.is_none() && !has_processes);
    let needs_sidecar = if tools_image.is_some() {
        Some("a toolkit that is not a static busybox")
    } else if !capabilities.is_empty() && !is_copy {
        Some(CAP_ADD)
    } else if !security_options.is_empty() {
        Some(SECURITY_OPT)
    } else {
        None
    };
    match (asked.mode, needs_sidecar) {
        (Some(mode @ (Mode::Exec | Mode::Copy)), Some(what)) => {
            Err(Refusal::NeedsSidecar { what, mode })
        }
        (Some(mode @ (Mode::Exec | Mode::Sidecar)), _) if !has_processes => {
            Err(Refusal::NotRunning { name: name(), state: target.state, mode })
        }
        (Some(Mode::Exec), _) if target.state == Phase::Paused => {
            Err(Refusal::Paused { name: name() })
        }
        (Some(mode), _) if target.id.is_empty() => {
            Ok((mode, "it is an image: there is no container"))
        }
        (Some(mode), _) if asked.is_fallback => {
            Ok((mode, "the engine refuses to start the session inside the target"))
        }
        (Some(mode), _) => Ok((mode, "--mode")),
        (None, Some(_)) if !has_processes => {
            Err(Refusal::NotRunning { name: name(), state: target.state, mode: Mode::Sidecar })
        }
        (None, Some(CAP_ADD)) => {
            Ok((Mode::Sidecar, "capabilities can only be added to a container of its own"))
        }
        (None, Some(SECURITY_OPT)) => {
            Ok((Mode::Sidecar, "only a container of its own can be confined otherwise"))
        }
        (None, Some(_)) => {
            Ok((Mode::Sidecar, "the tools are not one static file: they need their own root"))
        }
        (None, None) => Ok(match target.state {
            Phase::Running => (Mode::Exec, "it is running: the session can be inside it"),
            Phase::Paused => {
                (Mode::Sidecar, "it is paused: the engine cannot start a process in it")
            }
            Phase::Restarting => {
                (Mode::Copy, "it is between two runs: whatever joins it is killed with it")
            }
            Phase::Created => (Mode::Copy, "it has not run: there is no process to join"),
            Phase::Exited | Phase::Dead | Phase::Removing => {
                (Mode::Copy, "it has ended: there is no process to join")
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::tests::target;

    fn asking(asked: PlanRequest) -> AttachRequest {
        AttachRequest { asked, ..AttachRequest::default() }
    }

    fn decide(state: Phase, request: &AttachRequest) -> Result<Mode, Refusal> {
        super::mode(&Target { state, ..target() }, request).map(|(mode, _)| mode)
    }

    #[test]
    fn the_state_chooses_the_mode() {
        let request = AttachRequest::default();
        let cases = [
            (Phase::Running, Mode::Exec),
            (Phase::Paused, Mode::Sidecar),
            (Phase::Restarting, Mode::Copy),
            (Phase::Created, Mode::Copy),
            (Phase::Exited, Mode::Copy),
            (Phase::Dead, Mode::Copy),
        ];
        for (state, mode) in cases {
            assert_eq!(decide(state, &request), Ok(mode), "{state:?}");
        }
        assert!(matches!(decide(Phase::Removing, &request), Err(Refusal::Removing { .. })));
    }

    #[test]
    fn a_mode_that_cannot_be_is_refused() {
        let with = |mode| asking(PlanRequest { mode: Some(mode), ..PlanRequest::default() });
        for state in [Phase::Created, Phase::Exited, Phase::Dead, Phase::Restarting] {
            for mode in [Mode::Exec, Mode::Sidecar] {
                let expected = Refusal::NotRunning { name: "web".to_owned(), state, mode };
                assert_eq!(decide(state, &with(mode)), Err(expected));
            }
        }
        assert!(matches!(decide(Phase::Paused, &with(Mode::Exec)), Err(Refusal::Paused { .. })));
        assert_eq!(decide(Phase::Paused, &with(Mode::Sidecar)), Ok(Mode::Sidecar));
        let podman = AttachRequest { podman: true, ..AttachRequest::default() };
        assert!(matches!(decide(Phase::Paused, &podman), Err(Refusal::PausedInPodman { .. })));
        assert_eq!(decide(Phase::Running, &podman), Ok(Mode::Exec));
        assert_eq!(decide(Phase::Running, &with(Mode::Copy)), Ok(Mode::Copy));
    }

    #[test]
    fn what_needs_a_container_of_its_own_gets_one() {
        let capabilities = vec!["NET_ADMIN".to_owned()];
        let capable =
            asking(PlanRequest { capabilities: capabilities.clone(), ..PlanRequest::default() });
        assert_eq!(decide(Phase::Running, &capable), Ok(Mode::Sidecar));
        let foreign =
            AttachRequest { tools_image: Some("tools:1".to_owned()), ..AttachRequest::default() };
        assert_eq!(decide(Phase::Running, &foreign), Ok(Mode::Sidecar));
        assert!(matches!(decide(Phase::Exited, &foreign), Err(Refusal::NotRunning { .. })));
        assert_eq!(decide(Phase::Exited, &capable), Ok(Mode::Copy), "a copy is one");
        let with = |mode| {
            asking(PlanRequest {
                mode: Some(mode),
                capabilities: capabilities.clone(),
                ..PlanRequest::default()
            })
        };
        let copy = with(Mode::Copy);
        assert_eq!(decide(Phase::Running, &copy), Ok(Mode::Copy));
        let exec = with(Mode::Exec);
        assert!(matches!(
            decide(Phase::Running, &exec),
            Err(Refusal::NeedsSidecar { what: CAP_ADD, .. })
        ));
        let free = |mode| {
            let security_options = vec!["label=disable".to_owned()];
            asking(PlanRequest { mode, security_options, ..PlanRequest::default() })
        };
        assert_eq!(decide(Phase::Running, &free(None)), Ok(Mode::Sidecar));
        let refused = decide(Phase::Running, &free(Some(Mode::Exec)));
        assert!(matches!(refused, Err(Refusal::NeedsSidecar { what: SECURITY_OPT, .. })));
    }
}
