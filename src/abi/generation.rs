//! The plugin ABI generations. The API number that a plugin reports does not identify one: five numbers stand for
//! more than one layout.
#![forbid(unsafe_code)]

use std::fmt;

/// One binary layout of the plugin-facing structs and functions. Ordered by age; `B6` (1.3.2 … 1.4.1) is native.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// v0.9.0 … v0.9.2, plugin API 14
    A1,
    /// v0.9.3 … v0.9.4, plugin API 14
    A2,
    /// v0.9.5, plugin API 14
    A3,
    /// v0.10.0 … v0.10.1, plugin API 15
    A4,
    /// v0.10.2 … v0.11.1, plugin API 15
    A5,
    /// v0.11.2 … v0.11.4, plugin API 15
    A6,
    /// v0.11.5, plugin API 15
    A7,
    /// v0.11.6 … v0.11.7, plugin API 16
    A8,
    /// v0.11.8, plugin API 16
    A9,
    /// v0.12.0 … v0.16.1, plugin API 17 … 20
    A10,
    /// v1.0.0 … v1.0.3, plugin API 101
    B1,
    /// v1.0.4, plugin API 102
    B2,
    /// v1.1.0 … v1.1.4, plugin API 102
    B3,
    /// v1.2.0, plugin API 102
    B4,
    /// v1.2.1 … v1.3.1, plugin API 103 … 106
    B5,
    /// v1.3.2 … v1.4.1, plugin API 106
    B6,
}

impl Generation {
    /// The layout of our own exported symbols.
    pub const NATIVE: Generation = Generation::B6;

    /// All, oldest first.
    pub const ALL: [Generation; 16] = {
        use Generation::*;
        [A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, B1, B2, B3, B4, B5, B6]
    };

    /// The generation of this name (`B3`), in any case.
    pub fn from_name(name: &str) -> Option<Generation> {
        Generation::ALL.into_iter().find(|g| g.to_string().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
