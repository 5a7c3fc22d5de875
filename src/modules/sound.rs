//! Is a shared object sound enough for the dynamic linker? The linker trusts what it loads: a wrong number in a dynamic
//! table, a symbol or a relocation takes the process along. So everything it will follow is followed here first.
//!
//! Code and data are another matter: what they do is known only when they run.
#![forbid(unsafe_code)]

use super::image::{Image, u16_at, u32_at, u64_at};
use super::unsound::{Part, Unsound};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

const DYNAMIC: u32 = 2;
const TLS: u32 = 7;
const STACK: u32 = 0x6474_e551;
const RELRO: u32 = 0x6474_e552;
const SYMBOL: u64 = 24;
const RELOCATION: u64 = 24;
/// More symbols or relocations than any module has.
const MOST: u64 = 1 << 20;
/// More entries than a dynamic table has; most are names of libraries.
const MOST_ENTRIES: usize = 4096;
/// Bytes of a longer name than any; lists of folders are longer.
const LONGEST_NAME: usize = 4096;
const LONGEST_PATHS: usize = 1 << 16;
/// Bytes of all names of symbols: they may share their place in the file, but not in our memory.
const MOST_NAMES: usize = 64 << 20;
/// Versions that a file needs and defines.
const MOST_VERSIONS: usize = 1 << 16;

/// Tags of the dynamic table.
pub mod tag {
    pub const NEEDED: u64 = 1;
    pub const PLT_SIZE: u64 = 2;
    pub const HASH: u64 = 4;
    pub const STRINGS: u64 = 5;
    pub const SYMBOLS: u64 = 6;
    pub const RELA: u64 = 7;
    pub const RELA_SIZE: u64 = 8;
    pub const RELA_ENTRY: u64 = 9;
    pub const STRINGS_SIZE: u64 = 10;
    pub const SYMBOL_ENTRY: u64 = 11;
    pub const INIT: u64 = 12;
    pub const FINI: u64 = 13;
    pub const SONAME: u64 = 14;
    pub const RPATH: u64 = 15;
    pub const REL: u64 = 17;
    pub const PLT_KIND: u64 = 20;
    pub const TEXT_RELOCATIONS: u64 = 22;
    pub const PLT: u64 = 23;
    pub const INIT_ARRAY: u64 = 25;
    pub const FINI_ARRAY: u64 = 26;
    pub const INIT_ARRAY_SIZE: u64 = 27;
    pub const FINI_ARRAY_SIZE: u64 = 28;
    pub const RUNPATH: u64 = 29;
    pub const RELR_SIZE: u64 = 35;
    pub const RELR: u64 = 36;
    pub const GNU_HASH: u64 = 0x6fff_fef5;
    pub const VERSIONS: u64 = 0x6fff_fff0;
    pub const DEFINED: u64 = 0x6fff_fffc;
    pub const DEFINED_COUNT: u64 = 0x6fff_fffd;
    pub const NEEDS: u64 = 0x6fff_fffe;
    pub const NEEDS_COUNT: u64 = 0x6fff_ffff;
    /// Auxiliary and filter objects, audit libraries, preloaded ones: modules have none of these.
    pub const STRANGE: [u64; 6] = [0x7fff_fffd, 0x7fff_ffff, 0x6fff_fefb, 0x6fff_fefc, 32, 33];
}

/// A dynamic symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub name: Arc<str>,
    pub defined: bool,
    pub weak: bool,
    pub address: u64,
}

/// A relocation with an addend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    pub offset: u64,
    pub kind: u32,
    pub symbol: usize,
    pub addend: i64,
}

/// What the dynamic linker reads of a sound object.
#[derive(Debug, Default)]
pub struct Dynamic {
    pub entries: Vec<(u64, u64)>,
    pub symbols: Vec<Symbol>,
    pub relocations: Vec<Relocation>,
    strings: Vec<u8>,
}

impl Dynamic {
    /// The first value of a tag.
    pub fn value(&self, tag: u64) -> Option<u64> {
        self.entries.iter().find(|e| e.0 == tag).map(|e| e.1)
    }

    /// Texts of a tag.
    pub fn texts(&self, tag: u64) -> impl Iterator<Item = String> {
        self.entries.iter().filter(move |e| e.0 == tag).filter_map(move |e| self.text(e.1, longest(tag)))
    }

    fn text(&self, offset: u64, longest: usize) -> Option<String> {
        let rest = self.strings.get(usize::try_from(offset).ok()?..)?;
        let end = rest.iter().take(longest + 1).position(|b| *b == 0)?;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    }
}

