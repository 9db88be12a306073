//! `demo`: the whole story on a throwaway container, with the commands that a user would type.

use std::io::{self, Stderr, Stdout};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use jiff::Timestamp;
use scratchdbg_backend::{
    ContainerName, Error, Interrupts, Plan, PlanRequest, Scope, SessionList as _, SessionTarget, Window,
};
use scratchdbg_builder::{BuildSpec, Twin};
use scratchdbg_docker::{LABEL_TARGET, NewContainer};
use scratchdbg_image::{TaggedReference, write_hybrid};
use scratchdbg_session::tools::{self, SessionTools};
use scratchdbg_session::{Consent, LAUNCHER, Notice, Request, SessionEnd, Stage, Streams, User};
use tokio::io::Empty;
use tokio::sync::watch;

use super::logs;
use crate::args::{DemoArgs, LogsArgs};
use crate::context::Context;
use crate::error::{CommandError, FAILED, Outcome};
use crate::platform::ImagePlatform;
use crate::streams::{self, Outlet};

/// The names of everything that the demo makes.
struct Names {
    container: String,
    image: TaggedReference,
    twin: TaggedReference,
}

pub(crate) async fn demo(args: DemoArgs, context: &Context, mut interrupts: Interrupts) -> Outcome {
    let names = names()?;
    let begun = async {
        let engine = context.images().await?;
        Ok::<_, CommandError>((engine, session_tools(&args, engine, context).missing_image().await?))
    };
    let (engine, missing_image) = match interrupts.race(&context.scope, begun).await {
        Ok(begun) => begun?,
        Err(code) => return Ok(code),
    };
    let outcome = interrupts.race(&context.scope, Box::pin(story(&args, &names, engine, context))).await;
    let mut images = vec![names.image.familiar(), names.twin.familiar()];
    images.extend(missing_image);
    // What was called off asks for nothing more: this is another matter.
    let tidying = Scope::default();
    let engine = engine.within(&tidying);
    let limit = async {
        if outcome.is_ok() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Scope::GRACE).await;
    };
    let cleaned = tokio::select! {
        cleaned = interrupts.race(&tidying, clean_up(&engine, &names, &images)) => {
            cleaned.unwrap_or_else(|_second| Err(CommandError::new("interrupted")))
        }
        () = limit => Err(CommandError::new("the engine does not answer")),
    };
    if cleaned.is_ok() {
        context.scope.clear();
    }
    if let Err(error) = cleaned {
        let left = format!("the container {} and its images may be left", names.container);
        return match outcome {
            Err(code) => {
                context.printer.warning(&format!("{left}: {}", error.message));
                Ok(code)
            }
            Ok(_) => Err(error.hint(left)),
        };
    }
    let outcome = outcome.unwrap_or_else(Ok);
    if let Ok(0) = outcome {
        context.printer.heading("Container and images are removed: the engine is as it was.")?;
    }
    outcome
}

fn names() -> Result<Names, CommandError> {
    let container = format!("scratchdbg-demo-{}", std::process::id());
    let invalid = |error: scratchdbg_image::ImageError| CommandError::new(error.to_string());
    let image: TaggedReference = format!("{container}/app:1").parse().map_err(invalid)?;
    let twin = image.with_tag_suffix("-debug").map_err(invalid)?;
    Ok(Names { container, image, twin })
}

