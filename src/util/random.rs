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
