//! Number and word scanning with the rules of C's `scanf` and `atoi`, which the accepted SDP dialect is defined by:
//! numbers saturate or wrap instead of failing, blanks before a field are free, trailing text is ignored.
#![forbid(unsafe_code)]

/// What C's `isspace` takes as blank.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii() && is_blank(c as u8))
}

/// A cursor over one line.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    rest: &'a str,
}

impl<'a> Fields<'a> {
    pub fn new(text: &'a str) -> Fields<'a> {
        Fields { rest: text }
    }

    /// The next run of non-blank characters, at most `limit` bytes of it.
    pub fn word(&mut self, limit: usize) -> Option<&'a str> {
        let text = skip_blanks(self.rest);
        let length = text.bytes().take_while(|&b| !is_blank(b)).count();
        let (word, rest) = text.split_at(text.floor_char_boundary(length.min(limit)));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// This exact text after optional blanks.
    pub fn literal(&mut self, wanted: &str) -> Option<()> {
        self.rest = skip_blanks(self.rest).strip_prefix(wanted)?;
        Some(())
    }

    /// An unsigned number: saturates on overflow, `-1` wraps.
    pub fn unsigned(&mut self) -> Option<u64> {
        let (negative, digits) = sign(skip_blanks(self.rest));
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        let value = saturating(&digits[..length], u64::MAX);
        self.rest = &digits[length..];
        Some(match (value, negative) {
            (u64::MAX, _) => u64::MAX,
            (value, true) => value.wrapping_neg(),
            (value, false) => value,
        })
    }

    /// A signed number, cut to 32 bits.
    pub fn int(&mut self) -> Option<i32> {
        let (_, digits) = sign(skip_blanks(self.rest));
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        let value = leading_int(self.rest);
        self.rest = &digits[length..];
        Some(value)
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

fn saturating(digits: &str, limit: u64) -> u64 {
    digits
        .bytes()
        .try_fold(0u64, |value, d| {
            value.checked_mul(10)?.checked_add(u64::from(d - b'0')).filter(|v| *v <= limit)
        })
        .unwrap_or(limit)
}

/// The leading number of `text`, 0 when there is none; saturates at 64 bits, then cut to 32 (C's `atoi` on LP64).
pub fn leading_int(text: &str) -> i32 {
    let (negative, digits) = sign(skip_blanks(text));
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let magnitude = saturating(&digits[..length], i64::MAX as u64) as i64;
    let value = match (negative, magnitude) {
        (true, i64::MAX) => i64::MIN,
        (true, m) => -m,
        (false, m) => m,
    };
    value as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_c() {
        assert_eq!(leading_int(" 12x"), 12);
        assert_eq!(leading_int("-3"), -3);
        assert_eq!(leading_int("+5"), 5);
        assert_eq!(leading_int("abc"), 0);
        assert_eq!(leading_int("99999999999"), 1215752191);
        assert_eq!(leading_int(&"1".repeat(40)), -1);
        assert_eq!(leading_int(&format!("-{}", "1".repeat(40))), 0);
        assert_eq!(Fields::new(" 99999999999999999999999").unsigned(), Some(u64::MAX));
        assert_eq!(Fields::new("-5").unsigned(), Some(u64::MAX - 4));
        assert_eq!(Fields::new("x").unsigned(), None);
    }

    #[test]
    fn words_stop_at_limits_and_characters() {
        let mut fields = Fields::new("  abcdef gé");
        assert_eq!(fields.word(3), Some("abc"));
        assert_eq!(fields.word(9), Some("def"));
        assert_eq!(fields.word(2), Some("g"));
        assert_eq!(fields.word(9), Some("é"));
        assert_eq!(fields.word(9), None);
    }
}
