//! Packet captures of one handle (helpers.md §10): pcap, or text for `text2pcap`.
#![forbid(unsafe_code)]

use crate::util::lock::{Guard, Lock, not_for_each_packet};
use crate::util::{files, random, time};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Numbering of the C enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PacketType {
    Rtp = 0,
    Rtcp = 1,
    Data = 2,
}

impl PacketType {
    pub fn from_number(number: u32) -> Option<PacketType> {
        [PacketType::Rtp, PacketType::Rtcp, PacketType::Data].into_iter().find(|t| *t as u32 == number)
    }

    pub fn name(self) -> &'static str {
        match self {
            PacketType::Rtp => "JANUS_TEXT2PCAP_RTP",
            PacketType::Rtcp => "JANUS_TEXT2PCAP_RTCP",
            PacketType::Data => "JANUS_TEXT2PCAP_DATA",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pcap,
    Text,
}

/// Why a packet was not written.
#[derive(Debug)]
pub enum DumpError {
    Closed,
    Write(io::Error),
}

const LINE_LIMIT: usize = 4999;
const HEADERS: usize = 42;

/// A capture that is being written; several threads may use it.
#[derive(Debug)]
pub struct Capture {
    path: PathBuf,
    format: Format,
    /// Bytes kept of each packet, 0 = all.
    truncate: usize,
    file: Lock<Option<File>>,
}

impl Capture {
    /// Appends to the file, which is created with its folder (0755) when missing. A protected folder is refused,
    /// and so is a name that leads out of its folder.
    pub fn create(
        folder: Option<&str>,
        name: Option<&str>,
        truncate: usize,
        format: Format,
    ) -> io::Result<Capture> {
        let extension = if format == Format::Text { "txt" } else { "pcap" };
        let name =
            name.map_or_else(|| format!("janus-text2pcap-{}.{extension}", random::u32()), str::to_owned);
        let path = match folder {
            Some(folder) => files::below(folder, &name)?,
            None => PathBuf::from(&name),
        };
        if files::is_protected(&path.to_string_lossy()) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "protected folder"));
        }
        if let Some(folder) = folder {
            files::make_folder(Path::new(folder), 0o755)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        if format == Format::Pcap {
            file.write_all(&pcap_header())?;
        }
        Ok(Capture { path, format, truncate, file: Lock::new(Some(file)) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn format(&self) -> Format {
        self.format
    }

    fn file(&self) -> Guard<'_, Option<File>> {
        self.file.lock()
    }

    /// `note` is a remark for the text format, at most 511 bytes of it are kept.
    pub fn dump(
        &self,
        kind: PacketType,
        incoming: bool,
        packet: &[u8],
        note: Option<&str>,
    ) -> Result<(), DumpError> {
        let kept = if self.truncate > 0 { packet.len().min(self.truncate) } else { packet.len() };
        let now = time::real();
        let record = match self.format {
            Format::Pcap => pcap_record(now, incoming, &packet[..kept], packet.len()),
            Format::Text => text_record(now, kind, incoming, &packet[..kept], note),
        };
        // Somebody wants to see the packets, whatever it costs.
        not_for_each_packet(|| {
            self.file().as_mut().ok_or(DumpError::Closed)?.write_all(&record).map_err(DumpError::Write)
        })
    }

    /// Ends it; again is fine.
    pub fn close(&self) {
        *self.file() = None;
    }
}

/// Host byte order: readers recognise either.
fn pcap_header() -> [u8; 24] {
    let mut out = [0; 24];
    out[..4].copy_from_slice(&0xa1b2_c3d4_u32.to_ne_bytes());
    out[4..6].copy_from_slice(&2u16.to_ne_bytes());
    out[6..8].copy_from_slice(&4u16.to_ne_bytes());
    out[16..20].copy_from_slice(&65535u32.to_ne_bytes());
    out[20..].copy_from_slice(&1u32.to_ne_bytes());
    out
}

/// The packet in made-up Ethernet, IPv4 and UDP headers.
fn pcap_record(now: i64, incoming: bool, packet: &[u8], original: usize) -> Vec<u8> {
    let peer = ([10, 1, 1, 1], 1000u16);
    let janus = ([10, 2, 2, 2], 2000u16);
    let (source, target) = if incoming { (peer, janus) } else { (janus, peer) };
    let mut out = Vec::with_capacity(16 + HEADERS + packet.len());
    for word in
        [now / 1_000_000, now % 1_000_000, (HEADERS + packet.len()) as i64, (HEADERS + original) as i64]
    {
        out.extend_from_slice(&(word as u32).to_ne_bytes());
    }
    out.extend_from_slice(&[0; 12]);
    out.extend_from_slice(&[0x08, 0x00, 0x45, 0x00]);
    out.extend_from_slice(&((28 + original) as u16).to_be_bytes());
    out.extend_from_slice(&[0, 0, 0x40, 0, 64, 17, 0, 0]);
    out.extend_from_slice(&source.0);
    out.extend_from_slice(&target.0);
    out.extend_from_slice(&source.1.to_be_bytes());
    out.extend_from_slice(&target.1.to_be_bytes());
    out.extend_from_slice(&((8 + original) as u16).to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(packet);
    out
}

/// `I HH:MM:SS.uuuuuu 000000  80 6f … TYPE [note]`, local time.
fn text_record(now: i64, kind: PacketType, incoming: bool, packet: &[u8], note: Option<&str>) -> Vec<u8> {
    let clock = local_time(now);
    let mut line = format!("{} {clock}.{:06} 000000 ", if incoming { 'I' } else { 'O' }, now % 1_000_000);
    for byte in packet {
        line.push_str(&format!(" {byte:02x}"));
    }
    line.push(' ');
    line.push_str(kind.name());
    if let Some(note) = note {
        line.push(' ');
        line.push_str(&note[..note.floor_char_boundary(511)]);
    }
    line.truncate(line.floor_char_boundary(LINE_LIMIT - 2));
    line.push_str("\r\n");
    line.into_bytes()
}

/// `HH:MM:SS`, the fourth word of the date.
fn local_time(now: i64) -> String {
    let date = crate::glib::local_date(now / 1_000_000);
    date.split_ascii_whitespace().nth(3).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("janus-rs-cap-{}", std::process::id())).join(name)
    }

    fn capture(name: &str, truncate: usize, format: Format) -> Capture {
        let path = path(name);
        Capture::create(path.parent().unwrap().to_str(), Some(name), truncate, format).unwrap()
    }

    #[test]
    fn pcap_records() {
        let capture = capture("a.pcap", 4, Format::Pcap);
        capture.dump(PacketType::Rtp, true, b"123456", None).unwrap();
        capture.dump(PacketType::Rtcp, false, b"12", None).unwrap();
        capture.close();
        assert!(matches!(capture.dump(PacketType::Rtp, true, b"1", None), Err(DumpError::Closed)));
        let bytes = std::fs::read(path("a.pcap")).unwrap();
        assert_eq!(bytes.len(), 24 + 16 + 42 + 4 + 16 + 42 + 2);
        assert_eq!(bytes[32..36], 46u32.to_ne_bytes());
        assert_eq!(bytes[36..40], 48u32.to_ne_bytes());
        assert_eq!(bytes[24 + 16 + 26..24 + 16 + 34], [10, 1, 1, 1, 10, 2, 2, 2]);
    }

    #[test]
    fn captures_stay_in_their_folder() {
        let base = path("inside");
        let inner = base.join("inner");
        std::fs::create_dir_all(&inner).unwrap();
        let create = |name: &str| Capture::create(inner.to_str(), Some(name), 0, Format::Text);
        assert!(create(base.join("absolute").to_str().unwrap()).is_err());
        assert!(create("../climbed").is_err());
        let names = |folder: &Path| {
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
        };
        assert_eq!(names(&base), ["inner"]);
        drop(create("/slash").unwrap());
        assert_eq!(names(&inner), ["slash"]);
    }

    #[test]
    fn text_records() {
        let capture = capture("a.txt", 0, Format::Text);
        capture.dump(PacketType::Data, false, &[1, 0xff], Some("note")).unwrap();
        capture.dump(PacketType::Rtp, true, &[0; 3000], None).unwrap();
        let text = std::fs::read_to_string(path("a.txt")).unwrap();
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap();
        assert!(
            first.starts_with("O ") && first.ends_with(" 000000  01 ff JANUS_TEXT2PCAP_DATA note"),
            "{first}"
        );
        assert_eq!(lines.next().unwrap().len() + 2, LINE_LIMIT);
    }
}
