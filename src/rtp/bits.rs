//! Bits and big-endian bytes, most significant first (helpers.md §12.7).

/// `word` with the low `count` bits of `bits` appended; of 32 and more only those remain.
pub fn push(word: u32, count: usize, bits: u32) -> u32 {
    if count >= 32 {
        return bits;
    }
    (word << count) | (bits & ((1 << count) - 1))
}

/// The bit at this offset, 0 beyond the end.
pub fn bit(bytes: &[u8], offset: u32) -> u8 {
    let byte = bytes.get(offset as usize / 8).copied().unwrap_or(0);
    (byte >> (7 - offset % 8)) & 1
}

/// `count` ≤ 32 bits from `offset` on.
pub fn bits(bytes: &[u8], count: u8, offset: u32) -> u32 {
    (0..u32::from(count)).fold(0, |value, n| (value << 1) | u32::from(bit(bytes, offset + n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_msb_first() {
        assert_eq!(push(0b11, 2, 0b101), 0b1101);
        assert_eq!(push(0, 0, 5), 0);
        assert_eq!(push(7, 32, 5), 5);
        let bytes = [0b1010_0000, 0b0000_0011];
        assert_eq!([bit(&bytes, 0), bit(&bytes, 1), bit(&bytes, 15), bit(&bytes, 16)], [1, 0, 1, 0]);
        assert_eq!(bits(&bytes, 10, 6), 3);
    }
}
