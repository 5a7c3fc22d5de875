//! Text as configuration and API treat it.
#![forbid(unsafe_code)]

/// `yes`, `true` (any case) or `1`; everything else is false (HL-214, CP-021).
pub fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("yes") || text.eq_ignore_ascii_case("true") || text == "1"
}

/// Equality whose time depends only on the longer length (HL-215).
pub fn equal_const_time(a: &[u8], b: &[u8]) -> bool {
    let mut difference = usize::from(a.len() != b.len());
    for index in 0..a.len().max(b.len()) {
        let (x, y) = (a.get(index).copied().unwrap_or(0), b.get(index).copied().unwrap_or(0));
        difference |= usize::from(x ^ y);
    }
    std::hint::black_box(difference) == 0
}

/// Replaces every `old`; an empty `old` changes nothing.
pub fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    if old.is_empty() {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(old.len()).position(|w| w == old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // HL-214
    #[test]
    fn truth() {
        assert!(["yes", "YES", "True", "1"].iter().all(|t| is_true(t)));
        assert!(!["on", "no", "", "11", "y"].iter().any(|t| is_true(t)));
    }

    // HL-215
    #[test]
    fn equality() {
        assert!(equal_const_time(b"abc", b"abc") && equal_const_time(b"", b""));
        assert!(!equal_const_time(b"abc", b"abd") && !equal_const_time(b"abc", b"ab"));
        assert!(!equal_const_time(b"a\0", b"a"));
    }

    #[test]
    fn replacing() {
        assert_eq!(replace(b"a-b-c", b"-", b"--"), b"a--b--c");
        assert_eq!(replace(b"aaa", b"aa", b"b"), b"ba");
        assert_eq!(replace(b"abc", b"", b"x"), b"abc");
    }
}
