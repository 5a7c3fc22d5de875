//! What a line of the log looks like: the same as the log macro in the modules composes, and nothing that a client said
//! can look like another line.

use super::level::{Level, Place, Settings};
use super::structured;
use super::subject::Subject;
use crate::glib;
use crate::util::time;

impl Level {
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

/// A line that may be written: colours stand in front of its text only, and what follows a line end inside the text
/// begins with [`CONTINUED`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    text: Vec<u8>,
    /// The same as a JSON object, where that is asked for.
    object: Option<Vec<u8>>,
}

/// Begins each further line of a text of several lines, such as an SDP.
const CONTINUED: &[u8] = b"  | ";

/// Tags of levels, as they are without colours.
const LEVELS: [&[u8]; 3] = [b"[FATAL]", b"[ERR]", b"[WARN]"];

/// Prefix, `[date] `, tag, `[file:function:line] `, `[handle] `, text, line end. Of the subject only the handle is in the
/// line; JSON has all of it.
pub fn compose(
    settings: &dyn Settings,
    level: Level,
    place: Place<'_>,
    subject: &Subject,
    text: &str,
) -> Composed {
    let place = level.has_place().then_some(place);
    let object = settings.structured().then(|| structured::compose(level, place, subject, text));
    let mut line = settings.prefix().unwrap_or_default();
    if settings.timestamps() {
        line.push_str(&format!("[{}] ", glib::local_date(time::real() / 1_000_000)));
    }
    if let Some((tag, color)) = level.tag() {
        // The colour wraps the tag, not the text (HL-038).
        let (before, after) = if settings.colors() { (color, "\x1b[0m") } else { ("", "") };
        line.push_str(&format!("{before}{tag}{after} "));
    }
    let start = line.len();
    if let Some(place) = place {
        line.push_str(&format!("[{}:{}:{}] ", place.file, place.function, place.line));
    }
    if let Some(handle) = &subject.handle {
        line.push_str(&format!("[{handle}] "));
    }
    line.push_str(text);
    line.push('\n');
    Composed { text: cleaned(start, line.into_bytes()), object }
}

impl Composed {
    /// What the macro in a module composed, in one piece: prefix, date and tag are recognised again.
    pub fn by_module(settings: &dyn Settings, line: &[u8]) -> Composed {
        let mut start = 0;
        if let Some(prefix) = settings.prefix()
            && line.starts_with(prefix.as_bytes())
        {
            start = prefix.len();
        }
        // What the macro does not write at present was written by somebody else.
        if settings.timestamps() {
            start += date_length(&line[start..]);
        }
        let length = if settings.colors() { tag_length(&line[start..]) } else { 0 };
        let (tag, text) = line[start..].split_at(length);
        let object = settings.structured().then(|| {
            let (tag, text) = (String::from_utf8_lossy(tag), String::from_utf8_lossy(text));
            structured::of_module(&tag, &text, &Subject::of_thread(), settings.colors())
        });
        start += tag.len();
        let mut line = line.to_vec();
        if settings.colors() && length == 0 && LEVELS.iter().any(|level| line[start..].starts_with(level)) {
            line.splice(start..start, CONTINUED.iter().copied());
        }
        Composed { text: cleaned(start, line), object }
    }

    /// The line, and the JSON object that is written in its place.
    pub fn into_parts(self) -> (Vec<u8>, Option<Vec<u8>>) {
        (self.text, self.object)
    }
}

/// Cleans what comes after the first `start` bytes. Without a line end it stays without: modules print lines in
/// parts.
fn cleaned(start: usize, line: Vec<u8>) -> Vec<u8> {
    let (whole, ended) = match line.strip_suffix(b"\n") {
        Some(rest) => (rest, true),
        None => (&line[..], false),
    };
    if whole[start.min(whole.len())..].iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return line;
    }
    let (before, text) = whole.split_at(start.min(whole.len()));
    let mut out = Vec::with_capacity(line.len() + 64);
    out.extend_from_slice(before);
    clean(text, &mut out);
    // Line ends at the end end one line.
    while out.ends_with(CONTINUED) && out[..out.len() - CONTINUED.len()].ends_with(b"\n") {
        out.truncate(out.len() - CONTINUED.len() - 1);
    }
    if ended {
        out.push(b'\n');
    }
    out
}

/// `[Fri Nov 20 10:59:33 2026] `, or 0.
fn date_length(line: &[u8]) -> usize {
    const LENGTH: usize = "[Fri Nov 20 10:59:33 2026] ".len();
    let date = |text: &[u8]| {
        text.starts_with(b"[")
            && text.ends_with(b"] ")
            && text[1..LENGTH - 2].iter().all(|b| b.is_ascii_alphanumeric() || b" :".contains(b))
    };
    line.get(..LENGTH).filter(|text| date(text)).map_or(0, <[u8]>::len)
}

/// A word in brackets inside a colour, as the modules' levels are (`ESC[31m[ERR]ESC[0m`), or 0.
fn tag_length(line: &[u8]) -> usize {
    fn colour(line: &[u8]) -> Option<&[u8]> {
        let rest = line.strip_prefix(b"\x1b[")?;
        let end = rest.iter().position(|b| !b.is_ascii_digit() && *b != b';')?;
        rest[end..].strip_prefix(b"m")
    }
    fn tag(line: &[u8]) -> Option<&[u8]> {
        let word = colour(line)?.strip_prefix(b"[")?;
        let end = word.iter().position(|b| !b.is_ascii_graphic() || *b == b']')?;
        colour(word[end..].strip_prefix(b"]")?)
    }
    tag(line).map_or(0, |rest| line.len() - rest.len())
}

/// Appends the text: line ends with the mark of further lines, other control characters as `\xNN`.
fn clean(text: &[u8], out: &mut Vec<u8>) {
    let escape = |code: u32, out: &mut Vec<u8>| out.extend_from_slice(format!("\\x{code:02x}").as_bytes());
    for chunk in text.utf8_chunks() {
        let mut characters = chunk.valid().chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '\r' if characters.peek() == Some(&'\n') => {}
                '\n' => {
                    out.push(b'\n');
                    out.extend_from_slice(CONTINUED);
                }
                '\t' => out.push(b'\t'),
                // The second half of Latin-1's control characters, too: terminals obey U+009B as they do ESC [.
                _ if character.is_control() => escape(character.into(), out),
                _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            match byte {
                0x80..=0x9f => escape((*byte).into(), out),
                _ => out.push(*byte),
            }
        }
    }
}

#[cfg(test)]
impl From<Vec<u8>> for Composed {
    fn from(line: Vec<u8>) -> Self {
        Composed { text: line, object: None }
    }
}
