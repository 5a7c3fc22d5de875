//! One recording (helpers.md §5). Several threads may save to one recorder.
#![forbid(unsafe_code)]

use super::medium::Medium;
use super::mjr::{self, Info};
use crate::rtp::switching::SwitchingContext;
use crate::util::lock::{Guard, Lock};
use crate::util::seldom::Seldom;
use crate::util::{files, random, time};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Extra extension of files that are being written, while configured.
static TEMPORARY: Lock<Option<String>> = Lock::new(None);

/// Files carry `.extension` until they are closed; `None` turns that off (HL-064).
pub fn set_temporary_extension(extension: Option<&str>) {
    *TEMPORARY.lock() = extension.map(str::to_owned);
}

/// Why there is no recorder.
#[derive(Debug)]
pub enum CreateError {
    Codec,
    NotAFolder,
    Protected,
    /// The name leads out of the folder.
    Outside(io::Error),
    Io(io::Error),
}

/// Why a frame was not saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaveError {
    Empty,
    Closed,
    Paused,
    /// The description does not fit.
    Description,
    Write,
}

/// A recording that is being written.
#[derive(Debug)]
pub struct Recorder {
    medium: Medium,
    folder: Option<PathBuf>,
    /// With the temporary extension, if it has one.
    path: PathBuf,
    state: Lock<State>,
    /// Frames that were not written: a full disk refuses each.
    failures: Seldom,
}

/// µs between two lines about one recording.
const MINUTE: i64 = 60_000_000;

#[derive(Debug)]
struct State {
    file: BufWriter<File>,
    name: String,
    /// Set while the name carries the temporary extension.
    temporary: Option<String>,
    info: Info,
    /// Monotonic µs of the first frame.
    started: Option<i64>,
    open: bool,
    paused: bool,
    context: SwitchingContext,
}

impl Recorder {
    /// Opens the file and writes the magic (HL-045, HL-065 … HL-068). `folder` is created when missing; without one,
    /// the folder part of `name` counts.
    pub fn create(
        folder: Option<&str>,
        codec: &str,
        fmtp: Option<&str>,
        name: Option<&str>,
    ) -> Result<Recorder, CreateError> {
        let medium = Medium::of_codec(codec).ok_or(CreateError::Codec)?;
        let base = name.map_or_else(|| format!("janus-recording-{}", random::u32()), str::to_owned);
        let temporary = TEMPORARY.lock().clone();
        let name = match &temporary {
            Some(extension) => format!("{base}.mjr.{extension}"),
            None => format!("{base}.mjr"),
        };
        let (path, folder, name) = match (folder, name.rsplit_once('/')) {
            (Some(folder), inner) => {
                let path = files::below(folder, &name).map_err(CreateError::Outside)?;
                if inner.is_some() {
                    tracing::warn!("Recording name '{base}' holds a path: recording to '{}'", path.display());
                }
                (path, Some(PathBuf::from(folder)), name)
            }
            (None, Some(("", last))) => (PathBuf::from(&name), Some(PathBuf::from("/")), last.to_owned()),
            (None, Some((inner, last))) => {
                (PathBuf::from(&name), Some(PathBuf::from(inner)), last.to_owned())
            }
            (None, None) => (PathBuf::from(&name), None, name),
        };
        if files::is_protected(&path.to_string_lossy()) {
            return Err(CreateError::Protected);
        }
        if let Some(folder) = &folder {
            prepare_folder(folder)?;
        }
        let mut file = BufWriter::new(File::create(&path).map_err(CreateError::Io)?);
        file.write_all(mjr::MAGIC).and_then(|()| file.flush()).map_err(CreateError::Io)?;
        let info = Info {
            codec: codec.into(),
            fmtp: fmtp.map(str::to_owned),
            created: time::real(),
            ..Info::default()
        };
        let context = SwitchingContext::default();
        let (open, paused, started) = (true, false, None);
        let state = Lock::new(State { file, name, temporary, info, started, open, paused, context });
        Ok(Recorder { medium, folder, path, state, failures: Seldom::every(MINUTE) })
    }

