//! Reading real files, and ones that were made to take our memory or time.

use super::super::unsound::Part;
use super::*;

#[test]
fn reads_a_real_library() {
    let libc = ["/lib/x86_64-linux-gnu/libjansson.so.4", "/usr/lib/aarch64-linux-gnu/libjansson.so.4"]
        .iter()
        .find(|p| Path::new(p).exists())
        .expect("libjansson is a dependency");
    let module = read(Path::new(libc)).unwrap();
    assert!(module.needed.iter().any(|n| n.starts_with("libc.so")), "{:?}", module.needed);
    assert!(module.imports.iter().any(|i| &*i.name == "malloc" && !i.weak));
    assert!(module.slots.iter().any(|s| &*s.symbol == "malloc"));
    assert!(module.relro.is_some() && !module.has_create && !module.constants.is_empty());
}

#[test]
fn says_why_it_cannot_read() {
    assert!(matches!(read(Path::new("/nonexistent")), Err(FileError::Unreadable(_))));
    assert!(matches!(read(Path::new("/dev/zero")), Err(FileError::NoFile)));
    assert!(parse(b"#!/bin/sh\n").is_err());
}

/// A shared object with one segment that is read, written and executed, at the address that is its place in the file.
struct File {
    bytes: Vec<u8>,
    dynamic: Vec<(u64, u64)>,
    /// Segments that show all of it once more.
    copies: u64,
    /// Bytes of memory beyond those in the file.
    beyond: u64,
}

const START: u64 = 4096;

impl File {
    fn new(names: &[u8], symbols: &[Sym]) -> File {
        let mut file = File { bytes: vec![0; START as usize], dynamic: Vec::new(), copies: 0, beyond: 0 };
        let strings = file.add(names);
        let table: Vec<u8> = std::iter::once(&Sym::default())
            .chain(symbols)
            .flat_map(|s| {
                let section = if s.address == 0 { 0_u32 } else { 1 };
                let head = [s.name, 0x12 | section << 16];
                let words = head.map(u32::to_le_bytes).concat().into_iter();
                words.chain(s.address.to_le_bytes()).chain([0; 8]).collect::<Vec<u8>>()
            })
            .collect();
        let table = file.add(&table);
        let chains = symbols.len() as u32 + 1;
        let words: Vec<u32> = [1, chains, 0].into_iter().chain((0..chains).map(|_| 0)).collect();
        let hash = file.add_words(&words);
        file.dynamic.extend([
            (tag::STRINGS, strings),
            (tag::STRINGS_SIZE, names.len() as u64),
            (tag::SYMBOLS, table),
            (tag::SYMBOL_ENTRY, 24),
            (tag::HASH, hash),
        ]);
        file
    }

    fn here(&self) -> u64 {
        self.bytes.len().next_multiple_of(8) as u64
    }

    /// Adds bytes; their address.
    fn add(&mut self, bytes: &[u8]) -> u64 {
        let here = self.here();
        self.bytes.resize(here as usize, 0);
        self.bytes.extend(bytes);
        here
    }

    fn add_words(&mut self, words: &[u32]) -> u64 {
        self.add(&words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>())
    }

    /// A table of relocations that write the address of the first symbol to these places.
    fn relocate(&mut self, places: &[u64]) {
        let kind = u64::from(ADDRESS_RELOCATIONS[0]);
        let rows = places.iter().flat_map(|place| [*place, 1 << 32 | kind, 0]);
        let table = self.add(&rows.flat_map(u64::to_le_bytes).collect::<Vec<u8>>());
        let length = places.len() as u64 * 24;
        self.dynamic.extend([(tag::RELA, table), (tag::RELA_SIZE, length), (tag::RELA_ENTRY, 24)]);
    }

    fn finish(mut self) -> Vec<u8> {
        let rows: Vec<(u64, u64)> = self.dynamic.drain(..).chain([(0, 0)]).collect();
        let rows: Vec<u8> =
            rows.iter().flat_map(|(tag, value)| [*tag, *value]).flat_map(u64::to_le_bytes).collect();
        let dynamic = self.add(&rows);
        let mut put = |at: usize, bytes: &[u8]| self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        let machine: u16 = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
        for (at, value) in [(16, 3), (18, machine), (54, 56), (56, 2 + self.copies as u16)] {
            put(at, &value.to_le_bytes());
        }
        put(32, &64_u64.to_le_bytes());
        let end = dynamic + rows.len() as u64;
        let mut at = 64;
        let mut segment = |kind: u64, [offset, address, in_file, in_memory, align]: [u64; 5]| {
            for value in [kind | 7 << 32, offset, address, 0, in_file, in_memory, align] {
                put(at, &value.to_le_bytes());
                at += 8;
            }
        };
        let (length, whole) = (end - START, (end + self.beyond).next_multiple_of(4096));
        segment(1, [START, START, length, length + self.beyond, 4096]);
        for copy in 1..=self.copies {
            segment(1, [START, copy * whole + START, length, length, 4096]);
        }
        segment(2, [dynamic, dynamic, end - dynamic, end - dynamic, 8]);
        self.bytes
    }
}

