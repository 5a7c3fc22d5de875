//! What a compiled module's file says about itself, read before anything of it runs.
#![forbid(unsafe_code)]

use super::calls::{self, Calls};
use super::image::{Image, u16_at, u32_at, u64_at};
use super::sound::{self, ADDRESS_RELOCATIONS, Dynamic, tag};
use super::unsound::{FileError, Unsound};
use object::read::elf::ElfFile64;
use object::{Object, ObjectSymbol, SymbolKind};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A symbol that the module expects from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub name: Arc<str>,
    /// May stay unresolved.
    pub weak: bool,
}

/// A place in the loaded module that holds the address of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// From the module's load address.
    pub offset: u64,
    pub symbol: Arc<str>,
    pub addend: i64,
}

/// Facts about one shared object. Offsets are relative to its load address.
#[derive(Clone, Debug, Default)]
pub struct Module {
    pub imports: Vec<Import>,
    /// `DT_NEEDED`.
    pub needed: Vec<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
    /// The file's own name, symbolic links resolved.
    pub real_name: String,
    /// In hexadecimal digits, where the linker left one.
    pub build_id: Option<String>,
    /// `DT_RUNPATH` or `DT_RPATH`, as written.
    pub run_path: Option<String>,
    /// It defines `create`.
    pub has_create: bool,
    /// Functions and variables that it offers to others.
    pub exports: Vec<Arc<str>>,
    pub slots: Vec<Slot>,
    /// Made read-only after relocation.
    pub relro: Option<Range<u64>>,
    /// Read-only data, where string literals are.
    pub constants: Vec<Vec<u8>>,
    /// What its code says.
    pub calls: Calls,
}

/// More bytes than any module has, debugging information and all.
const MOST_BYTES: u64 = 1 << 30;

/// Reads `path` and makes sure that the dynamic linker may.
pub fn read(path: &Path) -> Result<Module, FileError> {
    // Opening a pipe would wait for its writer.
    let kind = std::fs::metadata(path)?;
    if !kind.is_file() {
        return Err(FileError::NoFile);
    }
    if kind.len() > MOST_BYTES {
        return Err(FileError::TooLarge(kind.len()));
    }
    let data = std::fs::read(path)?;
    let mut module = parse(&data)?;
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    module.real_name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(module)
}

/// The facts in a file's bytes.
pub fn parse(data: &[u8]) -> Result<Module, Unsound> {
    let image = Image::new(data)?;
    let dynamic = sound::dynamic(&image)?;
    let mut module = Module {
        needed: dynamic.texts(tag::NEEDED).collect(),
        soname: dynamic.texts(tag::SONAME).next(),
        run_path: dynamic.texts(tag::RUNPATH).chain(dynamic.texts(tag::RPATH)).next(),
        slots: slots(&dynamic),
        relro: image.others.iter().find(|s| s.kind == RELRO).map(|s| s.memory.clone()),
        build_id: build_id(&image),
        constants: constants(&image),
        ..Module::default()
    };
    for symbol in dynamic.symbols.iter().filter(|s| !s.name.is_empty()) {
        if symbol.defined {
            module.has_create |= &*symbol.name == "create";
            module.exports.push(symbol.name.clone());
        } else {
            module.imports.push(Import { name: symbol.name.clone(), weak: symbol.weak });
        }
    }
    module.calls = calls::read(&image, &dynamic);
    Ok(module)
}

const NOTE: u32 = 4;
const RELRO: u32 = 0x6474_e552;

fn slots(dynamic: &Dynamic) -> Vec<Slot> {
    let addresses = dynamic.relocations.iter().filter(|r| ADDRESS_RELOCATIONS.contains(&r.kind));
    addresses
        .filter_map(|r| {
            let symbol = dynamic.symbols.get(r.symbol).filter(|s| !s.defined)?;
            Some(Slot { offset: r.offset, symbol: symbol.name.clone(), addend: r.addend })
        })
        .collect()
}

