//! The keeper: an ephemeral container that holds the toolkit's files, shares the target's PID namespace, and lives as
//! long as the client holds its standard input.

use std::time::Duration;

use scratchdbg_backend::launcher::{self, KeeperAddress, Order};
use scratchdbg_backend::{Duplex, Error, ErrorKind, How, KeeperHandle, Plan, SessionBackend};
use tokio::io::AsyncReadExt as _;

use crate::orders::Orders;
use crate::record::random_bits;

/// How long a keeper may take to say where it is.
const SPEAKS_WITHIN: Duration = Duration::from_secs(20);

/// The longest line that a keeper says at its start. Whoever can write to its output may say more.
const LONGEST_LINE: usize = 512;

/// A running keeper. Dropping it closes its standard input, and so ends it and its sessions, unless it lingers: then it
/// ends the sessions whose clients fall silent.
pub(crate) struct Keeper<K> {
    handle: K,
    pub(crate) address: KeeperAddress,
    pub(crate) orders: Orders,
}

impl<K: KeeperHandle> Keeper<K> {
    /// The keeper of a session: the one that lingers, or a new one. Nothing is left when that fails.
    pub(crate) async fn of<B: SessionBackend<Keeper = K>>(
        backend: &B,
        plan: &B::Plan,
        session: &str,
    ) -> Result<Self, Error> {
        let mut handle = backend.keep(plan, session).await?;
        if let Some(pid) = handle.standing() {
            let name =
                random_bits().map_err(|error| Error::new(ErrorKind::Local, format!("no random bytes: {error}")))?;
            let name = format!("{name:032x}");
            let orders = Orders::to_lingering(handle.connect(), session, &name);
            let address = KeeperAddress { pid, name, container: handle.container() };
            return Ok(Self { handle, address, orders });
        }
        match begin(&mut handle, plan.as_ref(), session).await {
            Ok((address, orders)) => Ok(Self { handle, address, orders }),
            Err(error) => {
                handle.discard().await;
                Err(error)
            }
        }
    }

    /// Passes a signal on to the command of a session.
    pub(crate) fn signal(&self, session: &str, number: u8) {
        self.orders.give(Order::Signal(number).line(session));
    }

    /// Lets go of it, and waits until it is gone; or only ends the session, if it lingers.
    pub(crate) async fn end(self, session: &str) -> Result<(), Error> {
        // The end of the input says the same, unless another process holds it open.
        self.orders.give(Order::Done.line(session));
        self.orders.close().await;
        self.handle.end().await
    }
}

async fn begin(handle: &mut impl KeeperHandle, plan: &Plan, session: &str) -> Result<(KeeperAddress, Orders), Error> {
    let mut connection = handle.connect().await?;
    let (pid, name) = tokio::time::timeout(SPEAKS_WITHIN, read_address(&mut *connection))
        .await
        .unwrap_or_else(|_| Err(did_not_start("it said nothing")))?;
    if matches!(&plan.how, How::Exec(exec) if exec.linger.is_some()) {
        handle.linger(session, pid).await?;
    }
    let address = KeeperAddress { pid, name, container: handle.container() };
    Ok((address, Orders::over(connection, session)))
}

fn did_not_start(reason: &str) -> Error {
    Error::new(ErrorKind::Keeper, format!("the keeper did not start: {reason}"))
}

/// Reads what the keeper says first. Anything else is the platform's or the launcher's complaint, or a lie of a process with as
/// many rights: it is not gone on with.
async fn read_address(connection: &mut dyn Duplex) -> Result<(u32, String), Error> {
    let mut buffer = [0; 1024];
    let mut said = Vec::new();
    loop {
        let count = connection.read(&mut buffer).await.map_err(|error| did_not_start(&error.to_string()))?;
        said.extend_from_slice(&buffer[..count]);
        let line = said.split(|&byte| byte == b'\n').next().filter(|line| line.len() < said.len());
        if let Some(address) = line.and_then(launcher::parse_address) {
            return Ok(address);
        }
        if line.is_some() || count == 0 || said.len() > LONGEST_LINE {
            let words = &said[..said.len().min(LONGEST_LINE)];
            let reason = String::from_utf8_lossy(words).trim().to_owned();
            return Err(did_not_start(if reason.is_empty() { "it ended at once, and said nothing" } else { &reason }));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn only_a_keepers_own_first_line_is_believed() {
        const NAME: &str = "0123456789abcdef0123456789abcdef";
        let long = "x".repeat(2 * LONGEST_LINE);
        for (said, expected) in [
            (format!("keeper 42 {NAME}\n"), Ok((42, NAME.to_owned()))),
            (format!("keeper 42 {NAME}\nkeeper 7 {NAME}\n"), Ok((42, NAME.to_owned()))),
            (format!("keeper 42 {NAME}"), Err(format!("keeper 42 {NAME}"))),
            (format!("\nkeeper 42 {NAME}\n"), Err(format!("keeper 42 {NAME}"))),
            (String::new(), Err("it ended at once, and said nothing".to_owned())),
            ("exec format error\n".to_owned(), Err("exec format error".to_owned())),
            (long.clone(), Err(long[..LONGEST_LINE].to_owned())),
        ] {
            let (mut theirs, mut ours) = tokio::io::duplex(8192);
            theirs.write_all(said.as_bytes()).await.unwrap();
            drop(theirs);
            let read = read_address(&mut ours).await.map_err(|error| error.message);
            let expected = expected.map_err(|reason| format!("the keeper did not start: {reason}"));
            assert_eq!(read, expected, "{said:?}");
        }
    }
}
