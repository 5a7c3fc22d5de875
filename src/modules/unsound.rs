//! What the dynamic linker could not be trusted with.
#![forbid(unsafe_code)]

use thiserror::Error;

/// Why a file is not opened. "It" is the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unsound {
    #[error("it is too short")]
    TooShort,
    #[error("it is no 64-bit little-endian ELF file")]
    NoElf,
    #[error("another machine or kind of file")]
    AnotherMachine,
    #[error("it has {count} segments of {size} bytes each")]
    Segments { count: usize, size: usize },
    #[error("its segment table is not in the file")]
    SegmentTable,
    #[error("it has no loadable segment")]
    NothingToLoad,
    #[error("segment {0:#x} is not in the file")]
    SegmentNotInFile(u32),
    #[error("segment {0:#x} does not fit into memory")]
    SegmentTooLarge(u32),
    #[error("a segment is larger in the file than in memory")]
    SegmentCutOff,
    #[error("a segment's alignment cannot be kept")]
    Alignment,
    #[error("segments overlap or are not in order")]
    Overlap,
    #[error("segment {0:#x} is not inside the loaded ones")]
    SegmentNotLoaded(u32),
    #[error("it has not exactly one dynamic table")]
    DynamicTables,
    #[error("its dynamic table is not in the file")]
    DynamicNotInFile,
    #[error("its dynamic table has no end")]
    DynamicEndless,
    #[error("its dynamic table has entry {0:#x}, which modules have not")]
    StrangeEntry(u64),
    #[error("its dynamic table has entry {0:#x} twice")]
    EntryTwice(u64),
    #[error("a name in its dynamic table is not sound")]
    DynamicName,
    #[error("its {0} not sound")]
    Part(Part),
    #[error("it has no table of symbol names")]
    NoHash,
    #[error("its table of symbol names never ends")]
    HashEndless,
    #[error("the name of a symbol is not sound")]
    SymbolName,
    #[error("symbol {0} lies outside")]
    SymbolOutside(String),
    #[error("symbol {0} is no function")]
    SymbolNoFunction(String),
    #[error("it wants a version of {0}, which it does not name")]
    VersionOfNobody(String),
    #[error("a relocation at {0:#x} is not among its data")]
    RelocationOutside(u64),
    #[error("a relocation at {offset:#x} (kind {kind}) is not sound")]
    Relocation { offset: u64, kind: u32 },
    #[error("a function that runs when it is opened is not among its code")]
    Function,
}

/// A table of a file, with its verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Part {
    #[error("string table is")]
    Strings,
    #[error("symbol table is")]
    Symbols,
    #[error("table of symbol names is")]
    Hash,
    #[error("symbol versions are")]
    Versions,
    #[error("relocation table is")]
    Relocations,
    #[error("table of relative relocations is")]
    RelativeRelocations,
    #[error("table of functions that run when it is opened is")]
    Functions,
}

/// Why a file is not taken for a module.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("it is not a file")]
    NoFile,
    #[error("it is no module: it has {0} bytes")]
    TooLarge(u64),
    #[error("it is not a sound shared object for this machine: {0}")]
    Unsound(#[from] Unsound),
}
