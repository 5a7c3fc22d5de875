//! Data Channel Establishment Protocol, RFC 8832.

use crate::media::channel::Reliability;
/// Bytes of a label that plugins are told (media-plane.md §8).
pub(super) const MAX_LABEL: usize = 127;
/// Bytes of a subprotocol that plugins are told.
pub(super) const MAX_PROTOCOL: usize = 63;

const OPEN: u8 = 3;
const ACK: u8 = 2;
const OPEN_HEADER: usize = 12;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub ordered: bool,
    pub reliability: Reliability,
    pub label: String,
    pub protocol: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Open(Open),
    Ack,
}

impl Message {
    /// `None` for what is neither, or shorter than it says.
    pub fn parse(bytes: &[u8]) -> Option<Message> {
        match *bytes.first()? {
            ACK => Some(Message::Ack),
            OPEN => parse_open(bytes).map(Message::Open),
            _ => None,
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        match self {
            Message::Ack => vec![ACK],
            Message::Open(open) => write_open(open),
        }
    }
}

fn parse_open(bytes: &[u8]) -> Option<Open> {
    let (header, texts) = bytes.split_at_checked(OPEN_HEADER)?;
    let value = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let label_len = usize::from(u16::from_be_bytes([header[8], header[9]]));
    let protocol_len = usize::from(u16::from_be_bytes([header[10], header[11]]));
    let (label, rest) = texts.split_at_checked(label_len)?;
    let protocol = rest.get(..protocol_len)?;
    Some(Open {
        ordered: header[1] & 0x80 == 0,
        reliability: match header[1] & 0x7f {
            0 => Reliability::Reliable,
            1 => Reliability::Retransmissions(value),
            2 => Reliability::Lifetime(value),
            _ => return None,
        },
        label: text(label),
        protocol: text(protocol),
    })
}

fn write_open(open: &Open) -> Vec<u8> {
    let (kind, value) = match open.reliability {
        Reliability::Reliable => (0, 0),
        Reliability::Retransmissions(value) => (1, value),
        Reliability::Lifetime(value) => (2, value),
    };
    let label = shorten(&open.label, usize::from(u16::MAX));
    let protocol = shorten(&open.protocol, usize::from(u16::MAX));
    let mut bytes = vec![OPEN, kind | if open.ordered { 0 } else { 0x80 }, 0, 0];
    bytes.extend(value.to_be_bytes());
    bytes.extend((label.len() as u16).to_be_bytes());
    bytes.extend((protocol.len() as u16).to_be_bytes());
    bytes.extend(label.bytes());
    bytes.extend(protocol.bytes());
    bytes
}

/// Not longer than what could be sent: what is no UTF-8 grows.
fn text(bytes: &[u8]) -> String {
    shorten(&String::from_utf8_lossy(bytes), usize::from(u16::MAX)).to_owned()
}

/// At most `max` bytes, never half a character.
pub(super) fn shorten(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(ordered: bool, reliability: Reliability) -> Open {
        Open { ordered, reliability, label: "chat é".into(), protocol: "proto".into() }
    }

    // MP-214, MP-222
    #[test]
    fn round_trip_of_every_type() {
        for reliability in
            [Reliability::Reliable, Reliability::Retransmissions(70_000), Reliability::Lifetime(3)]
        {
            for ordered in [true, false] {
                let message = Message::Open(open(ordered, reliability));
                assert_eq!(Message::parse(&message.to_vec()), Some(message));
            }
        }
        assert_eq!(Message::parse(&Message::Ack.to_vec()), Some(Message::Ack));
    }

    #[test]
    fn bytes_of_rfc_8832() {
        let message = Message::Open(open(false, Reliability::Retransmissions(5)));
        assert_eq!(message.to_vec(), b"\x03\x81\0\0\0\0\0\x05\0\x07\0\x05chat \xc3\xa9proto");
    }

    #[test]
    fn short_or_unknown_messages_are_refused() {
        let bytes = Message::Open(open(true, Reliability::Reliable)).to_vec();
        for len in 0..bytes.len() {
            assert_eq!(Message::parse(&bytes[..len]), None);
        }
        assert_eq!(Message::parse(&[1]), None);
        assert_eq!(Message::parse(&[3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shorten(&"é".repeat(100), MAX_LABEL), "é".repeat(63));
        assert_eq!(shorten(&"p".repeat(100), MAX_PROTOCOL), "p".repeat(63));
        let Some(Message::Open(kept)) = Message::parse(b"\x03\0\0\0\0\0\0\0\0\x02\0\0\xff\xfe") else {
            panic!()
        };
        assert_eq!(kept.label, "\u{fffd}\u{fffd}");
        let foreign = [b"\x03\0\0\0\0\0\0\0\xff\xff\0\0".to_vec(), vec![0xff; 0xffff]].concat();
        let Some(grown) = Message::parse(&foreign) else { panic!() };
        assert_eq!(Message::parse(&grown.to_vec()), Some(grown));
        // What does not fit into the length of the message is left out.
        let long = Open { label: "é".repeat(40_000), ..open(true, Reliability::Reliable) };
        let Some(Message::Open(kept)) = Message::parse(&Message::Open(long).to_vec()) else { panic!() };
        assert_eq!(kept.label, "é".repeat(32_767));
    }
}
