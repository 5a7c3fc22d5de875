//! What a line of the log looks like: the same as the log macro in the modules composes.

use crate::glib;
use crate::util::time;

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
}

/// Where in the source a line comes from.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub file: &'a str,
    pub function: &'a str,
    pub line: u32,
}

impl Level {
    pub fn enabled(self, settings: &dyn Settings) -> bool {
        self as i32 <= settings.level()
    }

    /// The tag and its ANSI colour: magenta, red, yellow.
    fn tag(self) -> Option<(&'static str, &'static str)> {
        match self {
            Level::Fatal => Some(("[FATAL]", "\x1b[35m")),
            Level::Err => Some(("[ERR]", "\x1b[31m")),
            Level::Warn => Some(("[WARN]", "\x1b[33m")),
            _ => None,
        }
    }

    /// Only these say where they come from (HL-033, CP-330).
    fn has_place(self) -> bool {
        matches!(self, Level::Fatal | Level::Err | Level::Dbg)
    }
}

/// Prefix, `[date] `, tag, `[file:function:line] `, text, line end.
pub fn compose(settings: &dyn Settings, level: Level, place: Place<'_>, text: &str) -> String {
    let mut line = settings.prefix().unwrap_or_default();
    if settings.timestamps() {
        line.push_str(&format!("[{}] ", glib::local_date(time::real() / 1_000_000)));
    }
    if let Some((tag, color)) = level.tag() {
        // The colour wraps the tag, not the text (HL-038).
        let (before, after) = if settings.colors() { (color, "\x1b[0m") } else { ("", "") };
        line.push_str(&format!("{before}{tag}{after} "));
    }
    if level.has_place() {
        line.push_str(&format!("[{}:{}:{}] ", place.file, place.function, place.line));
    }
    line.push_str(text);
    line.push('\n');
    line
}
