//! Why a configuration could not be read or written.

use std::fmt;
use std::io;

/// Why a configuration could not be read.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Read { name: String, error: io::Error },
    /// The text is not in the format that the name asks for. `line` counts from 1.
    Syntax { name: String, line: usize, reason: &'static str },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Read { name, error } => {
                write!(f, "Error reading configuration file '{name}': {error}")
            }
            ConfigError::Syntax { name, line, reason } => {
                write!(f, "Error parsing config file at line {line}: {reason} ({name})")
            }
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ConfigError::Read { error, .. } => Some(error),
            ConfigError::Syntax { .. } => None,
        }
    }
}

/// Why a configuration could not be saved.
#[derive(Debug)]
pub enum SaveError {
    Folder(io::Error),
    File(io::Error),
}

impl fmt::Display for SaveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SaveError::Folder(error) => {
                write!(f, "Couldn't save configuration file, error creating folder: {error}")
            }
            SaveError::File(error) => {
                write!(f, "Couldn't save configuration file, error opening file: {error}")
            }
        }
    }
}

impl std::error::Error for SaveError {}

/// A syntax error before the name of its file is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub line: usize,
    pub reason: &'static str,
}

pub(super) type Parsed<T> = Result<T, Fault>;