/// Bytes of the longest text of a tag.
fn longest(tag: u64) -> usize {
    if [tag::RPATH, tag::RUNPATH].contains(&tag) { LONGEST_PATHS } else { LONGEST_NAME }
}

/// How the relocations of a machine are to be judged.
struct Kinds {
    /// Write an address that is looked up.
    symbolic: &'static [u32],
    /// Add the load address.
    relative: u32,
    /// Call a function for the address.
    indirect: u32,
    tls: &'static [u32],
    none: u32,
}

#[cfg(target_arch = "x86_64")]
const KINDS: Kinds =
    Kinds { symbolic: &[1, 6, 7], relative: 8, indirect: 37, tls: &[16, 17, 18, 36], none: 0 };
#[cfg(target_arch = "aarch64")]
const KINDS: Kinds = Kinds {
    symbolic: &[257, 1025, 1026],
    relative: 1027,
    indirect: 1032,
    tls: &[1028, 1029, 1030, 1031],
    none: 0,
};

/// Relocations that write the address of a symbol.
pub const ADDRESS_RELOCATIONS: &[u32] = KINDS.symbolic;
/// The relocation that adds the load address.
pub const RELATIVE: u32 = KINDS.relative;

/// Follows everything that the dynamic linker will. The error says what is not sound.
pub fn dynamic(image: &Image<'_>) -> Result<Dynamic, Unsound> {
    segments(image)?;
    let mut dynamic = Dynamic { entries: entries(image)?, ..Dynamic::default() };
    strings(image, &mut dynamic)?;
    let count = symbols(image, &mut dynamic)?;
    versions(image, &dynamic, count)?;
    relocations(image, &mut dynamic)?;
    functions(image, &dynamic)?;
    Ok(dynamic)
}

fn segments(image: &Image<'_>) -> Result<(), Unsound> {
    for segment in &image.others {
        let length = segment.memory.end - segment.memory.start;
        let inside = length == 0 || image.load(segment.memory.start, length).is_some();
        let good = match segment.kind {
            STACK => true,
            TLS => {
                segment.align <= 4096 && (segment.align == 0 || segment.align.is_power_of_two()) && {
                    let image_length = (segment.file.end - segment.file.start) as u64;
                    image_length <= length && image.bytes(segment.memory.start, image_length).is_some()
                }
            }
            RELRO => {
                // Rounded to pages by the linker, it may end beyond its segment.
                image.load(segment.memory.start, 0).is_some_and(|load| {
                    load.writable && segment.memory.end <= (load.memory.end + 4095) & !4095
                })
            }
            _ => inside,
        };
        if !good {
            return Err(Unsound::SegmentNotLoaded(segment.kind));
        }
    }
    Ok(())
}

fn entries(image: &Image<'_>) -> Result<Vec<(u64, u64)>, Unsound> {
    let mut tables = image.others.iter().filter(|s| s.kind == DYNAMIC);
    let (Some(table), None) = (tables.next(), tables.next()) else {
        return Err(Unsound::DynamicTables);
    };
    let length = table.memory.end - table.memory.start;
    let bytes = image
        .load(table.memory.start, length)
        .filter(|load| load.writable)
        .and_then(|_| image.bytes(table.memory.start, length))
        .ok_or(Unsound::DynamicNotInFile)?;
    let mut entries = Vec::new();
    for entry in bytes.chunks_exact(16) {
        let (tag, value) = (u64_at(entry, 0), u64_at(entry, 8));
        if tag == 0 {
            return single(entries);
        }
        if entries.len() == MOST_ENTRIES {
            return Err(Unsound::DynamicEndless);
        }
        entries.push((tag, value));
    }
    Err(Unsound::DynamicEndless)
}

/// Only names of libraries may be there more than once: of all else the linker takes the last one.
fn single(entries: Vec<(u64, u64)>) -> Result<Vec<(u64, u64)>, Unsound> {
    let mut seen = BTreeMap::new();
    for (tag, _) in entries.iter().filter(|e| e.0 != tag::NEEDED) {
        if tag::STRANGE.contains(tag) || *tag == tag::REL {
            return Err(Unsound::StrangeEntry(*tag));
        }
        if seen.insert(*tag, ()).is_some() {
            return Err(Unsound::EntryTwice(*tag));
        }
    }
    Ok(entries)
}

