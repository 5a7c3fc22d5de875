//! A line of the log as one JSON object, for programs that collect logs (`log_format = "json"`).
//!
//! Members, each only when it is known: `time` (RFC 3339, UTC, µs), `level` (`FATAL` … `DBG`; modules' lines tell theirs
//! from WARN upwards only), `source` (`file:function:line`), `session`, `handle`, `plugin`, `text`.

use super::level::{Level, Place};
use super::subject::Subject;
use crate::glib;
use crate::json::{Json, dump};
use crate::util::time;

/// Of our own.
pub fn compose(level: Level, place: Option<Place<'_>>, subject: &Subject, text: &str) -> Vec<u8> {
    let source = place.map(|place| format!("{}:{}:{}", place.file, place.function, place.line));
    object(Some(level.name()), source.as_deref(), subject, text)
}

/// Of a module: level and place are recognised again. `text` comes after prefix, date and coloured tag.
/// With `colors` a tag without a colour is what somebody said.
pub fn of_module(tag: &str, text: &str, subject: &Subject, colors: bool) -> Vec<u8> {
    let named =
        |text: &str| Level::ALL.into_iter().find(|level| text.contains(&format!("[{}]", level.name())));
    let plain = text
        .split_once(' ')
        .and_then(|(word, rest)| Some((named(word).filter(|_| word.starts_with('['))?, rest)));
    let (level, text) = match plain {
        Some((level, rest)) if tag.is_empty() && !colors => (Some(level), rest),
        _ => (named(tag), text.strip_prefix(' ').filter(|_| !tag.is_empty()).unwrap_or(text)),
    };
    let place =
        text.strip_prefix('[').and_then(|rest| rest.split_once("] ")).filter(|(place, _)| is_place(place));
    let (source, text) = match place {
        Some((place, rest)) => (Some(place), rest),
        None => (None, text),
    };
    object(level.map(Level::name), source, subject, text)
}

/// `file.c:function:123`
fn is_place(text: &str) -> bool {
    let mut parts = text.rsplitn(3, ':');
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.next().is_some_and(digits)
        && parts.next().is_some()
        && parts.next().is_some_and(|file| !file.contains(' '))
}

fn object(level: Option<&str>, source: Option<&str>, subject: &Subject, text: &str) -> Vec<u8> {
    let now = time::real();
    let object = Json::object()
        .with("time", format!("{}.{:06}Z", glib::utc(now / 1_000_000), now % 1_000_000))
        .with_some("level", level)
        .with_some("source", source)
        .with_some("session", subject.session.as_deref())
        .with_some("handle", subject.handle.as_deref())
        .with_some("plugin", subject.plugin.as_deref())
        .with("text", text.trim_end_matches(['\r', '\n']));
    let dumped = object.dump(dump::COMPACT | dump::PRESERVE_ORDER).unwrap_or_default();
    let mut line = String::with_capacity(dumped.len() + 1);
    for character in dumped.chars() {
        // JSON lets DEL and U+0080 … U+009F stand as they are, and terminals obey some. Here they are in texts only.
        match character.is_control() {
            true => line.push_str(&format!("\\u{:04X}", u32::from(character))),
            false => line.push(character),
        }
    }
    line.push('\n');
    line.into_bytes()
}
