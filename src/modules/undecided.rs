//! Why a plugin is given no generation. Each is told as one line.
#![forbid(unsafe_code)]

use super::calls;
use crate::abi::generation::Generation;
use thiserror::Error;

/// Why a file may not tell.
const UNREAD: &str = if calls::DECODED { "" } else { " (code is not read on this machine)" };

/// `say`: the line of the configuration that settles it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Undecided {
    #[error("its plugin API {api} cannot be that of {generation}, as is configured")]
    ConfiguredOtherwise { api: i32, generation: Generation },
    #[error("{said}, as plugins of {generation} do not, which is configured")]
    ConfiguredAgainstCode { generation: Generation, said: &'static str },
    #[error("its plugin API {0} belongs to no known release")]
    UnknownApi(i32),
    /// In the middle of a generation.
    #[error(
        "its plugin API {api} is that of {generation}, in which {symbol}, which it imports, has one argument more from \
         {from} on, and its file does not tell{UNREAD} whether it was compiled for that; if you know that it was, say \
         so: {say}"
    )]
    OneArgumentMore {
        api: i32,
        generation: Generation,
        symbol: &'static str,
        from: &'static str,
        say: String,
    },
    /// It did not come with the other files of its folder.
    #[error(
        "its plugin API {api} is that of {between}, its own file does not tell{UNREAD} which it was compiled for, and as \
         the other files of its folder are, {newer} might write more than it has room for; if you know that it is of \
         their release, say so: {say}"
    )]
    OthersTell {
        api: i32,
        /// Generations.
        between: String,
        /// Symbols.
        newer: String,
        say: String,
    },
    #[error(
        "its plugin API {api} is that of {between}, which differ in {differing}, and neither its file nor the other files \
         of its folder tell which it was compiled for{UNREAD}; if you know, say so: {say}"
    )]
    Between {
        api: i32,
        /// Generations.
        between: String,
        /// Symbols.
        differing: String,
        say: String,
    },
}