#[derive(Clone, Copy, Default)]
struct Sym {
    /// Its place among the names.
    name: u32,
    /// 0: it is imported.
    address: u64,
}

/// Names one after another, with NULs around.
fn names(all: &[&str]) -> Vec<u8> {
    let mut names = vec![0];
    all.iter().for_each(|name| names.extend(name.bytes().chain([0])));
    names
}

const IMPORTED: Sym = Sym { name: 1, address: 0 };

#[test]
fn a_small_file_is_read() {
    let mut file = File::new(&names(&["malloc", "libc.so.6"]), &[IMPORTED]);
    let slot = file.add(&[0; 8]);
    file.relocate(&[slot]);
    file.dynamic.push((tag::NEEDED, 8));
    let module = parse(&file.finish()).unwrap();
    assert_eq!(module.imports, [Import { name: "malloc".into(), weak: false }]);
    assert_eq!(module.needed, ["libc.so.6"]);
    assert_eq!(module.slots, [Slot { offset: slot, symbol: "malloc".into(), addend: 0 }]);
}

/// In the file they take their place once, in memory each its own.
#[test]
fn names_that_many_symbols_share_are_bounded() {
    let long = File::new(&names(&[&"n".repeat(5000)]), &[IMPORTED]).finish();
    assert_eq!(parse(&long).err(), Some(Unsound::SymbolName));
    let many = vec![IMPORTED; 20_000];
    let shared = File::new(&names(&[&"n".repeat(4000)]), &many).finish();
    assert_eq!(parse(&shared).err(), Some(Unsound::SymbolName));
    assert!(parse(&File::new(&names(&[&"n".repeat(400)]), &many).finish()).is_ok());
}

#[test]
fn read_only_data_is_no_larger_than_the_file() {
    let mut file = File::new(&names(&["malloc"]), &[IMPORTED]);
    let section_names = file.add(b"\0.rodata.one\0");
    let data = file.add(&vec![b'x'; 1 << 18]);
    let section = |name: u64, offset: u64, length: u64| [name | 1 << 32, 0, 0, offset, length, 0, 0, 0];
    let mut table = vec![section(0, section_names, 13)];
    table.resize(201, section(1, data, 1 << 18));
    let table = file.add(&table.into_iter().flatten().flat_map(u64::to_le_bytes).collect::<Vec<u8>>());
    file.bytes[40..48].copy_from_slice(&table.to_le_bytes());
    file.bytes[58..64].copy_from_slice(&[64, 0, 201, 0, 0, 0]);
    let bytes = file.finish();
    let found: usize = parse(&bytes).unwrap().constants.iter().map(Vec::len).sum();
    assert!((1 << 18..=bytes.len()).contains(&found), "{found} of {}", bytes.len());
}

#[test]
fn versions_that_entries_share_are_counted() {
    let with = |entries: u32, parts: u32| {
        let mut file = File::new(&names(&["malloc", "libc.so.6"]), &[IMPORTED]);
        // Version and number of parts, file, where the parts are, next.
        let entry = |i| [1 | parts << 16, 8, 16 * (entries - i), if i + 1 == entries { 0 } else { 16 }];
        // Hash, flags and index, name, next.
        let part = |i| [0, 2 << 16, 1, if i + 1 == parts { 0 } else { 16 }];
        let words: Vec<u32> = (0..entries).flat_map(entry).chain((0..parts).flat_map(part)).collect();
        let table = file.add_words(&words);
        file.dynamic.extend([(tag::NEEDED, 8), (tag::NEEDS, table), (tag::NEEDS_COUNT, entries.into())]);
        parse(&file.finish()).err()
    };
    assert_eq!(with(10, 300), None);
    assert_eq!(with(300, 300), Some(Unsound::Part(Part::Versions)));
}

