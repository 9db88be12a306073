//! `--report` and `--timeline`: what happened, over time.

use scratchdbg_args::WhyArgs;
use scratchdbg_backend::{ContainerName, ContainerRecord, LogBackend};
use scratchdbg_console::{log, terminal, zone};
use scratchdbg_files as files;
use scratchdbg_follow::{Item, Notice, Severity, each};
use scratchdbg_inspect::Explanation;
use scratchdbg_report::{History, Incident, LogCollector, Subject};

use crate::blocking::blocking;
use crate::context::Context;
use crate::error::CommandError;
use crate::platform::on_platform;

/// What is known of a container.
pub(super) struct Facts {
    pub(super) record: Box<ContainerRecord>,
    /// The platform and its version.
    pub(super) version: Option<String>,
}

/// Refuses a report that cannot be made, before anything is asked.
pub(super) async fn check(args: &WhyArgs) -> Result<(), CommandError> {
    if (args.timeline || args.report.is_some()) && args.targets.len() > 1 {
        return Err(CommandError::usage("--report and --timeline are about one container"));
    }
    let Some(path) = args.report.clone() else { return Ok(()) };
    blocking(move || files::replaceable(&path).map_err(|error| unwritable(&path, &error))).await
}

/// Draws the timeline, and writes the report.
pub(super) async fn report(
    answer: &Explanation,
    facts: Option<Facts>,
    args: &WhyArgs,
    context: &Context,
) -> Result<(), CommandError> {
    if !args.timeline && args.report.is_none() {
        return Ok(());
    }
    let Facts { record, version } = facts.ok_or_else(|| {
        CommandError::usage("--report and --timeline are for a container, and this is an exit code")
    })?;
    let tz = context.environment.zone.clone();
    let zone = blocking(move || Ok(zone::local(tz)?)).await?;
    let platform = context.platform_of(&args.targets, &args.kubernetes).await?;
    let mut incident = on_platform!(platform, platform => collect(platform, &record, zone).await);
    incident.findings.clone_from(&answer.findings);
    incident.versions = vec![("scratchdbg", scratchdbg_args::version())];
    incident.versions.extend(version.map(|version| ("engine", version)));
    let printer = context.printer;
    if args.timeline {
        printer.line("")?;
        for line in incident.to_text(terminal::columns().unwrap_or(80)) {
            printer.line(&line)?;
        }
    }
    let Some(path) = args.report.clone() else { return Ok(()) };
    let written = blocking(move || {
        let page = incident.to_html();
        files::replace(&path, page.as_bytes()).map_err(|error| unwritable(&path, &error))?;
        Ok((path, page.len() as u64))
    });
    let (path, size) = written.await?;
    printer.note(&format!("report: {} ({})", path.display(), scratchdbg_format::size(size)));
    Ok(())
}

/// Collects the runs, and reads the log.
async fn collect(
    platform: &impl LogBackend,
    record: &ContainerRecord,
    zone: jiff::tz::TimeZone,
) -> Incident {
    let ContainerRecord { facts, config, id, image, image_id, .. } = record;
    let ends = platform.run_history(id).await.unwrap_or_default().ends;
    let ends: Vec<_> = ends.iter().map(|end| end.at).collect();
    let history = History::new(facts, &ends);
    let mut lines = LogCollector::new(&history);
    let (word, name) = (platform.word(), &facts.name);
    let read = match id.parse::<ContainerName>() {
        Err(_) => Err("there is no container".to_owned()),
        Ok(container) => each(platform, &container, |item| match item {
            Item::Line(line) => lines.add(&line),
            Item::Notice(notice)
                if notice.severity() == Severity::Failure || matches!(notice, Notice::MayDrop) =>
            {
                lines.note(log::words(word, name, notice));
            }
            Item::Notice(_) => {}
        })
        .await
        .map_err(|error| error.to_string()),
    };
    let now = facts.now.and_then(|now| jiff::Timestamp::from_nanosecond(now.into()).ok());
    let now = now.unwrap_or_else(|| platform.now());
    let subject = Subject { facts, config, id, image, image_id };
    let mut incident = Incident::new(subject, history, now, zone);
    match read {
        Ok(()) => incident.log = Some(lines.finish()),
        Err(why) => incident.gaps.push(format!("the log: {why}")),
    }
    incident
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> CommandError {
    CommandError::new(format!("cannot write the report to {}: {error}", path.display()))
        .hint("name a new file, or a regular file to replace, in a folder that you may write to")
}
