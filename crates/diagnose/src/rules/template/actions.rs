//! `probe-needs-shell`, `hook-needs-shell`, `port-name-unknown`: probes and hooks.

use super::TemplateImage;
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::rules::image::{self, Wanted};
use crate::template::{Action, ContainerTemplate, Purpose};

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Liveness => "liveness probe",
            Self::Readiness => "readiness probe",
            Self::Startup => "startup probe",
            Self::PostStart => "postStart hook",
            Self::PreStop => "preStop hook",
        }
    }

    /// Returns what happens if its program cannot be started.
    fn outcome(self) -> &'static str {
        match self {
            Self::Liveness => "so it never counts, and nobody notices if the program hangs",
            Self::Readiness => "so the container is never ready",
            Self::Startup => "so the container never counts as started",
            Self::PostStart => "so the kubelet kills the container after each start",
            Self::PreStop => "so it does nothing: the container gets SIGTERM at once",
        }
    }

    fn is_probe(self) -> bool {
        matches!(self, Self::Liveness | Self::Readiness | Self::Startup)
    }
}

/// Probes and hooks whose program is not in the image.
pub(super) fn missing_programs(
    container: &ContainerTemplate,
    image: TemplateImage<'_>,
) -> Vec<Finding> {
    container.actions.iter().filter_map(|action| missing_program(action, image)).collect()
}

fn missing_program(action: &Action, image: TemplateImage<'_>) -> Option<Finding> {
    let exec = action.exec.as_ref()?;
    let program = exec.value.first().filter(|program| !program.contains("$("))?;
    let Wanted::Missing(tried) = image::find_program(image.config, image.rootfs, program) else {
        return None;
    };
    let (code, fix) = if action.purpose.is_probe() {
        (Code::ProbeNeedsShell, "use httpGet, tcpSocket or grpc, or a program that is in the image")
    } else {
        (
            Code::HookNeedsShell,
            "use httpGet or sleep, a program that is in the image, or let the program do it",
        )
    };
    let (word, outcome) = (action.purpose.word(), action.purpose.outcome());
    Some(
        Finding::new(
            code,
            Severity::Error,
            format!("the {word} runs {program}, which is not in the image, {outcome}"),
        )
        .evidence(format!("command: {}", image::exec_form(&exec.value)))
        .evidence(format!("tried: {}", tried.join(", ")))
        .fix(fix)
        .at("", exec.line),
    )
}

/// Probes and hooks that ask a port by a name that the container does not have.
pub(super) fn unknown_ports(container: &ContainerTemplate) -> Vec<Finding> {
    let names: Vec<&str> =
        container.ports.iter().map(|port| port.name.as_str()).filter(|n| !n.is_empty()).collect();
    let unknown = container.actions.iter().filter_map(|action| {
        let port = action.port_name.as_ref().filter(|port| !names.contains(&port.value.as_str()))?;
        let known = if names.is_empty() {
            "its ports have no names".to_owned()
        } else {
            format!("its ports: {}", names.join(", "))
        };
        let word = action.purpose.word();
        Some(
            Finding::new(
                Code::PortNameUnknown,
                Severity::Error,
                format!(
                    "the {word} asks the port \"{}\", and the container has no port of that name: it always fails",
                    port.value
                ),
            )
            .evidence(known)
            .fix("give the port that name under `ports`, or write its number")
            .at("", port.line),
        )
    });
    unknown.collect()
}