fn strings(image: &Image<'_>, dynamic: &mut Dynamic) -> Result<(), Unsound> {
    let place = dynamic.value(tag::STRINGS).zip(dynamic.value(tag::STRINGS_SIZE));
    let bytes = place
        .and_then(|(start, length)| image.bytes(start, length))
        .filter(|bytes| bytes.first() == Some(&0) && bytes.last() == Some(&0))
        .ok_or(Unsound::Part(Part::Strings))?;
    dynamic.strings = bytes.to_vec();
    for tag in [tag::NEEDED, tag::SONAME, tag::RPATH, tag::RUNPATH] {
        if dynamic.entries.iter().any(|e| e.0 == tag && dynamic.text(e.1, longest(tag)).is_none()) {
            return Err(Unsound::DynamicName);
        }
    }
    Ok(())
}

fn symbols(image: &Image<'_>, dynamic: &mut Dynamic) -> Result<u64, Unsound> {
    let wrong = || Unsound::Part(Part::Symbols);
    let start = dynamic.value(tag::SYMBOLS).ok_or_else(wrong)?;
    if dynamic.value(tag::SYMBOL_ENTRY) != Some(SYMBOL) {
        return Err(wrong());
    }
    let hash = dynamic.value(tag::HASH).map(|address| hash_table(image, address)).transpose()?;
    let bound = match (hash, dynamic.value(tag::GNU_HASH)) {
        (Some(count), None) => count,
        (known, Some(address)) => {
            // Without the older table nobody says how many there are: those in the newer one, and what lies between
            // them and the next table.
            let count = gnu_hash_table(image, address, known)?;
            known.unwrap_or(count)
        }
        (None, None) => return Err(Unsound::NoHash),
    };
    // Imports are not in the newer hash table; relocations tell the highest that is used.
    let count = relocation_tables(image, dynamic)?
        .iter()
        .flat_map(|bytes| bytes.chunks_exact(RELOCATION as usize))
        .map(|r| u64::from(u32_at(r, 12)) + 1)
        .fold(bound, u64::max);
    if count > MOST {
        return Err(wrong());
    }
    let bytes = image.bytes(start, count * SYMBOL).ok_or_else(wrong)?;
    let (mut names, nameless) = (0, Arc::<str>::from(""));
    for symbol in bytes.chunks_exact(SYMBOL as usize) {
        let (name, info, section, address) =
            (u32_at(symbol, 0), symbol[4], u16_at(symbol, 6), u64_at(symbol, 8));
        let name = dynamic.text(u64::from(name), LONGEST_NAME).ok_or(Unsound::SymbolName)?;
        names += name.len();
        if names > MOST_NAMES {
            return Err(Unsound::SymbolName);
        }
        let defined = section != 0;
        // Thread-local ones and absolute ones are no addresses.
        let is_address = defined && info & 15 != 6 && section != 0xfff1;
        if is_address && image.load(address, 0).is_none() {
            return Err(Unsound::SymbolOutside(name));
        }
        // A function that the linker would call for the address.
        if defined && info & 15 == 10 && !image.load(address, 1).is_some_and(|l| l.executable) {
            return Err(Unsound::SymbolNoFunction(name));
        }
        let name = if name.is_empty() { nameless.clone() } else { name.into() };
        dynamic.symbols.push(Symbol { name, defined, weak: info >> 4 == 2, address });
    }
    Ok(count)
}

/// `DT_HASH`. The number of symbols.
fn hash_table(image: &Image<'_>, address: u64) -> Result<u64, Unsound> {
    let wrong = || Unsound::Part(Part::Hash);
    let (buckets, chains) =
        image.bytes(address, 8).map(|head| (u32_at(head, 0), u32_at(head, 4))).ok_or_else(wrong)?;
    if buckets == 0 || u64::from(buckets) > MOST || u64::from(chains) > MOST {
        return Err(wrong());
    }
    let words = image.bytes(address + 8, 4 * (u64::from(buckets) + u64::from(chains))).ok_or_else(wrong)?;
    let next: Vec<u32> = words.chunks_exact(4).map(|w| u32_at(w, 0)).collect();
    if next.iter().any(|n| *n >= chains && *n != 0) {
        return Err(wrong());
    }
    let (buckets, next) = next.split_at(buckets as usize);
    // By which walk a symbol was come to first: each is gone over once, however many chains share it.
    let mut walks = vec![0; next.len()];
    for (walk, first) in (1..).zip(buckets) {
        let mut symbol = *first as usize;
        while symbol != 0 && walks[symbol] == 0 {
            walks[symbol] = walk;
            symbol = next[symbol] as usize;
        }
        if symbol != 0 && walks[symbol] == walk {
            return Err(Unsound::HashEndless);
        }
    }
    Ok(u64::from(chains))
}