#[test]
fn entries_and_texts_of_the_dynamic_table_are_bounded() {
    let with = |texts: &[&str], count: usize| {
        let mut file = File::new(&names(texts), &[IMPORTED]);
        file.dynamic.extend(std::iter::repeat_n((tag::NEEDED, 8), count));
        parse(&file.finish()).map(|module| module.needed.len())
    };
    assert_eq!(with(&["malloc", "libc.so.6"], 4000), Ok(4000));
    assert_eq!(with(&["malloc", "libc.so.6"], 5000), Err(Unsound::DynamicEndless));
    assert_eq!(with(&["malloc", &"n".repeat(5000)], 1), Err(Unsound::DynamicName));
}

#[test]
fn relocations_are_bounded() {
    let mut file = File::new(&names(&["malloc"]), &[IMPORTED]);
    let slot = file.add(&[0; 8]);
    file.relocate(&vec![slot; (1 << 20) + 1]);
    assert_eq!(parse(&file.finish()).err(), Some(Unsound::Part(Part::Relocations)));

    let packed = |words: usize| {
        let mut file = File::new(&names(&["malloc"]), &[IMPORTED]);
        file.beyond = 16 << 20;
        // An address, then 63 places after it per word.
        let all: Vec<u64> = [START].into_iter().chain(std::iter::repeat_n(u64::MAX, words)).collect();
        let table = file.add(&all.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>());
        file.dynamic.extend([(tag::RELR, table), (tag::RELR_SIZE, all.len() as u64 * 8)]);
        parse(&file.finish()).err()
    };
    assert_eq!(packed(1000), None);
    assert_eq!(packed(20_000), Some(Unsound::Part(Part::RelativeRelocations)));
}

/// What lies at the end of all addresses is not there.
#[test]
fn tables_at_the_end_of_addresses_are_nowhere() {
    for what in [tag::HASH, tag::GNU_HASH, tag::SYMBOLS, tag::STRINGS] {
        let mut file = File::new(&names(&["malloc"]), &[IMPORTED]);
        file.dynamic.retain(|row| row.0 != what);
        file.dynamic.push((what, u64::MAX - 2));
        assert!(parse(&file.finish()).is_err(), "{what:#x}");
    }
    for (table, size) in [(tag::INIT_ARRAY, tag::INIT_ARRAY_SIZE), (tag::RELA, tag::RELA_SIZE)] {
        let mut file = File::new(&names(&["malloc"]), &[IMPORTED]);
        file.dynamic.extend([(table, u64::MAX - 2), (size, 48), (tag::RELA_ENTRY, 24)]);
        assert!(parse(&file.finish()).is_err(), "{table:#x}");
    }
    for (table, count) in [(tag::NEEDS, tag::NEEDS_COUNT), (tag::DEFINED, tag::DEFINED_COUNT)] {
        let mut file = File::new(&names(&["malloc"]), &[IMPORTED]);
        file.dynamic.extend([(table, u64::MAX - 2), (count, 1)]);
        assert!(parse(&file.finish()).is_err(), "{table:#x}");
    }
}

#[cfg(target_arch = "x86_64")]
mod code {
    use super::*;
    use calls::Said;

    /// A file with this code before many calls of a function that tells: `lea r9; mov r8d, 1; call *slot`.
    fn said(before: &[u8], calls: usize, copies: u64) -> Vec<Said> {
        let mut file = File::new(&names(&["janus_rtp_simulcasting_context_process_rtp"]), &[IMPORTED]);
        let slot = file.add(&[0; 8]);
        file.relocate(&[slot]);
        let start = file.here() + before.len() as u64;
        let one = [0x4c, 0x8d, 0x0d, 0, 0, 0, 0, 0x41, 0xb8, 1, 0, 0, 0, 0xff, 0x15];
        let mut code = before.to_vec();
        for i in 0..calls as u64 {
            code.extend(one);
            let after = start + 19 * (i + 1);
            code.extend((slot as i64 - after as i64).to_le_bytes()[..4].iter());
        }
        file.add(&code);
        file.copies = copies;
        parse(&file.finish()).unwrap().calls.said
    }

    #[test]
    fn calls_are_found_across_the_pieces_that_code_is_read_in() {
        for nops in [0, 1, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, 3 << 14] {
            assert_eq!(said(&vec![0x90; nops], 3, 0), [Said::SsrcsAreSixth], "{nops}");
        }
    }

    /// More than any module has: nothing is said, as what was not read might contradict it.
    #[test]
    fn code_without_measure_says_nothing() {
        assert!(said(&[], 10_001, 0).is_empty(), "calls that tell");
        assert!(said(&[0x90].repeat(6 << 20), 1, 2).is_empty(), "segments");
        // `call *%rax`: each is followed back as far as it goes.
        assert!(said(&[0xff, 0xd0].repeat(2000), 1, 0).is_empty(), "calls through registers");
    }
}
