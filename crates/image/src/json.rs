//! Canonical JSON, so that hashed documents have exactly one form.
//!
//! Object keys are sorted by their bytes; there is no white space and no final line break. Sorting
//! is done here. `serde_json` cannot be relied on, because its maps keep insertion order as soon as
//! any crate of the build enables `preserve_order`. Neither can `oci-spec`, whose maps have a
//! random order.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Digest, ImageError};

/// A stored JSON document: exactly the bytes that its digest was computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    bytes: Vec<u8>,
    digest: Digest,
}

impl Document {
    /// Serializes `value` in canonical form. `what` names it in errors.
    pub fn of<T: Serialize>(value: &T, what: &'static str) -> Result<Self, ImageError> {
        let bytes = canonical(value).map_err(|source| ImageError::Json { what, source })?;
        Ok(Self { digest: Digest::of(&bytes), bytes })
    }

    /// A document from elsewhere, in any form.
    pub(crate) fn stored(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The number of bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Serializes `value` as canonical JSON.
pub fn canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&sorted(serde_json::to_value(value)?))
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(map) => {
            let mut members: Vec<_> = map.into_iter().collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(
                members.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>(),
            )
        }
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// `HashMap` has a new order in each round, so an unsorted writer almost certainly fails here.
    #[test]
    fn keys_are_sorted_at_every_depth() {
        let keys = ["zeta", "alpha", "Beta", "io.scratchdbg.role", "a.b", "a-b", "10", "9"];
        let expected =
            br#"{"10":0,"9":0,"Beta":0,"a-b":0,"a.b":0,"alpha":0,"io.scratchdbg.role":0,"zeta":0}"#;
        for _ in 0..50 {
            let inner: HashMap<_, _> = keys.iter().map(|key| (*key, 0)).collect();
            assert_eq!(canonical(&inner).unwrap(), expected);
            let nested: HashMap<_, _> = [("b", vec![inner.clone()]), ("a", vec![inner])].into();
            let text = canonical(&nested).unwrap();
            assert!(text.starts_with(br#"{"a":[{"10":0,"#), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn a_document_is_named_by_its_bytes() {
        let document = Document::of(&serde_json::json!({}), "an empty object").unwrap();
        assert_eq!(document.bytes(), b"{}");
        assert_eq!(
            document.digest().to_string(),
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }
}