    fn state(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    pub fn medium(&self) -> Medium {
        self.medium
    }

    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Without folder, with extension.
    pub fn name(&self) -> String {
        self.state().name.clone()
    }

    /// Wall clock, µs.
    pub fn created(&self) -> i64 {
        self.state().info.created
    }

    /// Changes the description; false once the first frame is written (HL-060 … HL-062).
    pub fn describe(&self, change: impl FnOnce(&mut Info)) -> bool {
        let mut state = self.state();
        if state.started.is_some() {
            return false;
        }
        change(&mut state.info);
        true
    }

    /// False when it was paused already.
    pub fn pause(&self) -> bool {
        !std::mem::replace(&mut self.state().paused, true)
    }

    /// False when it was not paused. Numbering continues without a gap (HL-056).
    pub fn resume(&self) -> bool {
        let mut state = self.state();
        if !std::mem::replace(&mut state.paused, false) {
            return false;
        }
        if self.medium != Medium::Data {
            (state.context.ts_reset, state.context.seq_reset) = (1, 1);
            state.context.last_time = time::monotonic();
        }
        true
    }

    /// Appends an RTP packet or a message. The header is renumbered in place for writing and is as before afterwards
    /// (HL-049 … HL-055).
    pub fn save(&self, frame: &mut [u8]) -> Result<(), SaveError> {
        if frame.is_empty() {
            return Err(SaveError::Empty);
        }
        let mut state = self.state();
        if !state.open {
            return Err(SaveError::Closed);
        }
        if state.paused {
            return Err(SaveError::Paused);
        }
        let now = time::monotonic();
        let started = match state.started {
            Some(started) => started,
            None => {
                let info = state.info.encode(self.medium, time::real()).ok_or(SaveError::Description)?;
                state.file.write_all(&info).map_err(|error| self.not_written(&state.name, &error))?;
                state.started = Some(now);
                now
            }
        };
        let milliseconds = ((now - started) / 1000) as u32;
        let written = match self.medium {
            Medium::Data => state.write_message(milliseconds, frame),
            _ => state.write_packet(milliseconds, frame, self.medium == Medium::Video, now),
        };
        written.map_err(|error| self.not_written(&state.name, &error))
    }

    fn not_written(&self, name: &str, error: &std::io::Error) -> SaveError {
        if let Some(count) = self.failures.one_more() {
            tracing::error!("Error saving {count} frames of {name}: {error}");
        }
        SaveError::Write
    }

    /// Stops writing and takes the temporary extension away; false when it was closed before (HL-059).
    pub fn close(&self) -> bool {
        let mut state = self.state();
        if !std::mem::replace(&mut state.open, false) {
            return false;
        }
        if let Err(error) = state.file.flush() {
            tracing::error!("Error writing {}: {error}", state.name);
        }
        if let Some(extension) = state.temporary.take() {
            let without = |text: &str| text.strip_suffix(&format!(".{extension}")).unwrap_or(text).to_owned();
            let name = without(&state.name);
            match std::fs::rename(&self.path, without(&self.path.to_string_lossy())) {
                Ok(()) => state.name = name,
                Err(error) => tracing::error!("Error renaming {}: {error}", state.name),
            }
        }
        tracing::info!(
            "File is {} bytes: {}",
            state.file.get_ref().metadata().map_or(0, |m| m.len()),
            state.name
        );
        true
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    fn write_message(&mut self, milliseconds: u32, message: &[u8]) -> io::Result<()> {
        let Ok(length) = u16::try_from(message.len() + 8) else {
            let error = format!("a message of {} bytes is too long for a recording", message.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        };
        self.file.write_all(&mjr::frame_header(milliseconds, length))?;
        self.file.write_all(&time::real().to_be_bytes())?;
        self.file.write_all(message)
    }

    fn write_packet(
        &mut self,
        milliseconds: u32,
        packet: &mut [u8],
        video: bool,
        now: i64,
    ) -> io::Result<()> {
        self.file.write_all(&mjr::frame_header(milliseconds, packet.len() as u16))?;
        let Some(header) = packet.first_chunk::<12>().copied() else { return self.file.write_all(packet) };
        self.context.header_update(packet, video, now);
        let written = self.file.write_all(packet);
        packet[..12].copy_from_slice(&header);
        written
    }
}

fn prepare_folder(folder: &Path) -> Result<(), CreateError> {
    match std::fs::metadata(folder) {
        Ok(data) if data.is_dir() => Ok(()),
        Ok(_) => Err(CreateError::NotAFolder),
        Err(_) => files::make_folder(folder, 0o755).map_err(CreateError::Io),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("janus-rs-rec-{}-{name}", std::process::id()))
    }

    fn packet(sequence: u16, timestamp: u32, ssrc: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 111];
        packet.extend_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&ssrc.to_be_bytes());
        packet.extend_from_slice(b"payload!");
        packet
    }

