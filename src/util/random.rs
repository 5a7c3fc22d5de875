//! Cryptographic randomness.
#![forbid(unsafe_code)]

use ring::rand::{SecureRandom, SystemRandom};

/// Fills `buffer`; aborts the call with a panic only when the system has no randomness at all.
pub fn fill(buffer: &mut [u8]) {
    SystemRandom::new().fill(buffer).expect("the system provides randomness");
}

pub fn u32() -> u32 {
    let mut bytes = [0; 4];
    fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}

/// All 64 bits.
pub fn u64_full() -> u64 {
    let mut bytes = [0; 8];
    fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}

/// 53 bits, so that every JSON reader keeps it exact (HL-216).
pub fn u64() -> u64 {
    u64_full() & 0x1F_FFFF_FFFF_FFFF
}

/// Text of `length` characters from the ICE alphabet without `+` and `/` (RFC 8839 §5.4 allows both).
pub fn token(length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AB";
    let mut bytes = vec![0; length];
    fill(&mut bytes);
    bytes.iter().map(|b| char::from(ALPHABET[usize::from(b & 63)])).collect()
}

/// Version 4 UUID, RFC 9562 §5.4 (HL-217).
pub fn uuid() -> String {
    let mut b = [0; 16];
    fill(&mut b);
    b[6] = (b[6] & 0x0F) | 0x40;
    b[8] = (b[8] & 0x3F) | 0x80;
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    [hex(&b[..4]), hex(&b[4..6]), hex(&b[6..8]), hex(&b[8..10]), hex(&b[10..])].join("-")
}

#[cfg(test)]
mod tests {
    // HL-216, HL-217
    #[test]
    fn shapes() {
        assert!((0..1000).all(|_| super::u64() <= 0x1F_FFFF_FFFF_FFFF));
        assert!((0..1000).any(|_| super::u64_full() > 0x1F_FFFF_FFFF_FFFF));
        let uuid = super::uuid();
        assert_eq!((uuid.len(), uuid.as_bytes()[14]), (36, b'4'));
        assert!(b"89ab".contains(&uuid.as_bytes()[19]));
        assert_ne!(uuid, super::uuid());
    }
}
