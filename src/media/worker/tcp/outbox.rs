//! What a connection has to send: straight to the kernel while that takes it, else it waits, up to a limit. Sans-IO.
#![forbid(unsafe_code)]

use super::frames::{PREFIX, prefix};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};

/// Bytes that may wait for a peer that reads slowly; what comes then is lost, as in any network. A key frame of a large
/// picture fits.
pub const MOST_WAITING: usize = 256 << 10;
/// Datagrams of one system call.
const AT_ONCE: usize = 64;

/// Datagrams, and the system calls for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub sent: u64,
    /// They found no room.
    pub dropped: u64,
    pub calls: u64,
}

#[derive(Debug, Default)]
pub struct Outbox {
    /// Frames, of which the first may have begun.
    waiting: VecDeque<u8>,
    /// Since somebody took them.
    pub figures: Figures,
}

impl Outbox {
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends datagrams, in their order and each as a frame; those that neither the kernel nor we have room for are lost.
    pub fn send<'a>(
        &mut self,
        socket: &mut impl Write,
        mut datagrams: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<()> {
        loop {
            let mut prefixes = [[0; PREFIX]; AT_ONCE];
            let mut bodies = [&[][..]; AT_ONCE];
            let mut count = 0;
            while count < AT_ONCE
                && let Some(datagram) = datagrams.next()
            {
                let Some(prefix) = prefix(datagram.len()) else { continue };
                (prefixes[count], bodies[count]) = (prefix, datagram);
                count += 1;
            }
            let frames = || prefixes[..count].iter().zip(&bodies[..count]);
            let mut written = 0;
            if self.waiting.is_empty() && count > 0 {
                let mut pieces = [IoSlice::new(&[]); 2 * AT_ONCE];
                for (pair, (prefix, body)) in pieces.chunks_exact_mut(2).zip(frames()) {
                    pair.copy_from_slice(&[IoSlice::new(prefix), IoSlice::new(body)]);
                }
                self.figures.calls += 1;
                written = taken(socket.write_vectored(&pieces[..2 * count]))?;
            }
            for (prefix, body) in frames() {
                let len = prefix.len() + body.len();
                let done = written.min(len);
                written -= done;
                // What has begun has to come to its end.
                if done == 0 && self.waiting.len() + len > MOST_WAITING {
                    self.figures.dropped += 1;
                    continue;
                }
                self.figures.sent += 1;
                self.waiting.extend(&prefix[done.min(PREFIX)..]);
                self.waiting.extend(&body[done.saturating_sub(PREFIX)..]);
            }
            if count < AT_ONCE {
                return Ok(());
            }
        }
    }

    /// The kernel has room again.
    pub fn flush(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let (first, second) = self.waiting.as_slices();
            self.figures.calls += 1;
            match taken(socket.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]))? {
                0 => return Ok(()),
                written => drop(self.waiting.drain(..written)),
            }
        }
        // Most connections never need it again.
        self.waiting = VecDeque::new();
        Ok(())
    }
}

/// Bytes that were taken; none when there is no room.
fn taken(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::Deframer;
    use super::*;

    /// A kernel with little room.
    #[derive(Default)]
    struct Pipe {
        room: usize,
        bytes: Vec<u8>,
        calls: usize,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            let len = bytes.len().min(self.room);
            self.room -= len;
            self.bytes.extend(&bytes[..len]);
            if len == 0 && !bytes.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(len) }
        }

        fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
            self.write(&all)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn datagrams(pipe: &Pipe) -> Vec<Vec<u8>> {
        let (mut deframer, mut found) = (Deframer::default(), Vec::new());
        deframer.cut(&pipe.bytes, &mut found);
        found.into_iter().map(|range| pipe.bytes[range].to_vec()).collect()
    }

    fn numbered(count: usize, len: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| vec![number as u8; len]).collect()
    }

    #[test]
    fn many_datagrams_leave_with_one_call() {
        let mut pipe = Pipe { room: usize::MAX, ..Pipe::default() };
        let mut outbox = Outbox::default();
        let all = numbered(AT_ONCE - 1, 100);
        outbox.send(&mut pipe, all.iter().map(Vec::as_slice)).unwrap();
        assert_eq!((pipe.calls, outbox.figures.sent, outbox.figures.dropped), (1, 63, 0));
        assert_eq!(datagrams(&pipe), all);
        let all = numbered(200, 3);
        pipe.bytes.clear();
        outbox.send(&mut pipe, all.iter().map(Vec::as_slice)).unwrap();
        assert_eq!((pipe.calls, datagrams(&pipe)), (1 + 4, all));
    }

    // Wherever the kernel stops taking, the frames stay whole and in order.
    #[test]
    fn a_write_may_end_anywhere() {
        let all = numbered(5, 10);
        let whole = 5 * (10 + PREFIX);
        for first in 0..=whole {
            for step in [1, 5, whole] {
                let mut pipe = Pipe { room: first, ..Pipe::default() };
                let mut outbox = Outbox::default();
                outbox.send(&mut pipe, all.iter().map(Vec::as_slice)).unwrap();
                assert_eq!(outbox.is_empty(), first == whole);
                while !outbox.is_empty() {
                    pipe.room += step;
                    outbox.flush(&mut pipe).unwrap();
                }
                assert_eq!(datagrams(&pipe), all, "{first} {step}");
            }
        }
    }

    #[test]
    fn a_slow_reader_loses_whole_datagrams_of_its_own_and_memory_is_bounded() {
        let mut pipe = Pipe { room: 500, ..Pipe::default() };
        let mut outbox = Outbox::default();
        let all = numbered(1000, 1000);
        for datagram in &all {
            outbox.send(&mut pipe, std::iter::once(&datagram[..])).unwrap();
            assert!(outbox.waiting.len() <= MOST_WAITING + 1000 + PREFIX);
        }
        assert_eq!(outbox.figures.sent + outbox.figures.dropped, 1000);
        assert!(outbox.figures.dropped > 700, "{}", outbox.figures.dropped);
        pipe.room = usize::MAX;
        outbox.flush(&mut pipe).unwrap();
        assert_eq!(datagrams(&pipe), all[..outbox.figures.sent as usize]);
        assert_eq!(outbox.waiting.capacity(), 0);
        // What comes now goes straight through.
        outbox.send(&mut pipe, std::iter::once(&b"next"[..])).unwrap();
        assert_eq!(datagrams(&pipe).last().map(Vec::as_slice), Some(&b"next"[..]));
    }
}
