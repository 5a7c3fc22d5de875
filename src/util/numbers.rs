//! Numbers out of text, and hashing of numbers.
#![forbid(unsafe_code)]

/// The value does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

/// Decimal prefix as C's `strtol` reads it: leading blanks, a sign, digits; nothing readable is 0. Values outside
/// `0 ..= max` are refused (HL-218).
pub fn decimal_prefix(text: &[u8], max: u64) -> Result<u64, OutOfRange> {
    let start = text.iter().position(|b| !matches!(b, b' ' | 0x09..=0x0D)).unwrap_or(text.len());
    let (negative, digits) = match text.get(start) {
        Some(b'-') => (true, &text[start + 1..]),
        Some(b'+') => (false, &text[start + 1..]),
        _ => (false, &text[start..]),
    };
    let mut value: u64 = 0;
    for digit in digits.iter().take_while(|b| b.is_ascii_digit()) {
        value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    }
    match (negative, value) {
        (_, 0) => Ok(0),
        (false, value) if value <= max => Ok(value),
        _ => Err(OutOfRange),
    }
}

/// The finaliser of SplitMix64: spreads ids over 64 bits.
pub fn mix(value: u64) -> u64 {
    let mut x = value;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    // HL-218
    #[test]
    fn prefixes() {
        assert_eq!(decimal_prefix(b"256", 255), Err(OutOfRange));
        assert_eq!(decimal_prefix(b"12ab", 255), Ok(12));
        assert_eq!(decimal_prefix(b" +7", 255), Ok(7));
        assert_eq!(decimal_prefix(b"", 255), Ok(0));
        assert_eq!(decimal_prefix(b"-1", 255), Err(OutOfRange));
        assert_eq!(decimal_prefix(b"99999999999999999999999", u64::from(u32::MAX)), Err(OutOfRange));
    }

    #[test]
    fn mixing_is_a_bijection_on_samples() {
        let mixed: std::collections::HashSet<u64> = (0..1000).map(mix).collect();
        assert_eq!((mixed.len(), mix(0)), (1000, 0));
    }
}
