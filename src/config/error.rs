//! Why a configuration could not be read or written.

use std::io;
use thiserror::Error;

/// Why a configuration could not be read.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("Error reading configuration file '{name}': {error}")]
    Read {
        name: String,
        #[source]
        error: io::Error,
    },
    /// The text is not in the format that the name asks for. `line` counts from 1.
    #[error("Error parsing config file at line {line}: {reason} ({name})")]
    Syntax { name: String, line: usize, reason: &'static str },
}

/// Why a configuration could not be saved.
#[derive(Debug, Error)]
pub enum SaveError {
    #[error("Couldn't save configuration file, error creating folder: {0}")]
    Folder(#[source] io::Error),
    #[error("Couldn't save configuration file, error opening file: {0}")]
    File(#[source] io::Error),
}

/// A syntax error before the name of its file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub line: usize,
    pub reason: &'static str,
}

pub(super) type Parsed<T> = Result<T, Fault>;
