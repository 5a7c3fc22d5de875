//! Text → [`Sdp`]. The accepted dialect and the error texts are helpers.md §9.1; RFC 8866 is the grammar behind it.
#![forbid(unsafe_code)]

use super::cscan::{Fields, leading_int};
use super::model::{Attribute, Direction, MediaType, Mline, Sdp};
use thiserror::Error;

/// Why a text was refused. `Display` gives the text that clients and plugins see.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ParseError(String);

type Result<T> = std::result::Result<T, ParseError>;

fn refuse<T>(why: String) -> Result<T> {
    Err(ParseError(why))
}

/// Longest accepted `m=` line, in bytes.
const MLINE_LIMIT: usize = 200;
/// Longest name or address kept of `o=` and `c=` lines, in bytes.
const WORD_LIMIT: usize = 255;
/// Longest address type looked at (`IP4`, `IP6`).
const FAMILY_LIMIT: usize = 5;
/// Longest media type and protocol kept of an `m=` line.
const TYPE_LIMIT: usize = 31;
const PROTO_LIMIT: usize = 63;

impl Sdp {
    /// Parses a session description.
    ///
    /// # Errors
    /// The exact texts of helpers.md §9.1. Taken although the reference refuses them: media other than audio, video and
    /// application, attributes with an empty value, a missing or empty `s=` line, blanks in the name of `o=`.
    pub fn parse(text: &str) -> Result<Sdp> {
        if !text.starts_with("v=") {
            return refuse("Invalid SDP (doesn't start with v=)".into());
        }
        let mut sdp = Sdp::default();
        for line in text.split('\n') {
            let line = line.split('\r').next().unwrap_or_default();
            if !line.is_empty() {
                sdp.line(line)?;
            }
        }
        if sdp.o_name.is_none() || sdp.mlines.is_empty() {
            return refuse("Missing mandatory lines (o=, s= or m=)".into());
        }
        // RFC 8866 §5.3: what a session without a name has.
        sdp.s_name.get_or_insert_with(|| "-".into());
        Ok(sdp)
    }

    fn line(&mut self, line: &str) -> Result<()> {
        if line == "s=" && self.mlines.is_empty() {
            return Ok(());
        }
        if line.len() < 3 {
            return refuse(format!("Invalid line ({} bytes): {line}", line.len()));
        }
        let bytes = line.as_bytes();
        if bytes[1] != b'=' {
            return refuse(format!("Invalid line (2nd char is not '='): {line}"));
        }
        // Byte 1 is '=', so byte 0 is ASCII and 2 is a character boundary.
        let (letter, value) = (bytes[0], &line[2..]);
        if letter == b'm' {
            let index = self.mlines.len() as i32;
            self.mlines.push(parse_mline(index, line, value)?);
            return Ok(());
        }
        match self.mlines.last_mut() {
            None => self.session_line(letter, value, line),
            Some(mline) => media_line(mline, letter, value, line),
        }
    }

    fn session_line(&mut self, letter: u8, value: &str, line: &str) -> Result<()> {
        match letter {
            b'v' => match Fields::new(value).int() {
                Some(version) => self.version = version,
                None => return refuse(format!("Invalid v= line: {line}")),
            },
            b'o' => self.origin(value, line)?,
            b's' => {
                if self.s_name.is_some() {
                    return refuse(format!("Multiple s= lines: {line}"));
                }
                self.s_name = Some(value.to_owned());
            }
            b't' => {
                let mut fields = Fields::new(value);
                match (fields.unsigned(), fields.unsigned()) {
                    (Some(start), Some(stop)) => (self.t_start, self.t_stop) = (start, stop),
                    _ => return refuse(format!("Invalid t= line: {line}")),
                }
            }
            b'c' => {
                if self.c_addr.is_some() {
                    return refuse(format!("Multiple global c= lines: {line}"));
                }
                let (ipv4, address) = connection(value, line)?;
                (self.c_ipv4, self.c_addr) = (ipv4, Some(address));
            }
            b'a' => self.attributes.push(parse_attribute(value)),
            _ => tracing::warn!("Ignoring '{}' property in the session description", letter as char),
        }
        Ok(())
    }

    fn origin(&mut self, value: &str, line: &str) -> Result<()> {
        if self.o_name.is_some() {
            return refuse(format!("Multiple o= lines: {line}"));
        }
        fn scan(value: &str) -> Option<(&str, u64, u64, &str, &str)> {
            let mut fields = Fields::new(value);
            let name = fields.word(WORD_LIMIT)?;
            let (id, version) = (fields.unsigned()?, fields.unsigned()?);
            fields.literal("IN")?;
            Some((name, id, version, fields.word(FAMILY_LIMIT)?, fields.word(WORD_LIMIT)?))
        }
        let blanks = || name_with_blanks(value);
        let joined = if scan(value).is_none() { blanks() } else { None };
        let Some((name, id, version, family, address)) = scan(joined.as_deref().unwrap_or(value)) else {
            return refuse(format!("Invalid o= line: {line}"));
        };
        let Some(ipv4) = is_ipv4(family) else {
            return refuse(format!("Invalid o= line (unsupported protocol {family}): {line}"));
        };
        self.o_name = Some(name.to_owned());
        (self.o_sessid, self.o_version, self.o_ipv4) = (id, version, ipv4);
        self.o_addr = Some(address.to_owned());
        Ok(())
    }
}

