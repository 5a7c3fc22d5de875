use super::*;
use axum::http::HeaderValue;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// Gives at most so many bytes at once.
struct Dribble(Vec<u8>, usize);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let length = self.0.len().min(buffer.len()).min(self.1);
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0.drain(..length);
        Ok(length)
    }
}

impl Write for Dribble {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As a client sends it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 201, 0, 99];
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    frame
}

fn socket(bytes: Vec<u8>, at_once: usize, most: usize) -> WebSocket<Inflating<Dribble>> {
    let (early, rest) = bytes.split_at(bytes.len().min(3));
    let below = Inflating::new(Dribble(rest.to_vec(), at_once), &Bytes::copy_from_slice(early), true, most);
    let config = WebSocketConfig::default().max_message_size(Some(most)).max_frame_size(Some(most));
    WebSocket::from_raw_socket(below, Role::Server, Some(config))
}

/// What is read, up to the first that is nothing.
fn read(bytes: &[u8], at_once: usize, most: usize) -> (Vec<String>, Error) {
    let mut socket = socket(bytes.to_vec(), at_once, most);
    let mut texts = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => texts.push(text.to_string()),
            Ok(other) => texts.push(format!("{other:?}").chars().take(4).collect()),
            Err(error) => return (texts, error),
        }
    }
}

fn kind(error: &Error) -> Option<ErrorKind> {
    if let Error::Io(error) = error { Some(error.kind()) } else { None }
}

#[test]
fn offers() {
    for (offer, is_taken) in [
        ("permessage-deflate", true),
        ("permessage-deflate; client_max_window_bits", true),
        ("permessage-deflate;client_max_window_bits=10; server_no_context_takeover", true),
        ("permessage-deflate; client_max_window_bits=\"15\"; client_no_context_takeover", true),
        ("x-other; a=1, permessage-deflate", true),
        // Not with this window; the next will do.
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", true),
        ("permessage-deflate; server_max_window_bits=10", false),
        ("permessage-deflate; client_max_window_bits=7", false),
        ("permessage-deflate; client_max_window_bits=16", false),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", false),
        ("permessage-deflate; server_no_context_takeover=1", false),
        ("permessage-deflate; other", false),
        ("permessage-deflat", false),
        ("", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static("x-webkit-deflate-frame"));
        headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(offer).unwrap());
        assert_eq!(is_offered(&headers), is_taken, "{offer}");
    }
}

// RFC 7692 §7.2.3.1 to 7.2.3.6
#[test]
fn the_examples_of_the_rfc() {
    let whole = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let fragments = [masked(0x41, &whole[..3]), masked(0x89, b"ping"), masked(0x80, &whole[3..])].concat();
    for (bytes, texts) in [
        (masked(0xc1, &whole), &["Hello"][..]),
        (fragments, &["Ping", "Hello"]),
        (masked(0xc1, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]), &["Hello"]),
        // The last block says that it is.
        (masked(0xc1, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]), &["Hello"]),
        // Two blocks.
        (
            masked(0xc1, &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]),
            &["Hello"],
        ),
        // Not compressed, in one piece and in two, and something compressed behind it.
        (
            [masked(0x81, b"{}"), masked(0x01, b"a"), masked(0x80, b"b"), masked(0xc1, &whole)].concat(),
            &["{}", "ab", "Hello"],
        ),
        // The empty message: one byte.
        ([masked(0xc1, &[0x00]), masked(0xc1, &[0x02, 0x00])].concat(), &["", ""]),
    ] {
        for at_once in [1, 5, 10_000] {
            let (read, error) = read(&bytes, at_once, 1000);
            assert_eq!(
                (read, kind(&error)),
                (texts.iter().map(|text| text.to_string()).collect(), Some(ErrorKind::WouldBlock)),
                "{bytes:02x?}"
            );
        }
    }
}

#[test]
fn what_breaks_the_rules_is_an_error() {
    let whole = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    for (bytes, error) in [
        (masked(0xc1, &[0xff; 20]), Some(ErrorKind::InvalidData)),
        // No mask.
        ([&[0xc1, 7][..], &whole].concat(), Some(ErrorKind::InvalidData)),
        // A bit that means nothing on a control frame, on a continuation, and on two messages at once.
        (masked(0xc9, b""), None),
        ([masked(0x41, &whole[..3]), masked(0xc0, &whole[3..])].concat(), None),
        (masked(0xc0, &whole), None),
        (masked(0xa1, b"a"), None),
    ] {
        let (read, seen) = read(&bytes, 10_000, 1000);
        assert_eq!((read.len(), kind(&seen)), (0, error), "{bytes:02x?} {seen}");
    }
}

/// As many bytes as a message may have, and no more; and not without sending something for them.
#[test]
fn a_message_has_bounds() {
    let packed = |text: &str| frame(text).unwrap().into_payload().to_vec();
    let words: String =
        (0..6000).map(|word: u32| format!("{} ", word.wrapping_mul(2_654_435_761) % 9973)).collect();
    let (read_all, _) = read(&masked(0xc1, &packed(&words)), 10_000, words.len());
    assert_eq!(read_all, std::slice::from_ref(&words));
    let (_, error) = read(&masked(0xc1, &packed(&words)), 10_000, words.len() - 1);
    assert_eq!(kind(&error), Some(ErrorKind::FileTooLarge));
    // 1000 times of what was sent.
    for (length, error) in [(1 << 20, ErrorKind::WouldBlock), ((1 << 20) + 1, ErrorKind::FileTooLarge)] {
        let zeros = packed(&"0".repeat(length));
        assert!(zeros.len() < 10_000);
        assert_eq!(kind(&read(&masked(0xc1, &zeros), 10_000, 16 << 20).1), Some(error), "{length}");
    }
    // A frame that is only announced is not waited for.
    let (_, error) = read(&[0xc1, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4], 10_000, 1000);
    assert_eq!(kind(&error), Some(ErrorKind::FileTooLarge));
}

#[test]
fn what_is_long_is_compressed() {
    assert!(frame(&"a".repeat(LEAST - 1)).is_none());
    let media = "a=rtcp-fb:96 nack pli\\r\\na=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\\r\\n";
    for count in [50, 700, 3000] {
        let text = media.repeat(count);
        let frame = frame(&text).unwrap();
        assert!(frame.header().rsv1 && frame.payload().len() < text.len() / 10);
        assert_eq!(inflate(frame.payload().to_vec(), text.len() * ANYWAY).unwrap(), text.as_bytes());
    }
    // What cannot be made shorter is left as it is.
    let mut state = 1u64;
    let noise: String = (0..5000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from_u32(0x100 + (state >> 40) as u32 % 0x600).unwrap()
        })
        .collect();
    assert!(
        frame(&noise)
            .is_none_or(|frame| inflate(frame.payload().to_vec(), 1 << 20).unwrap() == noise.as_bytes())
    );
}