async fn story(args: &DemoArgs, names: &Names, engine: &ImagePlatform, context: &Context) -> Outcome {
    let printer = context.printer;
    let (image, name) = (names.image.familiar(), &names.container);

    printer.heading("1. One static binary becomes a production image and its debug twin")?;
    printer.command(&format!("scratchdbg build ./app -t {image}"))?;
    build(args, names, engine, context).await?;

    printer.heading("2. The production image runs with every restriction there is")?;
    printer.command(&format!(
        "docker run -d --name {name} --network none --read-only --cap-drop ALL --security-opt no-new-privileges {image}"
    ))?;
    let new = NewContainer { name: name.clone(), image: image.clone(), labels: Vec::new() };
    let container = engine.run_hardened(&new).await?;
    printer.line(container.as_str())?;

    printer.heading("3. There is no shell in it")?;
    printer.command(&format!("docker exec {name} sh"))?;
    match engine.exec(&container, &["sh"]).await {
        Err(scratchdbg_docker::Error::ExecRefused { message, .. }) => printer.line(&printable(&message))?,
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(CommandError::new("the image has a shell of its own")),
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
    printer.command(&format!("docker diff {name}"))?;
    let changes = engine.changes(&container).await?;
    for change in &changes {
        printer.line(&format!("{} {}", change.kind, printable(&change.path)))?;
    }
    printer.command(&format!("docker ps -aq --filter label={LABEL_TARGET}={container}"))?;
    let left = engine.labelled(LABEL_TARGET, container.as_str()).await?;
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
async fn build(args: &DemoArgs, names: &Names, engine: &ImagePlatform, context: &Context) -> Result<(), CommandError> {
    let private = std::fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("scratchdbg-").permissions(private).tempdir()?;
    let binary = folder.path().join("app");
    write_program(&binary)?;
    let platform = async || Ok(context.images().await?.clone());
    let toolkit = tools::find(args.toolkit.as_deref(), &context.host_toolkit, platform).await?;
    let spec = BuildSpec {
        binaries: vec![binary],
        tags: vec![names.image.clone()],
        twin: Some(Twin { toolkits: vec![toolkit], tags: Vec::new() }),
        entrypoint: Some(vec!["/app".to_owned(), "app".to_owned()]),
        ..BuildSpec::default()
    };
    let epoch = spec.epoch;
    let pair =
        scratchdbg_builder::build(&spec).map_err(|error| CommandError::new(scratchdbg_backend::chain(&error)))?;
    let sets = pair.sets();
    engine.load(move |out| write_hybrid(&sets, epoch, out)).await?;
    super::build::print_summary(&pair, context.printer)?;
    Ok(())
}

fn write_program(path: &Path) -> io::Result<()> {
    use io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path)?;
    file.write_all(LAUNCHER)
}

/// One command, with its output on ours; its exit code.
async fn run_inside(
    args: &DemoArgs,
    engine: &ImagePlatform,
    container: &ContainerName,
    command: &[&str],
    context: &Context,
) -> Outcome {
    let plan = PlanRequest { command: command.iter().map(|&word| word.to_owned()).collect(), ..PlanRequest::default() };
    let target = SessionTarget::Container(container.clone());
    let request = Request { target, plan, trust_neighbors: false, follow_restarts: false };
    let tools = session_tools(args, engine, context);
    let (mut audience, mut interrupts) = (Audience::default(), Interrupts::none());
    let session = scratchdbg_session::run(engine, request, None, &tools, &mut audience, &mut interrupts);
    let code = Box::pin(session).await?;
    // As for all else that the demo prints.
    if audience.has_left { Err(io::Error::from(io::ErrorKind::BrokenPipe).into()) } else { Ok(code) }
}

fn session_tools<'a>(args: &DemoArgs, engine: &ImagePlatform, context: &'a Context) -> SessionTools<'a, ImagePlatform> {
    SessionTools::new(engine.clone(), &context.host_toolkit, args.toolkit.clone(), &|_, _| {})
}

/// Whoever looks at the demo: nothing is typed, and nothing asked.
#[derive(Default)]
struct Audience {
    /// Nobody looks any more.
    has_left: bool,
}

impl User for Audience {
    type Input = Empty;
    type Output = Outlet<Stdout>;
    type Errors = Outlet<Stderr>;

    fn streams(&mut self) -> Streams<Empty, Self::Output, Self::Errors> {
        Streams { input: None, output: Outlet::of(streams::stdout()), error: Outlet::of(streams::stderr()) }
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

    fn ended(&mut self, _: &Plan, _: Timestamp, end: &Result<SessionEnd, Error>) -> Result<(), Error> {
        self.has_left = matches!(end, Ok(SessionEnd::OutputClosed));
        Ok(())
    }
}

/// Removes everything, also what was only begun.
async fn clean_up(engine: &ImagePlatform, names: &Names, images: &[String]) -> Result<(), CommandError> {
    let container: ContainerName = names.container.parse()?;
    if let Ok(target) = engine.inspect(&container).await {
        for session in engine.sessions().await?.0.iter().filter(|session| session.target == target.id) {
            engine.remove_session(session).await?;
        }
        engine.remove(&container).await?;
    }
    for image in images {
        engine.remove_image(image).await?;
    }
    Ok(())
}

/// Text that others control, as one harmless line.
fn printable(text: &str) -> String {
    scratchdbg_logs::escape::label(text).into_owned()
}