/// `DT_GNU_HASH`. The number of symbols that it reaches to.
fn gnu_hash_table(image: &Image<'_>, address: u64, known: Option<u64>) -> Result<u64, Unsound> {
    let wrong = || Unsound::Part(Part::Hash);
    let head = image.bytes(address, 16).ok_or_else(wrong)?;
    let [buckets, first, bloom, shift] = [0, 4, 8, 12].map(|at| u32_at(head, at));
    if buckets == 0 || u64::from(buckets) > MOST || u64::from(first) > MOST {
        return Err(wrong());
    }
    if !bloom.is_power_of_two() || u64::from(bloom) > MOST || shift > 63 {
        return Err(wrong());
    }
    let start = address + 16 + 8 * u64::from(bloom);
    let table = image.bytes(start, 4 * u64::from(buckets)).ok_or_else(wrong)?;
    let chains = start + 4 * u64::from(buckets);
    let mut count = u64::from(first);
    let used = || table.chunks_exact(4).map(|b| u64::from(u32_at(b, 0))).filter(|b| *b != 0);
    if used().any(|bucket| bucket < u64::from(first) || bucket > MOST) {
        return Err(wrong());
    }
    // A chain ends at the first mark, so that all end where the last one does, or before.
    if let Some(last) = used().max() {
        let mut ends = (last..=MOST).map(|symbol| {
            let hash = image.u32(chains + 4 * (symbol - u64::from(first)));
            hash.map(|hash| (hash & 1 == 1).then_some(symbol))
        });
        let end = ends.find(|end| !matches!(end, Some(None))).flatten().flatten().ok_or_else(wrong)?;
        count = count.max(end + 1);
    }
    match known {
        Some(known) if known < count => Err(wrong()),
        _ => Ok(count),
    }
}

/// Version tables: one index per symbol, chains of needed and defined versions.
fn versions(image: &Image<'_>, dynamic: &Dynamic, count: u64) -> Result<(), Unsound> {
    let wrong = || Unsound::Part(Part::Versions);
    let mut known = [false; 1 << 15];
    known[..2].fill(true);
    let needed: HashSet<String> = dynamic.texts(tag::NEEDED).collect();
    let mut versions = 0;
    for (table, number, is_need) in
        [(tag::NEEDS, tag::NEEDS_COUNT, true), (tag::DEFINED, tag::DEFINED_COUNT, false)]
    {
        let Some(mut at) = dynamic.value(table) else { continue };
        let entries = dynamic.value(number).filter(|n| *n > 0 && *n < 4096).ok_or_else(wrong)?;
        for left in (0..entries).rev() {
            let entry = image.bytes(at, if is_need { 16 } else { 20 }).ok_or_else(wrong)?;
            let parts = if is_need { u16_at(entry, 2) } else { u16_at(entry, 6) };
            let (parts_at, next) = if is_need {
                (u32_at(entry, 8), u32_at(entry, 12))
            } else {
                (u32_at(entry, 12), u32_at(entry, 16))
            };
            if u16_at(entry, 0) != 1 || parts == 0 {
                return Err(wrong());
            }
            if is_need {
                // The file must be among the needed ones: the linker takes it for granted.
                let file = dynamic.text(u64::from(u32_at(entry, 4)), LONGEST_NAME).ok_or_else(wrong)?;
                if !needed.contains(&file) {
                    return Err(Unsound::VersionOfNobody(file));
                }
            } else {
                known[usize::from(u16_at(entry, 4) & 0x7fff)] = true;
            }
            versions += usize::from(parts);
            if versions > MOST_VERSIONS {
                return Err(wrong());
            }
            let mut part = at.saturating_add(u64::from(parts_at));
            for index in 0..parts {
                let bytes = image.bytes(part, if is_need { 16 } else { 8 }).ok_or_else(wrong)?;
                let (name, next) = match is_need {
                    true => (u32_at(bytes, 8), u32_at(bytes, 12)),
                    false => (u32_at(bytes, 0), u32_at(bytes, 4)),
                };
                if is_need {
                    known[usize::from(u16_at(bytes, 6) & 0x7fff)] = true;
                }
                dynamic.text(u64::from(name), LONGEST_NAME).ok_or_else(wrong)?;
                // The chain ends with its last part, not before.
                if (next == 0) != (index + 1 == parts) {
                    return Err(wrong());
                }
                part = part.saturating_add(u64::from(next));
            }
            if (next == 0) != (left == 0) {
                return Err(wrong());
            }
            at = at.saturating_add(u64::from(next));
        }
    }
    let Some(table) = dynamic.value(tag::VERSIONS) else { return Ok(()) };
    let indexes = image.bytes(table, 2 * count).ok_or_else(wrong)?;
    match indexes.chunks_exact(2).all(|i| known[usize::from(u16_at(i, 0) & 0x7fff)]) {
        true => Ok(()),
        false => Err(wrong()),
    }
}

