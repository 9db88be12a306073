//! `attach`: a shell, or a single command, inside a container that may have no shell.

mod explain;
#[cfg(feature = "kubernetes")]
pub(super) mod toolkit;

use scratchdbg_backend::{
    Interrupts, Mode, PlanRequest, SessionBackend, SessionTarget, ToolSource, asked,
};
use scratchdbg_console::terminal::is_interactive;
use scratchdbg_dialog::TerminalUser;
use scratchdbg_session::tools::SessionTools;
use scratchdbg_session::{Audit, Request};
use scratchdbg_settings::Key;

use super::inside;
use crate::blocking::blocking;
use crate::context::Context;
use crate::env::Environment;
use crate::error::{CommandError, Outcome};
use crate::platform::{self, Location, Platform, Probed, is_image_reference};
use scratchdbg_args::AttachArgs;
#[cfg(feature = "kubernetes")]
use scratchdbg_args::ModeArg;

pub(crate) async fn attach(
    args: AttachArgs,
    context: &Context,
    mut interrupts: Interrupts,
) -> Outcome {
    // Before anything is created: a session must not run without its audit record.
    let audit = args.audit.as_deref().filter(|_| !args.explain).map(Audit::open).transpose()?;
    // An image may have a slash in its name.
    if !args.image
        && platform::location(args.target.as_slice(), &args.kubernetes)? == Location::Cluster
    {
        return Box::pin(attach_to_pod(args, audit, context, &mut interrupts)).await;
    }
    let wanted = inside::tools(args.toolkit.as_deref(), &args.with_tools, context)?;
    let prepared = async {
        let mut request = request(&args, target(&args)?, context).await?;
        let (platform, probed) = context.platform_with_probe(&mut request.target).await?;
        Ok::<_, CommandError>((request, platform, probed))
    };
    let (request, platform, probed) =
        match interrupts.race(&context.scope, Box::pin(prepared)).await {
            Ok(prepared) => prepared?,
            Err(code) => return Ok(code),
        };
    match platform {
        Platform::Docker(engine) => {
            let probed = probed.and_then(|Probed::Docker(probed)| probed);
            let on_load = inside::on_load(context.printer);
            let tools = SessionTools::new(engine.clone(), &context.host_toolkit, wanted, &on_load);
            Box::pin(attach_with(
                engine,
                &tools,
                &args,
                request,
                probed,
                audit,
                context,
                &mut interrupts,
            ))
            .await
        }
        #[cfg(feature = "kubernetes")]
        Platform::Kubernetes(_) => Err(platform::not_for_pods("attach")),
    }
}

/// Runs a session in a container of a pod.
#[cfg(feature = "kubernetes")]
async fn attach_to_pod(
    args: AttachArgs,
    audit: Option<Audit>,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Outcome {
    let toolkit = toolkit::named(args.toolkit.as_deref(), &args.with_tools, context)?;
    let prepared = async {
        let connected = context.platform_of(args.target.as_slice(), &args.kubernetes).await?;
        let sessions = platform::pod_sessions(connected, context.printer)?;
        let chosen = platform::choose_container(
            &sessions,
            args.target(),
            &args.kubernetes,
            args.mode == ModeArg::Copy,
        )
        .await?;
        let request = request(&args, chosen.target, context).await?;
        chosen.note.iter().for_each(|note| context.printer.note(note));
        Ok::<_, CommandError>((sessions, request, chosen.seen))
    };
    let (sessions, request, seen) = match interrupts.race(&context.scope, Box::pin(prepared)).await
    {
        Ok(prepared) => prepared?,
        Err(code) => return Ok(code),
    };
    let tools = toolkit::of_cluster(toolkit, &sessions, &seen, context)?;
    attach_with(&sessions, &tools, &args, request, Some(seen), audit, context, interrupts).await
}

/// Reports that this program was built without Kubernetes.
#[cfg(not(feature = "kubernetes"))]
async fn attach_to_pod(
    args: AttachArgs,
    _audit: Option<Audit>,
    context: &Context,
    _interrupts: &mut Interrupts,
) -> Outcome {
    context.platform_of(args.target.as_slice(), &args.kubernetes).await?;
    Err(platform::not_for_pods("attach"))
}

#[expect(clippy::too_many_arguments, reason = "all that a session takes, from two callers")]
async fn attach_with<B: SessionBackend>(
    platform: &B,
    tools: &impl ToolSource,
    args: &AttachArgs,
    request: Request,
    probed: Option<B::Target>,
    audit: Option<Audit>,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Outcome {
    if args.explain {
        let planned = Box::pin(scratchdbg_session::plan(platform, &request, probed, tools));
        return match interrupts.race(&context.scope, planned).await {
            Ok(plan) => {
                explain::print(plan?.as_ref(), args.format, context.printer)?;
                Ok(0)
            }
            Err(code) => Ok(code),
        };
    }
    let mut user = TerminalUser::new(context.printer, audit);
    Ok(scratchdbg_session::run(platform, request, probed, tools, &mut user, interrupts).await?)
}

/// Returns the engine's container or image that the command line names.
fn target(args: &AttachArgs) -> Result<SessionTarget, CommandError> {
    if !args.image {
        return Ok(SessionTarget::Container(args.target().parse()?));
    }
    if !is_image_reference(args.target()) {
        return Err(CommandError::usage(format!(
            "`{}` cannot be the name of an image",
            args.target()
        ))
        .hint("--image takes NAME[:TAG], NAME@DIGEST or an id, as `docker images` lists them"));
    }
    Ok(SessionTarget::Image(args.target().to_owned()))
}

/// Turns the command line into a request.
async fn request(
    args: &AttachArgs,
    target: SessionTarget,
    context: &Context,
) -> Result<Request, CommandError> {
    let tty = !args.no_tty && is_interactive();
    let user = args.user.as_deref().or(context.settings.get(Key::User));
    user.map_or(Ok(()), asked::check_user)?;
    args.workdir.as_deref().map_or(Ok(()), asked::check_workdir)?;
    args.capabilities.iter().try_for_each(|name| asked::check_capability(name))?;
    // Keys are typed only on a terminal.
    let folder = context.environment.docker_config.clone().filter(|_| tty);
    let keys = args.detach_keys.clone();
    let detach_keys = blocking(move || Ok(platform::detach_keys(keys, folder.as_deref())?)).await?;
    let plan = PlanRequest {
        command: args.command.clone(),
        mode: if args.image { Some(Mode::Copy) } else { args.mode.into() },
        user: if args.root { Some("0".to_owned()) } else { user.map(asked::with_numeric_root) },
        tty,
        term: context.environment.term.clone(),
        environment: asked::environment(&args.env, Environment::named)?,
        workdir: args.workdir.clone(),
        capabilities: args.capabilities.clone(),
        security_options: args.security_options.clone(),
        linger: args.linger,
        detach_keys,
        same_rights: args.same_rights,
        dry_run: args.explain,
        ..PlanRequest::default()
    };
    Ok(Request {
        target,
        plan,
        trust_neighbors: args.trust_neighbors,
        follow_restarts: args.follow_restarts,
    })
}
