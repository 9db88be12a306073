//! The orders of clients to a keeper, one per line.

#[path = "../../crates/launcher/src/keep/order.rs"]
mod keeper;

use keeper::Order;

/// `data` contains the lines.
pub fn run(data: &[u8]) {
    for line in data.split(|&byte| byte == b'\n') {
        let Some(order) = std::str::from_utf8(line).ok().and_then(Order::parse) else { continue };
        assert!(!order.session().is_empty());
        match order {
            Order::Signal { number, .. } => assert!((1..=64).contains(&number)),
            Order::Open { name, .. } => assert!(!name.is_empty()),
            Order::Here { .. } | Order::Done { .. } | Order::Quit { .. } => {}
        }
    }
}
