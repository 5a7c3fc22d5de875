//! The options: one table, and all that follows from it.
//!
//! A row of the [`table`] says where an option stands, what it holds, what it is without it, and what it does. From the
//! rows come the typed readers (`SESSION_TIMEOUT.of(&config)`), the command line ([`Row::switch`]), the members of
//! `info` that name an option ([`shown`]), the warnings about names that nobody knows ([`check`](check())), and
//! docs/configuration.md. A new option is a row, and a line where its value is used.
#![forbid(unsafe_code)]

mod check;
#[cfg(test)]
mod page;
mod row;
mod table;

pub use check::{check, find};
pub use row::{File, Flag, Kind, List, Number, Opt, Row, Shown, Switch, Text};
pub use table::*;

use crate::config::Config;

/// The members of `info` that follow from the table, in its order.
pub fn shown(config: &Config) -> Vec<(&'static str, Shown)> {
    ALL.iter().filter_map(|row| Some((row.info?, row.value(config)?))).collect()
}
