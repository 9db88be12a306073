//! `demo`: a guided tour on a temporary container, with the commands that a user would type.

use std::io::{self, Stderr, Stdout};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::OnceLock;

use jiff::Timestamp;
use scratchdbg_backend::{
    ContainerName, Error, Interrupts, Plan, PlanRequest, Scope, SessionTarget, Window,
};
use scratchdbg_builder::{BuildSpec, Twin};
use scratchdbg_console::streams::{self, Outlet};
use scratchdbg_image::{TaggedReference, write_hybrid};
use scratchdbg_session::tools::{self, Base, SessionTools, Wanted};
use scratchdbg_session::{Consent, LAUNCHER, Notice, Request, SessionEnd, Stage, Streams, User};
use tokio::io::Empty;
use tokio::sync::watch;

use super::logs;
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::platform::{ImagePlatform, Throwaway};
use scratchdbg_args::{DemoArgs, LogsArgs};

/// The names of the images that the demo creates.
struct Names {
    image: TaggedReference,
    twin: TaggedReference,
}

pub(crate) async fn demo(args: DemoArgs, context: &Context, mut interrupts: Interrupts) -> Outcome {
    let mut throwaway = Throwaway::default();
    let names = names(&throwaway)?;
    let begun = async {
        let engine = context.images().await?;
        Ok::<_, CommandError>((
            engine,
            session_tools(&args, engine, context).missing_image().await?,
        ))
    };
    let (engine, missing_image) = match interrupts.race(&context.scope, begun).await {
        Ok(begun) => begun?,
        Err(code) => return Ok(code),
    };
    let mut images = vec![names.image.familiar(), names.twin.familiar()];
    images.extend(missing_image);
    let story = Box::pin(story(&args, &names, &mut throwaway, engine, context));
    let outcome = interrupts.race(&context.scope, story).await;
    // The cleanup needs a scope of its own: the scope of a canceled command sends no further
    // requests.
    let engine = engine.within(&Scope::default());
    let loading: Vec<String> =
        context.scope.left().into_iter().filter(|left| images.contains(left)).collect();
    let removal = async {
        let removed = Box::pin(throwaway.remove(&engine, &images, loading)).await;
        removed.map_err(|error| CommandError::from(error).message)
    };
    let cleaned = interrupts.clean_up(Box::pin(removal), outcome.is_err()).await;
    // The messages below report what is left.
    context.scope.clear();
    let outcome = match cleaned {
        Ok(None) => outcome.unwrap_or_else(Ok),
        // A signal during the cleanup takes precedence.
        Ok(Some(code)) => return Ok(code),
        Err(reason) => {
            let hint =
                "`scratchdbg sessions gc` removes what is left of it, and any next session does";
            let name = throwaway.container();
            return match outcome {
                Err(code) => {
                    context.printer.warning(&format!(
                        "the container {name} and its images may be left: {reason}"
                    ));
                    context.printer.hint(hint);
                    Ok(code)
                }
                Ok(_) => {
                    let message =
                        format!("the container {name} and its images may be left: {reason}");
                    Err(CommandError::new(message).hint(hint))
                }
            };
        }
    };
    if let Ok(0) = outcome {
        context.printer.heading("Container and images are removed: the engine is as it was.")?;
    }
    outcome
}

fn names(throwaway: &Throwaway) -> Result<Names, CommandError> {
    let invalid = |error: scratchdbg_image::ImageError| CommandError::new(error.to_string());
    let image: TaggedReference = throwaway.image().parse().map_err(invalid)?;
    let twin = image.with_tag_suffix("-debug").map_err(invalid)?;
    Ok(Names { image, twin })
}