/// The bytes of all tables of relocations with addends.
fn relocation_tables<'a>(image: &Image<'a>, dynamic: &Dynamic) -> Result<Vec<&'a [u8]>, Unsound> {
    let wrong = || Unsound::Part(Part::Relocations);
    let mut tables = Vec::new();
    for (start, size) in [(tag::RELA, tag::RELA_SIZE), (tag::PLT, tag::PLT_SIZE)] {
        let Some(start) = dynamic.value(start) else { continue };
        let good = |size: &u64| size.is_multiple_of(RELOCATION) && *size <= MOST * RELOCATION;
        let size = dynamic.value(size).filter(good).ok_or_else(wrong)?;
        tables.push(image.bytes(start, size).ok_or_else(wrong)?);
    }
    if dynamic.value(tag::RELA).is_some() && dynamic.value(tag::RELA_ENTRY) != Some(RELOCATION) {
        return Err(wrong());
    }
    if dynamic.value(tag::PLT).is_some() && dynamic.value(tag::PLT_KIND) != Some(tag::RELA) {
        return Err(wrong());
    }
    Ok(tables)
}

fn relocations(image: &Image<'_>, dynamic: &mut Dynamic) -> Result<(), Unsound> {
    let text = dynamic.value(tag::TEXT_RELOCATIONS).is_some();
    let mut all = Vec::new();
    for bytes in relocation_tables(image, dynamic)? {
        for entry in bytes.chunks_exact(RELOCATION as usize) {
            let relocation = Relocation {
                offset: u64_at(entry, 0),
                kind: u32_at(entry, 8),
                symbol: u32_at(entry, 12) as usize,
                addend: u64_at(entry, 16) as i64,
            };
            relocation_is_sound(image, dynamic, &relocation, text)?;
            all.push(relocation);
        }
    }
    relative_words(image, dynamic, text)?;
    dynamic.relocations = all;
    Ok(())
}

fn relocation_is_sound(
    image: &Image<'_>,
    dynamic: &Dynamic,
    relocation: &Relocation,
    text: bool,
) -> Result<(), Unsound> {
    let Relocation { offset, kind, symbol, addend } = *relocation;
    if kind == KINDS.none {
        return Ok(());
    }
    let width = if KINDS.tls.contains(&kind) && kind != KINDS.tls[0] { 16 } else { 8 };
    let narrow = image.load(offset, 8).is_some() && image.load(offset, width).is_none();
    let place = image.load(offset, if narrow { 8 } else { width });
    if !place.is_some_and(|load| load.writable || text) {
        return Err(Unsound::RelocationOutside(offset));
    }
    let target = addend as u64;
    let good = if KINDS.symbolic.contains(&kind) {
        symbol != 0 && dynamic.symbols.get(symbol).is_some()
    } else if kind == KINDS.relative {
        image.loads.first().zip(image.loads.last()).is_some_and(|(first, last)| {
            // A pointer to the end of something is fine.
            (first.memory.start..=last.memory.end + 4096).contains(&target)
        })
    } else if kind == KINDS.indirect {
        image.load(target, 1).is_some_and(|load| load.executable)
    } else {
        KINDS.tls.contains(&kind) && dynamic.symbols.get(symbol).is_some()
    };
    if good { Ok(()) } else { Err(Unsound::Relocation { offset, kind }) }
}

