//! Keepers of the platform in memory.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use scratchdbg_backend::{Duplex, Error, KeeperHandle};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::FakeSessions;

/// A keeper.
#[derive(Debug)]
pub struct FakeKeeper {
    pub(super) platform: FakeSessions,
    pub(super) says: Option<&'static str>,
    /// Whether the keeper lingers.
    pub(super) stands: bool,
}

impl FakeKeeper {
    /// Executes a keeper's orders.
    async fn serve(platform: FakeSessions, mut theirs: DuplexStream) {
        let mut heard = String::new();
        let mut bytes = [0; 256];
        while let Ok(count @ 1..) = theirs.read(&mut bytes).await {
            heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
            while let Some((line, rest)) = heard.split_once('\n') {
                let words: Vec<_> = line.split(' ').collect();
                match words[..] {
                    ["open", session, _] => {
                        let _gone =
                            theirs.write_all(format!("opened {session}\n").as_bytes()).await;
                    }
                    ["signal", _, number] => {
                        platform.note(format!("signal {number}"));
                        let number = number.parse().unwrap_or_default();
                        let _gone =
                            platform.world().signals.as_ref().map(|signals| signals.send(number));
                    }
                    _ => {}
                }
                heard = rest.to_owned();
            }
        }
    }
}

impl KeeperHandle for FakeKeeper {
    fn container(&self) -> String {
        "k1".to_owned()
    }

    fn lingering_pid(&self) -> Option<u32> {
        self.stands.then_some(7)
    }

    fn connect(&mut self) -> BoxFuture<'static, Result<Box<dyn Duplex>, Error>> {
        let (platform, says, stale) =
            (self.platform.clone(), self.says, self.platform.next_script().keeper_says);
        let connect = async move {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            let _gone = theirs.write_all(says.unwrap_or_default().as_bytes()).await;
            // A lingering keeper may have ended.
            if says.is_some() || stale.is_none() {
                tokio::spawn(Self::serve(platform, theirs));
            }
            Ok(Box::new(ours) as Box<dyn Duplex>)
        };
        connect.boxed()
    }

    async fn linger(&mut self, _: &str, pid: u32) -> Result<(), Error> {
        self.platform.note(format!("linger as {pid}"));
        self.stands = true;
        Ok(())
    }

    async fn is_gone(&mut self) -> bool {
        self.platform.world().keeper_was_gone || self.platform.next_script().keeper_is_gone
    }

    async fn end(self) -> Result<(), Error> {
        self.platform.note(if self.stands { "keeper stays" } else { "keeper gone" });
        Ok(())
    }

    async fn discard(self) {
        self.platform.note("keeper discarded");
        self.platform.finish();
    }
}
