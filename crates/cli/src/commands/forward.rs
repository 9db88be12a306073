//! `forward`: connects ports of this machine with sockets in a target.

use scratchdbg_args::ForwardArgs;
use scratchdbg_backend::{Interrupts, Phase, SessionBackend, SessionTarget, ToolSource, asked};
use scratchdbg_dialog::tell;
use scratchdbg_forward::{Forward, Listeners, News};
use scratchdbg_logs::escape::label;
use scratchdbg_session::PipedOptions;
use scratchdbg_session::tools::SessionTools;

#[cfg(feature = "kubernetes")]
use super::attach;
use super::inside::{self, Inside};
use crate::context::Context;
use crate::error::{CommandError, Outcome};

pub(crate) async fn forward(
    args: ForwardArgs,
    context: &Context,
    mut interrupts: Interrupts,
) -> Outcome {
    let forwards =
        args.forwards.iter().map(|text| text.parse()).collect::<Result<Vec<Forward>, _>>();
    let forwards = forwards.map_err(|error| {
        CommandError::usage(error.to_string())
            .hint("such as 8080:80, 127.0.0.2:8080:80, or 5432:unix:/run/socket")
    })?;
    args.user.as_deref().map_or(Ok(()), asked::check_user)?;
    let prepared = Box::pin(async {
        let listeners = Listeners::bind(&forwards).await?;
        let found = inside::find(&args.target, &args.kubernetes, context).await?;
        Ok::<_, CommandError>((listeners, found))
    });
    let (listeners, found) = match interrupts.race(&context.scope, prepared).await {
        Ok(prepared) => prepared?,
        Err(code) => return Ok(code),
    };
    match found {
        Inside::Engine(_, name, phase) if phase != Phase::Running => {
            let phase = phase.as_str();
            Err(CommandError::new(format!("forward needs a target that runs: `{name}` is {phase}"))
                .hint(format!("`docker start {name}` starts it, `docker unpause` resumes it")))
        }
        Inside::Engine(engine, name, _) => {
            let target = SessionTarget::Container(name);
            let on_load = inside::on_load(context.printer);
            let wanted = inside::tools(args.toolkit.as_deref(), &[], context)?;
            let tools = SessionTools::new(engine.clone(), &context.host_toolkit, wanted, &on_load);
            Box::pin(run(engine, target, &tools, listeners, &args, context, &mut interrupts)).await
        }
        #[cfg(feature = "kubernetes")]
        Inside::Pod(pod) => {
            let (sessions, chosen) = &*pod;
            let toolkit = attach::toolkit::named(args.toolkit.as_deref(), &[], context)?;
            let tools = attach::toolkit::of_cluster(toolkit, sessions, &chosen.seen, context)?;
            let target = chosen.target.clone();
            Box::pin(run(sessions, target, &tools, listeners, &args, context, &mut interrupts))
                .await
        }
    }
}

async fn run<B: SessionBackend>(
    backend: &B,
    target: SessionTarget,
    tools: &impl ToolSource,
    listeners: Listeners,
    args: &ForwardArgs,
    context: &Context,
    interrupts: &mut Interrupts,
) -> Outcome {
    let printer = context.printer;
    let user = inside::user(args.user.as_deref(), args.root, context);
    let options = PipedOptions { user, trust_neighbors: args.trust_neighbors };
    let name = label(&args.target).into_owned();
    let tell = |news: News<'_>| match news {
        News::Listening(address, remote) => {
            // Who reads it may be gone: what is forwarded goes on.
            let _unread = printer.line(&format!("{address} -> {name}, {remote}"));
        }
        News::Refused(remote, why) => {
            printer.warning(&format!("{remote} of `{name}` takes no connection: {why}"));
        }
        News::Full(count) => {
            printer.warning(&format!("{count} connections are open: others wait for one to end"));
        }
        News::Notice(notice) => tell(notice, printer),
    };
    Ok(scratchdbg_forward::run(backend, target, tools, listeners, options, &tell, interrupts)
        .await?)
}
