//! Checks the command line and turns it into a request.

use jiff::tz::TimeZone;
use scratchdbg_console::log::View;
use scratchdbg_follow as follow;
use scratchdbg_logs::query::{self, Query, QueryError, QuerySpec};
use scratchdbg_logs::render::Format;
use scratchdbg_logs::when::TimeRange;
use scratchdbg_logs::{Level, Stream};

use crate::error::CommandError;
use crate::platform::{self, Location};
use scratchdbg_args::{Count, LogsArgs};

/// The checked request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) query: Query,
    pub(super) view: View,
    /// Whether the beginnings of unfinished lines are shown.
    pub(super) live: bool,
}

impl Request {
    pub(super) fn new(args: &LogsArgs, zone: TimeZone) -> Result<Self, CommandError> {
        // An error in the range is reported before the first request to the engine.
        range(args, &jiff::Timestamp::now().to_zoned(zone.clone()))?;
        let stream = match (args.stdout, args.stderr) {
            (true, false) => Some(Stream::Stdout),
            (false, true) => Some(Stream::Stderr),
            _ => None,
        };
        let level = args.level.as_deref().map(str::parse::<Level>).transpose();
        let level = level.map_err(|error| {
            usage(&error, "levels are trace, debug, info, warn, error and fatal")
        })?;
        if args.live && (args.targets.len() > 1 || !args.selectors().is_empty()) {
            return Err(CommandError::usage(
                "--live shows one container: of several, beginnings of lines would be mixed",
            )
            .hint("follow one of them with --live"));
        }
        let location = platform::location(&args.targets, &args.kubernetes)?;
        if location == Location::Cluster {
            check_for_pods(args)?;
        }
        let query = Query::new(&QuerySpec {
            grep: args.grep.clone(),
            exclude: args.exclude.clone(),
            ignore_case: args.ignore_case,
            stream,
            level,
            fields: args.field.clone(),
        })
        .map_err(explain_query)?;
        let exit_on = args.exit_on.as_deref();
        let exit_on = exit_on.map(|text| query::compile("--exit-on", text, args.ignore_case));
        let exit_on = exit_on.transpose().map_err(explain_query)?;
        let format = match args.format.as_deref().unwrap_or("text") {
            _ if args.raw => Format::Raw,
            "text" => Format::Text,
            "json" => Format::Json,
            template => Format::Template(template.parse().map_err(|error| {
                usage(
                    &error,
                    "a format is text, json, or a template such as '{time} {level} {msg}'",
                )
            })?),
        };
        let view = View {
            format,
            timestamps: args.timestamps,
            highlight: query.highlight().iter().chain(&exit_on).cloned().collect(),
            exit_on,
            stats: (args.stats || args.patterns).then_some(args.patterns),
            many: args.targets.len() > 1
                || !args.selectors().is_empty()
                || args.kubernetes.may_be_several(&args.targets),
            stream,
            zone,
            platform: location.word(),
        };
        Ok(Self { query, view, live: args.live })
    }

    /// Returns which part of the logs to show, by the engine's clock: ten minutes ago is ten
    /// minutes before the engine's current time.
    pub(super) fn wanted(
        &self,
        args: &LogsArgs,
        now: jiff::Timestamp,
    ) -> Result<follow::Request, CommandError> {
        let around = |own: Option<u16>| usize::from(own.or(args.around).unwrap_or_default());
        Ok(follow::Request {
            follow: args.follow,
            range: range(args, &now.to_zoned(self.view.zone.clone()))?,
            tail: match args.tail {
                Some(Count::Lines(lines)) => Some(usize::try_from(lines).unwrap_or(usize::MAX)),
                Some(Count::All) | None => None,
            },
            run: args.run.map(Into::into),
            query: self.query.clone(),
            around: (around(args.before_context), around(args.after_context)),
            is_plain: self.is_plain(),
            in_parts: self.takes_parts(args),
            tells_runs: self.tells_runs(),
            timestamps: self.needs_timestamps(args),
            via: args.via.into(),
            explain: args.explain,
        })
    }

    /// Reports whether all lines are shown unchanged.
    fn is_plain(&self) -> bool {
        self.query.wants_all()
            && matches!(self.view.format, Format::Text | Format::Raw)
            && self.view.stats.is_none()
    }

    /// Reports whether lines may be shown in parts as they arrive, if they exceed the limit.
    /// Counting and merging need complete lines.
    fn takes_parts(&self, args: &LogsArgs) -> bool {
        let has_tail = matches!(args.tail, Some(Count::Lines(_)));
        matches!(self.view.format, Format::Raw)
            && self.is_plain()
            && !has_tail
            && !self.view.many
            && !self.live
    }

    /// Reports whether the runs of lines are shown, if they are known.
    fn tells_runs(&self) -> bool {
        self.view.stats.is_none() && matches!(self.view.format, Format::Json | Format::Template(_))
    }

    /// Reports whether the engine must send the time of each line.
    fn needs_timestamps(&self, args: &LogsArgs) -> bool {
        let needs_order = args.follow || self.view.many || args.run.is_some();
        needs_order || self.view.timestamps || self.tells_runs() || !self.is_plain()
    }
}

/// Refuses options that only an engine supports.
fn check_for_pods(args: &LogsArgs) -> Result<(), CommandError> {
    if args.stdout || args.stderr {
        return Err(CommandError::usage(
            "--stdout and --stderr are for containers of an engine: nodes keep both streams as one",
        )
        .hint("--grep or --level tells lines apart by their text"));
    }
    if args.live {
        return Err(CommandError::usage("--live is for containers of an engine"));
    }
    if !args.label.is_empty() || args.project.is_some() {
        return Err(CommandError::usage("--label and --project are for containers of an engine")
            .hint("pods are selected with -l KEY=VALUE"));
    }
    Ok(())
}

fn range(args: &LogsArgs, now: &jiff::Zoned) -> Result<TimeRange, CommandError> {
    TimeRange::parse(args.since.as_deref(), args.until.as_deref(), now).map_err(|error| {
        usage(&error, "10m, 2h30m, 10:30, yesterday, 2026-01-02T15:04:05Z or seconds since 1970")
    })
}

fn usage(error: &dyn std::fmt::Display, hint: &str) -> CommandError {
    CommandError::usage(error.to_string()).hint(hint)
}

fn explain_query(error: QueryError) -> CommandError {
    let (error, hint) = error.in_short();
    usage(&error, hint)
}