async fn story(
    args: &DemoArgs,
    names: &Names,
    throwaway: &mut Throwaway,
    engine: &ImagePlatform,
    context: &Context,
) -> Outcome {
    let printer = context.printer;
    let (image, name) = (names.image.familiar(), &throwaway.container());

    printer.heading("1. One static binary becomes a production image and its debug twin")?;
    printer.command(&format!("scratchdbg build ./app -t {image}"))?;
    build(args, names, throwaway, engine, context).await?;

    printer.heading("2. The production image runs with every restriction there is")?;
    printer.command(&throwaway.commands("").run)?;
    let container = throwaway.run(engine).await?;
    printer.line(container.as_str())?;

    printer.heading("3. There is no shell in it")?;
    let commands = throwaway.commands(container.as_str());
    printer.command(&commands.shell)?;
    match throwaway.try_shell(engine, &container).await? {
        Some(refusal) => printer.line(&printable(&refusal))?,
        None => return Err(CommandError::new("the image has a shell of its own")),
    }

    printer.heading("4. attach runs commands inside it all the same, as its own user")?;
    for command in [&["id"][..], &["ps"], &["ls", "-la", "/"]] {
        printer.command(&format!("scratchdbg attach {name} -- {}", command.join(" ")))?;
        let code = Box::pin(run_inside(args, engine, &container, command, context)).await?;
        if code != 0 {
            return Err(CommandError::new(format!("`{}` ended with {code}", command.join(" "))));
        }
    }

    printer.heading("5. Its logs")?;
    printer.command(&format!("scratchdbg logs {name}"))?;
    let request = LogsArgs { targets: vec![name.clone()], ..LogsArgs::default() };
    Box::pin(logs::logs(request, context, Interrupts::none())).await?;

    printer.heading("6. The container is as it was: no file changed, no debug container left")?;
    printer.command(&commands.changes)?;
    let changes = engine.changes(&container).await?;
    for change in &changes {
        printer.line(&format!("{} {}", change.kind, printable(&change.path)))?;
    }
    printer.command(&commands.left)?;
    let left = throwaway.left(engine, &container).await?;
    for id in &left {
        printer.line(id)?;
    }
    if !changes.is_empty() || !left.is_empty() {
        printer.error("something was left behind");
        return Ok(FAILED);
    }
    Ok(0)
}

/// Builds the pair from the launcher in its role as an application.
async fn build(
    args: &DemoArgs,
    names: &Names,
    throwaway: &Throwaway,
    engine: &ImagePlatform,
    context: &Context,
) -> Result<(), CommandError> {
    let private = std::fs::Permissions::from_mode(0o700);
    let unwritable = |error: io::Error| {
        let place = std::env::temp_dir();
        CommandError::new(format!("cannot write temporary files to {}: {}", place.display(), cause(&error)))
            .hint("TMPDIR names the directory for temporary files: one that exists, and that you may write to")
    };
    let folder = tempfile::Builder::new()
        .prefix("scratchdbg-")
        .permissions(private)
        .tempdir()
        .map_err(unwritable)?;
    let binary = folder.path().join("app");
    write_program(&binary).map_err(unwritable)?;
    let platform = async || Ok(context.images().await?.clone());
    let toolkit =
        tools::find(&Base::named(args.toolkit.as_deref()), &context.host_toolkit, platform).await?;
    let spec = BuildSpec {
        binaries: vec![binary],
        tags: vec![names.image.clone()],
        marks: throwaway.labels(engine),
        twin: Some(Twin { toolkits: vec![toolkit], tags: Vec::new() }),
        entrypoint: Some(vec!["/app".to_owned(), "app".to_owned()]),
        ..BuildSpec::default()
    };
    let epoch = spec.epoch;
    let pair = scratchdbg_builder::build(&spec)
        .map_err(|error| CommandError::new(scratchdbg_backend::chain(&error)))?;
    let sets = pair.sets();
    // A signal does not interrupt a load. The engine might complete it later, and nothing would
    // remove the image.
    let images = [names.image.familiar(), names.twin.familiar()];
    for image in &images {
        context.scope.made(image);
    }
    let loaded = engine.load(move |out| write_hybrid(&sets, epoch, out)).await;
    if loaded.is_ok() || !context.scope.is_canceled() {
        for image in &images {
            context.scope.gone(image);
        }
    }
    loaded?;
    super::build::print_summary(&pair, context.printer)?;
    Ok(())
}

