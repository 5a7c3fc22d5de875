//! Source descriptions (RFC 3550 §6.5).

use super::compound::set_word;

/// Writes an SDES with one chunk: SSRC 0, a CNAME of 1 to 255 bytes. Returns its length; `None` when the buffer is
/// too small. The rest of the buffer becomes 0 (HL-153).
pub fn cname(buffer: &mut [u8], name: &[u8]) -> Option<usize> {
    let length = (8 + name.len() + 6) & !3;
    if buffer.len() < length || name.is_empty() || name.len() > 255 {
        return None;
    }
    buffer.fill(0);
    set_word(buffer, 0, 0x81ca_0000 | (length as u32 / 4 - 1));
    buffer[8] = 1;
    buffer[9] = name.len() as u8;
    buffer[10..10 + name.len()].copy_from_slice(name);
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::super::compound::tests::hex;
    use super::*;

    // HL-153, observed
    #[test]
    fn janus() {
        let mut buffer = [0xff; 20];
        assert_eq!(cname(&mut buffer, b"janus"), Some(16));
        assert_eq!(hex(&buffer), "81ca00030000000001056a616e75730000000000");
        assert_eq!(cname(&mut buffer[..15], b"janus"), None);
        assert_eq!(cname(&mut buffer, b""), None);
    }
}
