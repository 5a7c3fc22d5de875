//! A shared object's file as the dynamic linker will see it: by address, through its segments. Every read is bounded;
//! what is not in the file is not there.
#![forbid(unsafe_code)]

use super::unsound::Unsound;
use std::ops::Range;

/// A loadable segment. Addresses are relative to where the object is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// In memory.
    pub memory: Range<u64>,
    /// Its bytes in the file; may be shorter than in memory.
    pub file: Range<usize>,
    pub writable: bool,
    pub executable: bool,
}

/// Any other segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub kind: u32,
    pub memory: Range<u64>,
    pub file: Range<usize>,
    pub align: u64,
}

/// The segments of a file whose places are consistent.
#[derive(Debug)]
pub struct Image<'a> {
    data: &'a [u8],
    pub loads: Vec<Load>,
    pub others: Vec<Segment>,
}

/// What the ELF header says, in numbers of the specification.
const ELF_64_LITTLE: [u8; 7] = [0x7f, b'E', b'L', b'F', 2, 1, 1];
const SHARED_OBJECT: u16 = 3;
const PROGRAM_HEADER: usize = 56;
const LOAD: u32 = 1;
/// More segments than any linker makes.
const MOST_SEGMENTS: usize = 64;
/// More memory than any module takes.
const MOST_MEMORY: u64 = 1 << 32;
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

impl<'a> Image<'a> {
    /// Reads header and segments. The error says what is wrong with them.
    pub fn new(data: &'a [u8]) -> Result<Image<'a>, Unsound> {
        let header = data.get(..64).ok_or(Unsound::TooShort)?;
        if header[..7] != ELF_64_LITTLE {
            return Err(Unsound::NoElf);
        }
        if u16_at(header, 16) != SHARED_OBJECT || u16_at(header, 18) != MACHINE {
            return Err(Unsound::AnotherMachine);
        }
        let (offset, size, count) =
            (u64_at(header, 32), usize::from(u16_at(header, 54)), usize::from(u16_at(header, 56)));
        if size != PROGRAM_HEADER || count == 0 || count > MOST_SEGMENTS {
            return Err(Unsound::Segments { count, size });
        }
        let table = usize::try_from(offset)
            .ok()
            .and_then(|start| data.get(start..start.checked_add(size * count)?))
            .ok_or(Unsound::SegmentTable)?;
        let mut image = Image { data, loads: Vec::new(), others: Vec::new() };
        for entry in table.chunks_exact(size) {
            image.add(entry)?;
        }
        if image.loads.is_empty() {
            return Err(Unsound::NothingToLoad);
        }
        Ok(image)
    }

    fn add(&mut self, entry: &[u8]) -> Result<(), Unsound> {
        let (kind, flags) = (u32_at(entry, 0), u32_at(entry, 4));
        let number = |offset| u64_at(entry, offset);
        let (offset, address, in_file, in_memory, align) =
            (number(8), number(16), number(32), number(40), number(48));
        let file = offset
            .checked_add(in_file)
            .filter(|end| *end <= self.data.len() as u64)
            .map(|end| offset as usize..end as usize)
            .ok_or(Unsound::SegmentNotInFile(kind))?;
        let memory = address
            .checked_add(in_memory)
            .filter(|end| *end <= MOST_MEMORY)
            .map(|end| address..end)
            .ok_or(Unsound::SegmentTooLarge(kind))?;
        if kind != LOAD {
            self.others.push(Segment { kind, memory, file, align });
            return Ok(());
        }
        if in_file > in_memory {
            return Err(Unsound::SegmentCutOff);
        }
        if !align.is_power_of_two() || align < 4096 || address % align != offset % align {
            return Err(Unsound::Alignment);
        }
        if self.loads.last().is_some_and(|last| pages(&last.memory).end > pages(&memory).start) {
            return Err(Unsound::Overlap);
        }
        self.loads.push(Load { memory, file, writable: flags & 2 != 0, executable: flags & 1 != 0 });
        Ok(())
    }

    /// The segment that `length` bytes at `address` are in.
    pub fn load(&self, address: u64, length: u64) -> Option<&Load> {
        let end = address.checked_add(length)?;
        self.loads.iter().find(|l| l.memory.start <= address && end <= l.memory.end)
    }

    /// From `address` to the end of its segment's bytes in the file.
    pub fn from(&self, address: u64) -> Option<&'a [u8]> {
        let load = self.load(address, 0)?;
        self.data.get(load.file.clone())?.get(usize::try_from(address - load.memory.start).ok()?..)
    }

    /// `length` bytes at `address`.
    pub fn bytes(&self, address: u64, length: u64) -> Option<&'a [u8]> {
        self.from(address)?.get(..usize::try_from(length).ok()?)
    }

    pub fn u64(&self, address: u64) -> Option<u64> {
        self.bytes(address, 8).map(|b| u64_at(b, 0))
    }

    pub fn u32(&self, address: u64) -> Option<u32> {
        self.bytes(address, 4).map(|b| u32_at(b, 0))
    }

    pub fn u16(&self, address: u64) -> Option<u16> {
        self.bytes(address, 2).map(|b| u16_at(b, 0))
    }

    /// The bytes of a segment.
    pub fn content(&self, load: &Load) -> &'a [u8] {
        self.data.get(load.file.clone()).unwrap_or_default()
    }

    pub fn file(&self) -> &'a [u8] {
        self.data
    }
}

/// Whole pages.
fn pages(range: &Range<u64>) -> Range<u64> {
    range.start & !4095..(range.end + 4095) & !4095
}

/// `bytes` holds the number: callers have cut it out. Zero otherwise.
pub fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    bytes.get(offset..offset + 8).map_or(0, |b| u64::from_le_bytes(b.try_into().unwrap_or_default()))
}

/// As [`u64_at`].
pub fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..offset + 4).map_or(0, |b| u32::from_le_bytes(b.try_into().unwrap_or_default()))
}

/// As [`u64_at`].
pub fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    bytes.get(offset..offset + 2).map_or(0, |b| u16::from_le_bytes(b.try_into().unwrap_or_default()))
}
