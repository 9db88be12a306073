//! The keeper: an ephemeral container that contains the toolkit, shares the target's PID namespace,
//! and lives as long as the client holds its standard input open.

use std::time::Duration;

use scratchdbg_backend::launcher::{self, KeeperAddress, Order};
use scratchdbg_backend::{Duplex, Error, ErrorKind, How, KeeperHandle, Plan, SessionBackend};
use tokio::io::AsyncReadExt as _;

use crate::orders::Orders;
use crate::record::random_bits;

/// How long a keeper may take to report its address.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest valid first line of a keeper. Other processes can write to the keeper's output too,
/// and may write more.
const MAX_LINE: usize = 512;

/// A running keeper. Dropping it closes the keeper's standard input, which ends the keeper and its
/// sessions. A lingering keeper stays, and ends only sessions whose client stops sending
/// heartbeats.
pub(crate) struct Keeper<K> {
    handle: K,
    pub(crate) address: KeeperAddress,
    pub(crate) orders: Orders,
}

impl<K: KeeperHandle> Keeper<K> {
    /// Starts a keeper, or connects to the lingering one of the plan. Leaves nothing behind on
    /// failure.
    pub(crate) async fn start<B: SessionBackend<Keeper = K>>(
        backend: &B,
        plan: &B::Plan,
        session: &str,
    ) -> Result<Self, Error> {
        let mut handle = backend.keep(plan, session).await?;
        if let Some(pid) = handle.lingering_pid() {
            let name = random_bits()?;
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

    /// Forwards a signal to the command of a session.
    pub(crate) fn signal(&self, session: &str, number: u8) {
        self.orders.send(Order::Signal(number).line(session));
    }

    /// Returns whether the keeper has exited although we did not tell it to.
    pub(crate) async fn is_gone(&mut self) -> bool {
        self.handle.is_gone().await
    }

    /// Returns whether a keeper that is gone ended its session itself.
    pub(crate) async fn has_ended_by_itself(&mut self) -> bool {
        self.handle.has_ended_by_itself().await
    }

    /// Releases the keeper and waits until it has exited. A lingering keeper only ends the session.
    pub(crate) async fn end(self, session: &str) -> Result<(), Error> {
        // Closing the input would be enough, unless another process holds it open.
        self.orders.send(Order::Done.line(session));
        self.orders.close().await;
        self.handle.end().await
    }
}

async fn begin(
    handle: &mut impl KeeperHandle,
    plan: &Plan,
    session: &str,
) -> Result<(KeeperAddress, Orders), Error> {
    let mut connection = handle.connect().await?;
    let (pid, name) = tokio::time::timeout(ADDRESS_TIMEOUT, read_address(&mut *connection))
        .await
        .unwrap_or_else(|_| Err(did_not_start("it printed nothing")))?;
    if matches!(&plan.how, How::Exec(exec) if exec.linger.is_some()) {
        handle.linger(session, pid).await?;
    }
    let address = KeeperAddress { pid, name, container: handle.container() };
    Ok((address, Orders::over(connection, session)))
}

fn did_not_start(reason: &str) -> Error {
    let error = Error::new(ErrorKind::Keeper, format!("the keeper did not start: {reason}"));
    if reason.contains("Operation not permitted") {
        return error.hint(
            "the keeper is confined as the target is: a seccomp profile that refuses a call that every program makes, as mkdir(2), \
             lets no session start; `docker cp` reads files all the same",
        );
    }
    error
}

/// Reads the keeper's first line. Any other text is an error: a message of the platform or of the
/// launcher, or the output of another process with the same rights.
async fn read_address(connection: &mut dyn Duplex) -> Result<(u32, String), Error> {
    let mut buffer = [0; 1024];
    let mut output = Vec::new();
    loop {
        let count = connection
            .read(&mut buffer)
            .await
            .map_err(|error| did_not_start(&error.to_string()))?;
        output.extend_from_slice(&buffer[..count]);
        let line =
            output.split(|&byte| byte == b'\n').next().filter(|line| line.len() < output.len());
        if let Some(address) = line.and_then(launcher::parse_address) {
            return Ok(address);
        }
        if line.is_some() || count == 0 || output.len() > MAX_LINE {
            let words = &output[..output.len().min(MAX_LINE)];
            let reason = String::from_utf8_lossy(words).trim().to_owned();
            return Err(did_not_start(if reason.is_empty() {
                "it exited at once without any output"
            } else {
                &reason
            }));
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
        let long = "x".repeat(2 * MAX_LINE);
        for (output, expected) in [
            (format!("keeper 42 {NAME}\n"), Ok((42, NAME.to_owned()))),
            (format!("keeper 42 {NAME}\nkeeper 7 {NAME}\n"), Ok((42, NAME.to_owned()))),
            (format!("keeper 42 {NAME}"), Err(format!("keeper 42 {NAME}"))),
            (format!("\nkeeper 42 {NAME}\n"), Err(format!("keeper 42 {NAME}"))),
            (String::new(), Err("it exited at once without any output".to_owned())),
            ("exec format error\n".to_owned(), Err("exec format error".to_owned())),
            (long.clone(), Err(long[..MAX_LINE].to_owned())),
        ] {
            let (mut theirs, mut ours) = tokio::io::duplex(8192);
            theirs.write_all(output.as_bytes()).await.unwrap();
            drop(theirs);
            let read = read_address(&mut ours).await.map_err(|error| error.message);
            let expected = expected.map_err(|reason| format!("the keeper did not start: {reason}"));
            assert_eq!(read, expected, "{output:?}");
        }
    }
}
