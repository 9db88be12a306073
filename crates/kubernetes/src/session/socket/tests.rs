use std::sync::atomic::Ordering;
use std::time::Duration;

use super::*;
use crate::client::stand_in::{Answers, client};

#[tokio::test]
async fn a_silent_connection_is_dead_when_the_server_answers_nothing_else() {
    let server = Answers::of(&[]);
    let client = client(server.clone()).await;
    let call = Call::connect("shop", "web", "exec");
    let mut socket = Socket::open(&client, &call, true).await.unwrap();
    // Its answers are refusals, and it answers no pings.
    let silent = tokio::time::timeout(Duration::from_millis(1500), socket.next()).await;
    assert!(silent.is_err(), "{silent:?}");
    server.is_dead.store(true, Ordering::Relaxed);
    let event = socket.next().await;
    assert!(matches!(event, Event::Dead(_)), "{event:?}");
}
