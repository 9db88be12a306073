//! From what the user asks and what the engine says to the plan of a session, with the toolkit's image at hand.

use scratchdbg_docker::{
    AttachRequest, ContainerName, Engine, FirstLook, Mode, Plan, Reach, State, Target, of_session_inside, plan,
};

use crate::args::{AttachArgs, ModeArg};
use crate::blocking::blocking;
use crate::context::Context;
use crate::error::CommandError;
use crate::{docker_config, terminal, toolkit};

/// Connects. A container is looked at in the same breath.
pub(super) async fn connect<'a>(
    args: &AttachArgs,
    context: &'a Context,
) -> Result<(&'a Engine, Option<FirstLook>), CommandError> {
    if args.image {
        return Ok((context.engine().await?, None));
    }
    context.engine_looking_at(&args.target.parse()?).await
}

/// Looks at the target, and for keepers that linger.
pub(super) async fn look_around(engine: &Engine, args: &AttachArgs) -> Result<FirstLook, CommandError> {
    let (target, keepers) = tokio::join!(find_target(engine, args), engine.lingering_keepers());
    Ok(FirstLook { target: target?, keepers: keepers? })
}

/// Looks at the target once more, and plans a session with a keeper of its own.
pub(super) async fn prepare_again(
    engine: &Engine,
    args: &AttachArgs,
    mode: Option<Mode>,
    is_fallback: bool,
    context: &Context,
) -> Result<Plan, CommandError> {
    let look = FirstLook { target: find_target(engine, args).await?, keepers: Vec::new() };
    Box::pin(prepare(engine, args, mode, is_fallback, look, context)).await
}

/// Makes a plan, and has the toolkit's image at hand.
pub(super) async fn prepare(
    engine: &Engine,
    args: &AttachArgs,
    mode: Option<Mode>,
    is_fallback: bool,
    FirstLook { target, keepers }: FirstLook,
    context: &Context,
) -> Result<Plan, CommandError> {
    let folder = context.environment.docker_config.clone();
    let is_own_toolkit = args.toolkit.is_none();
    let (detach_keys, stamp) = blocking(move || {
        let keys = docker_config::detach_keys(folder.as_deref());
        Ok((keys, if is_own_toolkit { toolkit::host_stamp() } else { None }))
    })
    .await?;
    let mut request = AttachRequest {
        command: args.command.clone(),
        mode: if args.image { Some(Mode::Copy) } else { mode },
        is_fallback,
        user: args.user.clone(),
        tty: !args.no_tty && terminal::is_interactive(),
        term: context.environment.term.clone(),
        capabilities: args.capabilities.clone(),
        same_rights: args.same_rights,
        security_options: args.security_options.clone(),
        linger: args.linger,
        detach_keys,
        podman: engine.is_podman(),
        ..AttachRequest::default()
    };
    let user = engine.resolve_user(&target, request.user.as_deref()).await?;
    let user =
        user.map_err(|error| CommandError::new(error.to_string()).hint("give the user in numbers: -u UID:GID"))?;
    // Podman gives the container's own user what was added for it by its very name.
    request.exec_user = user.exec.filter(|_| !request.podman);
    let user = user.numeric;
    // The tools of this machine are known by their files: those that a keeper has need not be read again.
    let rights = of_session_inside(&target, user, request.user.as_deref(), request.podman);
    let standing = |tools: &str| keepers.iter().find(|keeper| keeper.serves(&target, user, tools, &rights)).cloned();
    if let Some(stamp) = &stamp
        && let Some(keeper) = standing(stamp)
    {
        keeper.image().clone_into(&mut request.toolkit_image);
        request.tools.clone_from(stamp);
        request.standing = Some(keeper);
        let plan = plan(&target, user, &request)?;
        if plan.standing.is_some() {
            return Ok(plan);
        }
        request.standing = None;
    }
    let mut tools = Box::pin(toolkit::for_session(args.toolkit.as_deref(), context)).await?;
    if !args.explain {
        tools.load(context).await?;
    }
    let mut reach = Reach::default();
    // Only a copy can be made from the twin: a session inside the target is not to wait for the look-up.
    if args.image || args.mode == ModeArg::Copy || target.state != State::Running {
        reach = engine.look_at_reach(&target, &args.missing_sources).await?;
        let image = target.image_id.as_str();
        request.twin = engine.twins_of(&[image], async || tools.twin_layer().await).await?.remove(image);
    }
    if args.toolkit.is_some() {
        request.standing = standing(&tools.image);
    }
    // Only a container of the session's own that is made from another image has the tools brought along.
    let brings = request.mode == Some(Mode::Copy) || target.state != State::Running || tools.own_image.is_some();
    if brings && !args.explain {
        request.tools_archive = Some(tools.archive()?.into());
    }
    request.tools = stamp.unwrap_or_else(|| tools.image.clone());
    request.toolkit_image = tools.image;
    request.tools_image = tools.own_image;
    Ok(plan(&Target { reach, ..target }, user, &request)?)
}

async fn find_target(engine: &Engine, args: &AttachArgs) -> Result<Target, CommandError> {
    if args.image {
        return engine.inspect_image(&args.target).await?.ok_or_else(|| {
            CommandError::new(format!("no image `{}` in the engine", args.target))
                .hint("`docker images` lists the images; no registry is asked")
        });
    }
    let name: ContainerName = args.target.parse()?;
    Ok(engine.inspect(&name).await?)
}
