//! Several look-ups at the same time, for as long as a list may wait for them.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use futures_util::StreamExt as _;

/// How many look-ups run at the same time.
const AT_ONCE: usize = 8;

/// Runs the look-ups. What is not found within `limit` is absent.
pub(crate) async fn within<T, K: Eq + Hash, V>(
    limit: Duration,
    items: impl IntoIterator<Item = T>,
    look_up: impl AsyncFn(T) -> (K, V),
) -> HashMap<K, V> {
    let mut found = HashMap::new();
    let mut lookups =
        futures_util::stream::iter(items).map(|item| look_up(item)).buffer_unordered(AT_ONCE);
    let all = async {
        while let Some((key, value)) = lookups.next().await {
            found.insert(key, value);
        }
    };
    let _late = tokio::time::timeout(limit, all).await;
    drop(lookups);
    found
}
