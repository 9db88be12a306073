//! What a client orders a keeper to do, one line each.

#[path = "../../crates/launcher/src/keep/order.rs"]
mod keeper;

use keeper::Order;

/// `data` is the lines.
pub fn run(data: &[u8]) {
    for line in data.split(|&byte| byte == b'\n') {
        let Some(order) = std::str::from_utf8(line).ok().and_then(Order::parse) else { continue };
        match order {
            Order::Signal { session, number } => assert!(!session.is_empty() && (1..=64).contains(&number)),
            Order::Here { session } | Order::Done { session } => assert!(!session.is_empty()),
        }
    }
}
