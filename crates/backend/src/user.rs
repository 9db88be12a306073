//! Numeric users.

use std::fmt;

/// A numeric user and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct NumericUser {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl NumericUser {
    /// `0:0`.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

impl fmt::Display for NumericUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.uid, self.gid)
    }
}