/// The GNU build-id note: name "GNU", type 3.
fn build_id(image: &Image<'_>) -> Option<String> {
    let notes = image.others.iter().filter(|s| s.kind == NOTE);
    notes.filter_map(|s| image.file().get(s.file.clone())).find_map(build_id_in)
}

/// In the bytes of a segment of notes.
pub(super) fn build_id_in(mut notes: &[u8]) -> Option<String> {
    while let Some(head) = notes.get(..12) {
        let word = |i: usize| u32_at(head, i) as usize;
        let (name, length) = (word(0).checked_add(3)? & !3, word(4));
        let start = name.checked_add(12)?;
        let end = start.checked_add(length)?;
        if word(8) == 3 && notes.get(12..16) == Some(b"GNU\0") {
            return Some(notes.get(start..end)?.iter().map(|b| format!("{b:02x}")).collect());
        }
        notes = notes.get(end.checked_add(3)? & !3..)?;
    }
    None
}

/// A function, by its place in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    pub offset: u64,
    pub length: u64,
    pub name: String,
}

/// All functions that a file names, sorted; those that it exports, if it was stripped.
pub fn functions(path: &Path) -> Vec<Function> {
    let data = std::fs::read(path).unwrap_or_default();
    let Ok(file) = ElfFile64::<object::LittleEndian>::parse(&*data) else { return Vec::new() };
    let symbols = file.symbols().chain(file.dynamic_symbols());
    let of_code = symbols.filter(|s| s.kind() == SymbolKind::Text && s.is_definition() && s.size() > 0);
    let mut functions: Vec<Function> = of_code
        .map(|s| Function {
            offset: s.address(),
            length: s.size(),
            name: s.name().unwrap_or_default().to_owned(),
        })
        .collect();
    functions.sort();
    functions.dedup_by_key(|function| function.offset);
    functions
}

/// Bytes of read-only data that are looked at: more than any module has.
const MOST_CONSTANTS: usize = 64 << 20;
/// More sections than linkers make.
const MOST_SECTIONS: usize = 1024;

/// Sections are for linkers and debuggers, and may have been cut off: then all that is neither code nor written to.
/// Both may overlap, so that together they would be far larger than the file.
fn constants(image: &Image<'_>) -> Vec<Vec<u8>> {
    let mut found = read_only_sections(image.file()).unwrap_or_default();
    if found.is_empty() {
        let loads = image.loads.iter().filter(|l| !l.writable && !l.executable);
        found = loads.map(|l| image.content(l)).collect();
    }
    let mut left = image.file().len().min(MOST_CONSTANTS);
    let fits = |data: &&[u8]| left.checked_sub(data.len()).map(|rest| left = rest).is_some();
    found.into_iter().take_while(fits).map(<[u8]>::to_vec).collect()
}

/// The bytes of the sections `.rodata…`.
fn read_only_sections(file: &[u8]) -> Option<Vec<&[u8]>> {
    let place = |offset: u64, length: u64| {
        file.get(usize::try_from(offset).ok()?..usize::try_from(offset.checked_add(length)?).ok()?)
    };
    let header = file.get(..64)?;
    let (size, count) = (u16_at(header, 58), u16_at(header, 60));
    if size != SECTION_HEADER || usize::from(count) > MOST_SECTIONS {
        return None;
    }
    let table = place(u64_at(header, 40), u64::from(size) * u64::from(count))?;
    let bytes = |section: &[u8]| place(u64_at(section, 24), u64_at(section, 32));
    let sections = || table.chunks_exact(usize::from(size));
    let names = bytes(sections().nth(usize::from(u16_at(header, 62)))?)?;
    let read_only = sections().filter(|section| {
        let name = names.get(u32_at(section, 0) as usize..);
        u32_at(section, 4) == SECTION_OF_PROGRAM && name.is_some_and(|n| n.starts_with(b".rodata"))
    });
    Some(read_only.filter_map(bytes).collect())
}

const SECTION_HEADER: u16 = 64;
/// `SHT_PROGBITS`.
const SECTION_OF_PROGRAM: u32 = 1;

#[cfg(test)]
mod tests;