    /// Sequence numbers and timestamps of the frames, checking the framing on the way.
    fn frames(bytes: &[u8]) -> (String, Vec<(u32, Vec<u8>)>) {
        assert_eq!(&bytes[..8], b"MJR00002");
        let length = usize::from(u16::from_be_bytes([bytes[8], bytes[9]]));
        let info = String::from_utf8(bytes[10..10 + length].to_vec()).unwrap();
        let (mut rest, mut all) = (&bytes[10 + length..], Vec::new());
        while !rest.is_empty() {
            assert_eq!(&rest[..4], b"MEET");
            let milliseconds = u32::from_be_bytes(rest[4..8].try_into().unwrap());
            let length = usize::from(u16::from_be_bytes([rest[8], rest[9]]));
            all.push((milliseconds, rest[10..10 + length].to_vec()));
            rest = &rest[10 + length..];
        }
        (info, all)
    }

    #[test]
    fn a_full_disk_is_a_line_a_minute() {
        let folder = folder("full");
        std::fs::create_dir_all(&folder).unwrap();
        let recorder = Recorder::create(Some(folder.to_str().unwrap()), "opus", None, Some("x")).unwrap();
        recorder.state().file =
            BufWriter::with_capacity(64, File::options().write(true).open("/dev/full").unwrap());
        let failed =
            (0..1000).filter(|n| recorder.save(&mut packet(*n, 0, 1)) == Err(SaveError::Write)).count();
        assert!(failed >= 990, "{failed}");
        // The line is out, and none of what came after it may be another.
        assert_eq!(recorder.failures.one_more(), None);
        drop(recorder);
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// A frame has two bytes for its length.
    #[test]
    fn a_message_that_is_too_long_is_not_recorded() {
        let folder = folder("long");
        let recorder = Recorder::create(Some(folder.to_str().unwrap()), "text", None, Some("x")).unwrap();
        assert_eq!(recorder.save(&mut vec![b'x'; 65_528]), Err(SaveError::Write));
        assert_eq!(recorder.save(&mut vec![b'y'; 65_527]), Ok(()));
        assert_eq!(recorder.save(&mut [b'z'; 10]), Ok(()));
        recorder.close();
        let (_, all) = frames(&std::fs::read(folder.join("x.mjr")).unwrap());
        let lengths: Vec<usize> = all.iter().map(|(_, frame)| frame.len()).collect();
        assert_eq!(lengths, [65_535, 18]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    // HL-043, HL-044
    #[test]
    fn codecs() {
        for codec in ["foo", "isac16", "red", ""] {
            assert!(matches!(Recorder::create(None, codec, None, Some("/nope/x")), Err(CreateError::Codec)));
        }
        assert_eq!(Medium::of_codec("OPUS"), Some(Medium::Audio));
    }

    // HL-045 … HL-057, HL-060 … HL-063, HL-067, HL-068
    #[test]
    fn an_audio_recording() {
        let folder = folder("audio").join("deep/er");
        let text = folder.to_str().unwrap();
        let recorder = Recorder::create(Some(text), "opus", Some("useinbandfec=1"), Some("call")).unwrap();
        assert_eq!(recorder.name(), "call.mjr");
        let path = folder.join("call.mjr");
        assert_eq!(std::fs::read(&path).unwrap(), b"MJR00002");
        assert!(recorder.describe(|i| {
            i.extensions.insert(4, "urn:x".into());
            i.description = Some("me".into());
            i.opusred_pt = 63;
            i.encrypted = true;
        }));
        let mut first = packet(100, 4096, 7);
        let before = first.clone();
        recorder.save(&mut first).unwrap();
        assert_eq!(first, before, "the caller's packet is as before");
        assert!(!recorder.describe(|i| i.encrypted = false));
        recorder.save(&mut packet(101, 5056, 7)).unwrap();
        assert!(recorder.pause() && !recorder.pause());
        assert_eq!(recorder.save(&mut packet(102, 6016, 7)), Err(SaveError::Paused));
        assert!(recorder.resume() && !recorder.resume());
        recorder.save(&mut packet(400, 99999, 7)).unwrap();
        recorder.save(&mut packet(5, 5, 8)).unwrap();
        assert_eq!(recorder.save(&mut []), Err(SaveError::Empty));
        assert!(recorder.close() && !recorder.close());
        assert_eq!(recorder.save(&mut packet(6, 6, 8)), Err(SaveError::Closed));
        let (info, frames) = frames(&std::fs::read(&path).unwrap());
        let keys: Vec<String> =
            Json::parse(info.as_bytes(), 0).unwrap().members().into_iter().map(|m| m.0).collect();
        assert_eq!(keys, ["t", "c", "f", "d", "x", "s", "u", "or", "e"]);
        assert!(
            info.starts_with(
                r#"{"t": "a", "c": "opus", "f": "useinbandfec=1", "d": "me", "x": {"4": "urn:x"}"#
            )
        );
        assert_eq!(frames[0].0, 0);
        let sequences: Vec<u16> = frames.iter().map(|f| u16::from_be_bytes([f.1[2], f.1[3]])).collect();
        assert_eq!(sequences, [1, 2, 3, 4]);
        assert_eq!(frames[0].1[4..8], [0; 4]);
        assert_eq!(u32::from_be_bytes(frames[1].1[4..8].try_into().unwrap()), 960);
        std::fs::remove_dir_all(folder.parent().unwrap().parent().unwrap()).unwrap();
    }

    use crate::json::Json;

    // HL-051, HL-064
    #[test]
    fn data_and_temporary_names() {
        let folder = folder("data");
        set_temporary_extension(Some("part"));
        let recorder = Recorder::create(folder.to_str(), "text", None, Some("chat")).unwrap();
        set_temporary_extension(None);
        assert_eq!(recorder.name(), "chat.mjr.part");
        recorder.save(&mut b"hello".to_vec()).unwrap();
        assert!(recorder.close());
        assert_eq!(recorder.name(), "chat.mjr");
        let (info, frames) = frames(&std::fs::read(folder.join("chat.mjr")).unwrap());
        assert!(info.starts_with(r#"{"t": "d", "c": "text", "s": "#));
        assert_eq!(frames[0].1.len(), 13);
        assert_eq!(&frames[0].1[8..], b"hello");
        std::fs::remove_dir_all(folder).unwrap();
    }

    // HL-065
    #[test]
    fn recordings_stay_in_their_folder() {
        let base = folder("inside");
        let inner = base.join("inner");
        let outside = base.join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        let create = |name: &str| Recorder::create(inner.to_str(), "opus", None, Some(name));
        // Below the folder there is no folder of that name.
        assert!(matches!(create(outside.join("x").to_str().unwrap()), Err(CreateError::Io(_))));
        for name in ["../outside/x", "../x", "/../x", "missing/../../x"] {
            assert!(matches!(create(name), Err(CreateError::Outside(_))), "{name}");
        }
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        // Once that folder exists, a recording goes there, and nowhere else when it is closed.
        std::fs::create_dir_all(inner.join(outside.strip_prefix("/").unwrap())).unwrap();
        let recorder = create(outside.join("x").to_str().unwrap()).unwrap();
        assert!(recorder.close());
        assert!(inner.join(outside.strip_prefix("/").unwrap()).join("x.mjr").exists());
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
        // Without a folder the name is taken as it is.
        let name = format!("{}/../outside/free", outside.display());
        drop(Recorder::create(None, "opus", None, Some(&name)).unwrap());
        assert!(outside.join("free.mjr").exists());
        std::fs::remove_dir_all(base).unwrap();
    }

    // HL-069
    #[test]
    fn threads_never_interleave() {
        let folder = folder("threads");
        let recorder = Recorder::create(folder.to_str(), "vp8", None, Some("many")).unwrap();
        std::thread::scope(|scope| {
            for ssrc in 0..4 {
                let recorder = &recorder;
                scope.spawn(move || {
                    for sequence in 0..200 {
                        recorder.save(&mut packet(sequence, 0, ssrc)).unwrap();
                    }
                });
            }
        });
        recorder.close();
        assert_eq!(frames(&std::fs::read(folder.join("many.mjr")).unwrap()).1.len(), 800);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
