//! gzip containers (RFC 1952), as event handlers send them.
#![forbid(unsafe_code)]

use flate2::{Compression, GzBuilder};
use std::io::Write;

/// Levels 0 … 9; others take the default with a warning. No time stamp, so that equal input gives equal output.
pub fn compress(level: i32, data: &[u8]) -> Vec<u8> {
    let compression = match u32::try_from(level) {
        Ok(level @ 0..=9) => Compression::new(level),
        _ => {
            tracing::warn!("Invalid compression level {level}, using the default");
            Compression::default()
        }
    };
    let mut encoder = GzBuilder::new().write(Vec::new(), compression);
    // Writing into memory cannot fail.
    encoder.write_all(data).and_then(|()| encoder.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    // HL-223
    #[test]
    fn gunzip_reads_it() {
        let data = b"some text some text some text".repeat(50);
        for level in [-3, 0, 1, 9, 12] {
            let packed = compress(level, &data);
            let mut back = Vec::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut back).unwrap();
            assert_eq!(back, data);
        }
        assert!(compress(9, &data).len() < data.len());
    }
}
