//! How much a line matters, where it comes from, and what is set about lines.

/// The levels of `debug.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    Fatal = 1,
    Err = 2,
    Warn = 3,
    Info = 4,
    Verb = 5,
    Huge = 6,
    Dbg = 7,
}

/// What operators and modules set. The values are C variables, so whoever owns those implements this.
pub trait Settings: Send + Sync + 'static {
    /// 0 none … 7 all; a line is written when its level is not above this (HL-032).
    fn level(&self) -> i32;
    fn timestamps(&self) -> bool;
    fn colors(&self) -> bool;
    /// First text of every line (HL-034, CP-039).
    fn prefix(&self) -> Option<String>;
    /// Lines are written as JSON objects, too.
    fn structured(&self) -> bool;
}

/// Where in the source a line comes from.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub file: &'a str,
    pub function: &'a str,
    pub line: u32,
}

impl Level {
    pub const ALL: [Level; 7] =
        [Level::Fatal, Level::Err, Level::Warn, Level::Info, Level::Verb, Level::Huge, Level::Dbg];

    /// As in `debug.h`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Fatal => "FATAL",
            Level::Err => "ERR",
            Level::Warn => "WARN",
            Level::Info => "INFO",
            Level::Verb => "VERB",
            Level::Huge => "HUGE",
            Level::Dbg => "DBG",
        }
    }

    pub fn enabled(self, settings: &dyn Settings) -> bool {
        self as i32 <= settings.level()
    }
}
