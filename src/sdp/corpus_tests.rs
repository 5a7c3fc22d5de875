//! Whole descriptions: as the reference (1.1.2) writes them back, and damaged in every place.

use super::*;

/// A description and what the reference makes of it.
const CORPUS: [(&str, &str); 7] = [
    (
        include_str!("../../tests/corpus/sdp/chromium-offer.sdp"),
        include_str!("../../tests/corpus/sdp/chromium-offer.written"),
    ),
    (
        include_str!("../../tests/corpus/sdp/firefox-answer.sdp"),
        include_str!("../../tests/corpus/sdp/firefox-answer.written"),
    ),
    (
        include_str!("../../tests/corpus/sdp/safari-offer.sdp"),
        include_str!("../../tests/corpus/sdp/safari-offer.written"),
    ),
    (
        include_str!("../../tests/corpus/sdp/gstreamer-offer.sdp"),
        include_str!("../../tests/corpus/sdp/gstreamer-offer.written"),
    ),
    (
        include_str!("../../tests/corpus/sdp/sip-device.sdp"),
        include_str!("../../tests/corpus/sdp/sip-device.written"),
    ),
    (
        include_str!("../../tests/corpus/sdp/sip-srtp.sdp"),
        include_str!("../../tests/corpus/sdp/sip-srtp.written"),
    ),
    (
        include_str!("../../tests/corpus/sdp/odd-lines.sdp"),
        include_str!("../../tests/corpus/sdp/odd-lines.written"),
    ),
];

/// A small linear congruential generator: the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % limit
    }
}

/// Writing a parsed text and parsing that again changes nothing more.
fn check_stable(text: &str) -> bool {
    let Ok(first) = Sdp::parse(text) else { return false };
    for rules in [Rules::NATIVE, Rules::V1_1] {
        let written = first.write_with(&rules);
        // A port like `9/2` makes a protocol of the rest, which may take the formats with it.
        let Ok(second) = Sdp::parse(&written) else { continue };
        let third = second.write_with(&rules);
        assert_eq!(Sdp::parse(&third).expect("what was written twice").write_with(&rules), third);
    }
    // The questions answer anything.
    for ptype in [-1, 0, 96, 111] {
        let _ = (first.codec_name(None, ptype), first.fmtp(None, ptype));
    }
    for kind in [MediaType::Audio, MediaType::Video, MediaType::Application] {
        let _ = (first.first_codec(kind, None), first.preferred_codec(kind, None));
    }
    let _ = answer::generate_answer(&first).write();
    true
}

#[test]
fn the_corpus_is_written_as_the_reference_writes_it() {
    for (text, written) in CORPUS {
        let sdp = Sdp::parse(text).expect(text);
        assert_eq!(sdp.write_with(&Rules::V1_1), written);
        assert_eq!(Sdp::parse(written).unwrap().write_with(&Rules::V1_1), written);
        // Nothing in the corpus has an address against its family.
        assert_eq!(sdp.write(), written);
        assert!(check_stable(text));
    }
}

#[test]
fn damaged_text_never_panics() {
    let mut numbers = Numbers(1);
    let mut accepted = 0;
    for (text, _) in CORPUS {
        let bytes = text.as_bytes();
        for at in 0..bytes.len() {
            accepted += usize::from(check_stable(&text[..at]));
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << numbers.below(8);
            accepted += usize::from(check_stable(&String::from_utf8_lossy(&flipped)));
        }
    }
    assert!(accepted > 5000, "only {accepted} damaged texts were still descriptions");
}

#[test]
fn shuffled_lines_never_panic() {
    let mut numbers = Numbers(7);
    let mut accepted = 0;
    for (text, _) in CORPUS {
        for _ in 0..100 {
            let mut lines: Vec<&str> = text.lines().collect();
            for _ in 0..3 {
                let (from, to) = (numbers.below(lines.len()), numbers.below(lines.len()));
                match numbers.below(3) {
                    0 => lines.swap(from, to),
                    1 => drop(lines.remove(from)),
                    _ => lines.insert(to, lines[from]),
                }
            }
            accepted += usize::from(check_stable(&lines.join("\r\n")));
        }
    }
    assert!(accepted > 100, "only {accepted} shuffled texts were still descriptions");
}