/// Returns the error without the name of a temporary file.
fn cause(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.kind().to_string(),
        |code| io::Error::from_raw_os_error(code).to_string(),
    )
}

fn write_program(path: &Path) -> io::Result<()> {
    use io::Write as _;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path)?;
    file.write_all(LAUNCHER)
}

/// Runs one command, and prints its output. Returns its exit code.
async fn run_inside(
    args: &DemoArgs,
    engine: &ImagePlatform,
    container: &ContainerName,
    command: &[&str],
    context: &Context,
) -> Outcome {
    let plan = PlanRequest {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        ..PlanRequest::default()
    };
    let target = SessionTarget::Container(container.clone());
    let request = Request { target, plan, trust_neighbors: false, follow_restarts: false };
    // As for the demo's own images, a signal does not interrupt this load. The image's name is not
    // known in advance.
    let loading = OnceLock::new();
    let on_load = |image: &str, _: &str| {
        context.scope.made(loading.get_or_init(|| image.to_owned()));
    };
    let tools = SessionTools::new(engine.clone(), &context.host_toolkit, wanted(args), &on_load);
    let (mut audience, mut interrupts) = (Audience::default(), Interrupts::none());
    let session =
        scratchdbg_session::run(engine, request, None, &tools, &mut audience, &mut interrupts);
    let code = Box::pin(session).await;
    if let Some(image) = loading.get().filter(|_| !context.scope.is_canceled()) {
        context.scope.gone(image);
    }
    let code = code?;
    // A reader that is gone is an error, as for all other output of the demo.
    if audience.has_left {
        Err(io::Error::from(io::ErrorKind::BrokenPipe).into())
    } else {
        Ok(code)
    }
}

fn session_tools<'a>(
    args: &DemoArgs,
    engine: &ImagePlatform,
    context: &'a Context,
) -> SessionTools<'a, ImagePlatform> {
    SessionTools::new(engine.clone(), &context.host_toolkit, wanted(args), &|_, _| {})
}

fn wanted(args: &DemoArgs) -> Wanted {
    Wanted { base: Base::named(args.toolkit.as_deref()), ..Wanted::default() }
}

/// The user of the demo's sessions. Provides no input and answers no questions.
#[derive(Default)]
struct Audience {
    /// Whether the reader of the output is gone.
    has_left: bool,
}

impl User for Audience {
    type Input = Empty;
    type Output = Outlet<Stdout>;
    type Errors = Outlet<Stderr>;

    fn streams(&mut self) -> Streams<Empty, Self::Output, Self::Errors> {
        Streams {
            input: None,
            output: Outlet::of(streams::stdout()),
            error: Outlet::of(streams::stderr()),
        }
    }

    fn windows(&mut self) -> Result<watch::Receiver<Option<Window>>, Error> {
        Ok(watch::channel(None).1)
    }

    fn enter(&self, _: Stage, _: &Plan) -> Result<(), Error> {
        Ok(())
    }

    fn tell(&self, _: Notice<'_>) {}

    async fn agree(&mut self, _: &Plan, _: &Error, _: &mut Interrupts) -> Consent {
        Consent::Refused
    }

    fn begins(&mut self, _: &Plan, _: Timestamp) -> Result<(), Error> {
        Ok(())
    }

    fn ended(
        &mut self,
        _: &Plan,
        _: Timestamp,
        end: &Result<SessionEnd, Error>,
    ) -> Result<(), Error> {
        self.has_left = matches!(end, Ok(SessionEnd::OutputClosed));
        Ok(())
    }
}

/// Returns untrusted text as one escaped line.
fn printable(text: &str) -> String {
    scratchdbg_logs::escape::label(text).into_owned()
}
