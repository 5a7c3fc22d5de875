//! Tokens of libconfig's grammar, with comments dropped and `@include` files spliced in.

use super::Include;
use super::error::{Fault, Parsed};

/// How deep `@include` may nest, as in libconfig.
const INCLUDE_DEPTH: usize = 10;

/// The types that libconfig tells apart; an array holds scalars of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    Bool,
    Int,
    Int64,
    Float,
    Text,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Name(String),
    /// A value, as the text that the tree keeps (HL-004).
    Scalar(Scalar, String),
    /// One of `= : ; , { } [ ] ( )`; `=` stands for `:` too.
    Mark(u8),
    End,
}

/// One text being read: the configuration, or a file that it includes.
struct Source<'a> {
    text: std::borrow::Cow<'a, [u8]>,
    at: usize,
    line: usize,
}

pub struct Lexer<'a> {
    sources: Vec<Source<'a>>,
    include: &'a Include<'a>,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a [u8], include: &'a Include<'a>) -> Self {
        Lexer { sources: vec![Source { text: text.into(), at: 0, line: 1 }], include }
    }

    /// An error at the current line.
    pub fn fault(&self, reason: &'static str) -> Fault {
        Fault { line: self.source().line, reason }
    }

    fn source(&self) -> &Source<'a> {
        self.sources.last().expect("the first source stays")
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        let source = self.source();
        source.text.get(source.at + ahead).copied()
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.peek(0)?;
        let source = self.sources.last_mut().expect("the first source stays");
        source.at += 1;
        source.line += usize::from(byte == b'\n');
        Some(byte)
    }

    /// Takes bytes while `wanted` holds.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> Vec<u8> {
        let mut taken = Vec::new();
        while let Some(byte) = self.peek(0).filter(|&b| wanted(b)) {
            taken.push(byte);
            self.next_byte();
        }
        taken
    }

    pub fn token(&mut self) -> Parsed<Token> {
        loop {
            self.skip_blanks();
            let Some(byte) = self.peek(0) else {
                if self.sources.len() == 1 {
                    return Ok(Token::End);
                }
                self.sources.pop();
                continue;
            };
            return match byte {
                b'@' => {
                    self.include()?;
                    continue;
                }
                b'=' | b':' => self.mark(b'='),
                b';' | b',' | b'{' | b'}' | b'[' | b']' | b'(' | b')' => self.mark(byte),
                b'"' => self.strings(),
                b'A'..=b'Z' | b'a'..=b'z' | b'*' => Ok(self.word()),
                b'0'..=b'9' | b'+' | b'-' | b'.' => self.number(),
                _ => Err(self.fault("syntax error")),
            };
        }
    }

    fn mark(&mut self, mark: u8) -> Parsed<Token> {
        self.next_byte();
        Ok(Token::Mark(mark))
    }

    /// White space and the three kinds of comments. One that the file leaves open ends with it.
    fn skip_blanks(&mut self) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0c), _) => {
                    self.next_byte();
                }
                (Some(b'#'), _) | (Some(b'/'), Some(b'/')) => {
                    self.take_while(|b| b != b'\n');
                }
                (Some(b'/'), Some(b'*')) => {
                    self.next_byte();
                    self.next_byte();
                    while self.peek(0).is_some() && (self.peek(0), self.peek(1)) != (Some(b'*'), Some(b'/')) {
                        self.next_byte();
                    }
                    self.next_byte();
                    self.next_byte();
                }
                _ => return,
            }
        }
    }

    /// `@include "path"`, first on its line: what follows is read from that file until its end.
    fn include(&mut self) -> Parsed<()> {
        let source = self.source();
        let before = &source.text[..source.at];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
        if !before[line_start..].iter().all(|b| matches!(b, b' ' | b'\t')) {
            return Err(self.fault("syntax error"));
        }
        let word = self.take_while(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'"'));
        let gap = self.take_while(|b| matches!(b, b' ' | b'\t'));
        if word != b"@include" || gap.is_empty() || self.peek(0) != Some(b'"') {
            return Err(self.fault("syntax error"));
        }
        let path = self.string()?;
        if self.sources.len() > INCLUDE_DEPTH {
            return Err(self.fault("include file nesting too deep"));
        }
        let path = String::from_utf8_lossy(&path);
        let text = (self.include)(&path).map_err(|_| self.fault("cannot open include file"))?;
        self.sources.push(Source { text: text.into(), at: 0, line: 1 });
        Ok(())
    }

    /// A name, or one of the words `true` and `false` in any case.
    fn word(&mut self) -> Token {
        let word = self.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'));
        let word = String::from_utf8_lossy(&word).into_owned();
        let lower = word.to_ascii_lowercase();
        if lower == "true" || lower == "false" {
            Token::Scalar(Scalar::Bool, lower)
        } else {
            Token::Name(word)
        }
    }

    /// Strings that follow each other are one.
    fn strings(&mut self) -> Parsed<Token> {
        let mut all = Vec::new();
        while self.peek(0) == Some(b'"') {
            all.extend(self.string()?);
            self.skip_blanks();
        }
        Ok(Token::Scalar(Scalar::Text, String::from_utf8_lossy(&all).into_owned()))
    }

    /// One quoted string. `\n \r \t \f \" \\ \xHH` are escapes; any other backslash stands for itself. NUL, which no
    /// C string can hold, is dropped.
    fn string(&mut self) -> Parsed<Vec<u8>> {
        let mut text = Vec::new();
        self.next_byte();
        loop {
            let byte = match self.next_byte() {
                None => return Err(self.fault("syntax error")),
                Some(b'"') => return Ok(text),
                Some(b'\\') => self.escape(),
                Some(byte) => byte,
            };
            if byte != 0 {
                text.push(byte);
            }
        }
    }

    /// What follows a backslash; the backslash itself when that is no escape.
    fn escape(&mut self) -> u8 {
        let (byte, length) = match self.peek(0) {
            Some(b'n') => (b'\n', 1),
            Some(b'r') => (b'\r', 1),
            Some(b't') => (b'\t', 1),
            Some(b'f') => (0x0c, 1),
            Some(quoted @ (b'"' | b'\\')) => (quoted, 1),
            Some(b'x' | b'X') => match (self.hex_digit(1), self.hex_digit(2)) {
                (Some(high), Some(low)) => (high * 16 + low, 3),
                _ => (b'\\', 0),
            },
            _ => (b'\\', 0),
        };
        for _ in 0..length {
            self.next_byte();
        }
        byte
    }

    fn hex_digit(&self, ahead: usize) -> Option<u8> {
        self.peek(ahead).and_then(|b| char::from(b).to_digit(16)).map(|digit| digit as u8)
    }

    /// Integers (decimal, `0x`, with `L` 64 bits wide) and floats: the longest match.
    fn number(&mut self) -> Parsed<Token> {
        if self.peek(0) == Some(b'0')
            && matches!(self.peek(1), Some(b'x' | b'X'))
            && self.hex_digit(2).is_some()
        {
            self.next_byte();
            self.next_byte();
            return Ok(self.hex());
        }
        let mut text = self.take_one(|b| matches!(b, b'+' | b'-'));
        let signed = text.len();
        text.extend(self.take_while(|b| b.is_ascii_digit()));
        let digits = text.len() - signed;
        let fraction = self.take_one(|b| b == b'.');
        let mut float = !fraction.is_empty();
        if float {
            text.extend(fraction);
            text.extend(self.take_while(|b| b.is_ascii_digit()));
        } else if digits == 0 {
            return Err(self.fault("syntax error"));
        }
        let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
        if matches!(self.peek(0), Some(b'e' | b'E'))
            && self.peek(1 + sign).is_some_and(|b| b.is_ascii_digit())
        {
            float = true;
            text.extend(self.take_one(|_| true));
            text.extend(self.take_one(|b| matches!(b, b'+' | b'-')));
            text.extend(self.take_while(|b| b.is_ascii_digit()));
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        if float {
            // "." and "-." are floats too; C's atof reads them as zero.
            return Ok(Token::Scalar(Scalar::Float, format!("{:.6}", text.parse().unwrap_or(0.0_f64))));
        }
        // Beyond 64 bits: the nearest, as strtoll.
        let beyond = if text.starts_with('-') { i64::MIN } else { i64::MAX };
        let value = text.parse().unwrap_or(beyond);
        let long = self.long_suffix() || i32::try_from(value).is_err();
        Ok(Token::Scalar(if long { Scalar::Int64 } else { Scalar::Int }, value.to_string()))
    }

    /// The digits after `0x`. Up to 32 bits without `L` are the bits of a C int: 0xFFFFFFFF is -1.
    fn hex(&mut self) -> Token {
        let digits = self.take_while(|b| b.is_ascii_hexdigit());
        let value = u64::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or(u64::MAX);
        let long = self.long_suffix();
        match u32::try_from(value) {
            Ok(bits) if !long => Token::Scalar(Scalar::Int, bits.cast_signed().to_string()),
            _ => Token::Scalar(Scalar::Int64, value.cast_signed().to_string()),
        }
    }

    /// `L` or `LL`.
    fn long_suffix(&mut self) -> bool {
        let long = !self.take_one(|b| b == b'L').is_empty();
        if long {
            self.take_one(|b| b == b'L');
        }
        long
    }

    /// Takes one byte when `wanted` holds for it.
    fn take_one(&mut self, wanted: impl Fn(u8) -> bool) -> Vec<u8> {
        let byte = self.peek(0).filter(|&b| wanted(b));
        if byte.is_some() {
            self.next_byte();
        }
        byte.into_iter().collect()
    }
}