/// The same `o=` line with `_` for the blanks in the name: five fields follow it.
fn name_with_blanks(value: &str) -> Option<String> {
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    let (name, rest) = words.split_at(words.len().checked_sub(5).filter(|count| *count > 1)?);
    Some(format!("{} {}", name.join("_"), rest.join(" ")))
}

fn is_ipv4(family: &str) -> Option<bool> {
    if family.eq_ignore_ascii_case("IP4") {
        Some(true)
    } else if family.eq_ignore_ascii_case("IP6") {
        Some(false)
    } else {
        None
    }
}

fn connection(value: &str, line: &str) -> Result<(bool, String)> {
    let scan = || {
        let mut fields = Fields::new(value);
        fields.literal("IN")?;
        Some((fields.word(FAMILY_LIMIT)?, fields.word(WORD_LIMIT)?))
    };
    let Some((family, address)) = scan() else {
        return refuse(format!("Invalid c= line: {line}"));
    };
    match is_ipv4(family) {
        Some(ipv4) => Ok((ipv4, address.to_owned())),
        None => refuse(format!("Invalid c= line (unsupported protocol {family}): {line}")),
    }
}

/// `name` or `name:value`; the value is everything after the first colon.
fn parse_attribute(text: &str) -> Attribute {
    let direction = if text.contains("/inactive") {
        Direction::Inactive
    } else if text.contains("/sendonly") {
        Direction::SendOnly
    } else if text.contains("/recvonly") {
        Direction::RecvOnly
    } else {
        Direction::Default
    };
    match text.split_once(':') {
        None => Attribute::flag(text),
        Some((name, value)) => Attribute { name: name.to_owned(), value: Some(value.to_owned()), direction },
    }
}

fn parse_mline(index: i32, line: &str, value: &str) -> Result<Mline> {
    if line.len() > MLINE_LIMIT {
        return refuse(format!("Invalid m= line (too long): {}", line.len()));
    }
    let scan = || {
        let mut fields = Fields::new(value);
        Some((fields.word(TYPE_LIMIT)?, fields.unsigned()?, fields.word(PROTO_LIMIT)?))
    };
    let Some((type_str, port, proto)) = scan() else {
        return refuse(format!("Invalid m= line: {line}"));
    };
    let kind = MediaType::from_name(type_str);
    // Formats are what follows the third blank, empty ones included; negative payload types do not count.
    let fmts: Vec<String> = value.split(' ').skip(3).map(str::to_owned).collect();
    let ptypes: Vec<i32> =
        fmts.iter().map(|format| leading_int(format)).filter(|ptype| *ptype >= 0).collect();
    if ptypes.is_empty() {
        return refuse(format!("Invalid m= line (no payload types/formats): {line}"));
    }
    // The port is cut to 16 bits, not refused.
    let mline = Mline::new(kind, port as u16, proto, Direction::SendRecv);
    Ok(Mline { index, type_str: type_str.to_owned(), fmts, ptypes, ..mline })
}

fn media_line(mline: &mut Mline, letter: u8, value: &str, line: &str) -> Result<()> {
    match letter {
        b'c' => {
            if mline.c_addr.is_some() {
                return refuse(format!("Multiple m-line c= lines: {line}"));
            }
            let (ipv4, address) = connection(value, line)?;
            (mline.c_ipv4, mline.c_addr) = (ipv4, Some(address));
        }
        b'b' if mline.b_name.is_some() => {
            tracing::warn!("Ignoring extra b= line: {line}");
        }
        b'b' => match value.split_once(':') {
            None | Some((_, "")) => return refuse(format!("Invalid b= line: {value}")),
            Some((name @ ("AS" | "TIAS"), rate)) => {
                (mline.b_name, mline.b_value) = (Some(name.to_owned()), leading_int(rate) as u32);
            }
            Some((name, _)) => tracing::warn!("Ignoring b= line of type {name}"),
        },
        b'a' => {
            let attribute = parse_attribute(value);
            match (&attribute.value, Direction::from_name(&attribute.name)) {
                (None, direction) if direction != Direction::Invalid => mline.direction = direction,
                _ => mline.attributes.push(attribute),
            }
        }
        _ => tracing::warn!("Ignoring '{}' property in m-line {}", letter as char, mline.index),
    }
    Ok(())
}