/// `DT_RELR`: relative relocations as addresses and bitmaps.
fn relative_words(image: &Image<'_>, dynamic: &Dynamic, text: bool) -> Result<(), Unsound> {
    let wrong = || Unsound::Part(Part::RelativeRelocations);
    let Some(start) = dynamic.value(tag::RELR) else { return Ok(()) };
    let size = dynamic.value(tag::RELR_SIZE).filter(|size| size % 8 == 0).ok_or_else(wrong)?;
    let writable = |address: u64| image.load(address, 8).is_some_and(|load| load.writable || text);
    let (mut at, mut count) = (None, 0);
    for word in image.bytes(start, size).ok_or_else(wrong)?.chunks_exact(8).map(|w| u64_at(w, 0)) {
        count += u64::from(word.count_ones().max(1));
        if count > MOST {
            return Err(wrong());
        }
        if word & 1 == 0 {
            if !writable(word) {
                return Err(wrong());
            }
            at = Some(word + 8);
            continue;
        }
        let first: u64 = at.ok_or_else(wrong)?;
        if (0..63)
            .filter(|bit| word >> (bit + 1) & 1 == 1)
            .any(|bit| !writable(first.saturating_add(8 * bit)))
        {
            return Err(wrong());
        }
        at = Some(first.saturating_add(8 * 63));
    }
    Ok(())
}

/// Functions that the linker calls.
fn functions(image: &Image<'_>, dynamic: &Dynamic) -> Result<(), Unsound> {
    let executable = |address: u64| image.load(address, 1).is_some_and(|load| load.executable);
    for tag in [tag::INIT, tag::FINI] {
        if dynamic.value(tag).is_some_and(|address| !executable(address)) {
            return Err(Unsound::Function);
        }
    }
    let relative: BTreeMap<u64, &Relocation> = dynamic.relocations.iter().map(|r| (r.offset, r)).collect();
    for (table, size) in [(tag::INIT_ARRAY, tag::INIT_ARRAY_SIZE), (tag::FINI_ARRAY, tag::FINI_ARRAY_SIZE)] {
        let Some(start) = dynamic.value(table) else { continue };
        let wrong = || Unsound::Part(Part::Functions);
        let size = dynamic.value(size).filter(|size| size % 8 == 0 && *size < 1 << 16).ok_or_else(wrong)?;
        for address in (0..size / 8).map(|i| start.saturating_add(8 * i)) {
            let known = image.load(address, 8).is_some()
                && match relative.get(&address) {
                    Some(r) if r.kind == KINDS.relative => executable(r.addend as u64),
                    Some(r) => KINDS.symbolic.contains(&r.kind),
                    // With packed relocations the address stands in place.
                    None => dynamic.value(tag::RELR).is_some() && image.u64(address).is_some_and(executable),
                };
            if !known {
                return Err(wrong());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One segment that begins with the words, at address 0.
    fn file(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
        let table: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        let mut file = vec![0; 64 + 56];
        file[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        let machine: u16 = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
        for (at, value) in [(16, 3), (18, machine), (54, 56), (56, 1)] {
            file[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        let start = 4096_u64;
        for (at, value) in
            [(32, 64), (64, 1), (72, start), (96, table.len() as u64), (104, table.len() as u64), (112, 4096)]
        {
            file[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        file.resize(start as usize, 0);
        file.extend(table);
        file
    }

    /// Half a million buckets that share a chain of half a million: what each had gone over by itself would not end today.
    #[test]
    fn a_chain_that_many_share_is_gone_over_once() {
        let many = 1 << 19;
        let chain = |from: u32| (from..many).map(move |i| if i + 1 < many { i + 1 } else { 0 });
        let file_of_hash = file([many, many].into_iter().chain((0..many).map(|_| 1)).chain(chain(0)));
        let image = Image::new(&file_of_hash).unwrap();
        assert!(matches!(hash_table(&image, 0), Ok(count) if count == u64::from(many)));

        let hashes = (0..many).map(|i| u32::from(i + 1 == many));
        let head = [many, 1, 1, 6, 0, 0];
        let file_of_gnu = file(head.into_iter().chain((0..many).map(|_| 1)).chain(hashes));
        let image = Image::new(&file_of_gnu).unwrap();
        assert!(matches!(gnu_hash_table(&image, 0, None), Ok(count) if count == u64::from(many) + 1));
    }

    #[test]
    fn chains_without_an_end_are_refused() {
        let own = file([1, 3, 1, 0, 2, 1]);
        assert!(matches!(hash_table(&Image::new(&own).unwrap(), 0), Err(Unsound::HashEndless)));
        let none = file([1, 1, 1, 6, 0, 0, 1, 2, 4, 6]);
        assert!(gnu_hash_table(&Image::new(&none).unwrap(), 0, None).is_err());
    }
}
