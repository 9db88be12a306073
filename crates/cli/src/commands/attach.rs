//! `attach`: a shell, or one command, inside a container that may have no shell.

mod audit;
mod consent;
mod explain;
mod terminal;
mod words;

use scratchdbg_backend::{Interrupts, Mode, PlanRequest, SessionBackend, SessionTarget, ToolStore};
use scratchdbg_session::tools::SessionTools;
use scratchdbg_session::{Notice, Request};

use self::audit::Audit;
use self::terminal::TerminalUser;
use crate::args::AttachArgs;
use crate::blocking::blocking;
use crate::context::Context;
use crate::docker_config;
use crate::error::{CommandError, Outcome};
use crate::platform::{Looked, Platform};
use crate::terminal::is_interactive;

pub(crate) async fn attach(args: AttachArgs, context: &Context, mut interrupts: Interrupts) -> Outcome {
    // Before anything is made: a session that was to be recorded does not go unrecorded.
    let audit = args.audit.as_deref().filter(|_| !args.explain).map(Audit::open).transpose()?;
    let prepared = async {
        let request = request(&args, context).await?;
        let (platform, looked) = context.platform_looking_at(&request.target).await?;
        Ok::<_, CommandError>((request, platform, looked))
    };
    let (request, platform, looked) = match interrupts.race(&context.scope, Box::pin(prepared)).await {
        Ok(prepared) => prepared?,
        Err(code) => return Ok(code),
    };
    match platform {
        Platform::Docker(engine) => {
            let looked = looked.and_then(|Looked::Docker(looked)| looked);
            Box::pin(attach_on(engine, args, request, looked, audit, context, &mut interrupts)).await
        }
    }
}

async fn attach_on<B: SessionBackend + ToolStore>(
    platform: &B,
    args: AttachArgs,
    request: Request,
    looked: Option<B::Target>,
    audit: Option<Audit>,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Outcome {
    let on_load = |image: &str, origin: &str| words::tell(Notice::LoadsTools { image, origin }, context.printer);
    let tools = SessionTools::new(platform.clone(), &context.host_toolkit, args.toolkit, &on_load);
    if args.explain {
        let planned = Box::pin(scratchdbg_session::plan(platform, &request, looked, &tools));
        return match interrupts.race(&context.scope, planned).await {
            Ok(plan) => {
                explain::print(plan?.as_ref(), args.format, context.printer)?;
                Ok(0)
            }
            Err(code) => Ok(code),
        };
    }
    let mut user = TerminalUser::new(context.printer, audit);
    Ok(scratchdbg_session::run(platform, request, looked, &tools, &mut user, interrupts).await?)
}

/// What the command line asks.
async fn request(args: &AttachArgs, context: &Context) -> Result<Request, CommandError> {
    let folder = context.environment.docker_config.clone();
    let detach_keys = blocking(move || Ok(docker_config::detach_keys(folder.as_deref()))).await?;
    let target = if args.image {
        SessionTarget::Image(args.target.clone())
    } else {
        SessionTarget::Container(args.target.parse()?)
    };
    let plan = PlanRequest {
        command: args.command.clone(),
        mode: if args.image { Some(Mode::Copy) } else { args.mode.into() },
        user: args.user.clone(),
        tty: !args.no_tty && is_interactive(),
        term: context.environment.term.clone(),
        capabilities: args.capabilities.clone(),
        security_options: args.security_options.clone(),
        linger: args.linger,
        detach_keys,
        same_rights: args.same_rights,
        dry_run: args.explain,
        ..PlanRequest::default()
    };
    Ok(Request { target, plan, trust_neighbors: args.trust_neighbours, follow_restarts: args.follow_restarts })
}
