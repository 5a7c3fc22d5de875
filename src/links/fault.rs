//! Why something cannot be forwarded or sent.
#![forbid(unsafe_code)]

use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// There is no such m-line, or no link.
    #[error("{0}")]
    Missing(String),
    #[error("{0}")]
    TooLarge(String),
    /// Not as long as things are as they are.
    #[error("{0}")]
    State(String),
}

impl Fault {
    pub fn invalid(text: impl Into<String>) -> Fault {
        Fault::Invalid(text.into())
    }
}

pub type Result<T> = std::result::Result<T, Fault>;
