//! What a compiled module's file says about itself, read before anything of it runs.
#![forbid(unsafe_code)]

use super::calls::{self, Calls};
use super::crash::Function;
use super::image::Image;
use super::sound::{self, ADDRESS_RELOCATIONS, Dynamic, tag};
use super::unsound::{FileError, Unsound};
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::ops::Range;
use std::path::Path;

/// A symbol that the module expects from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub name: String,
    /// May stay unresolved.
    pub weak: bool,
}

/// A place in the loaded module that holds the address of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// From the module's load address.
    pub offset: u64,
    pub symbol: String,
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
    pub exports: Vec<String>,
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
            module.has_create |= symbol.name == "create";
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
        let word = |i: usize| super::image::u32_at(head, i) as usize;
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

/// Sections are for linkers and debuggers, and may have been cut off: then all that is neither code nor written to.
fn constants(image: &Image<'_>) -> Vec<Vec<u8>> {
    let named = ElfFile64::<object::LittleEndian>::parse(image.file()).ok().map(|file| {
        let read_only = file.sections().filter(|s| s.name().is_ok_and(|n| n.starts_with(".rodata")));
        read_only.filter_map(|s| s.data().ok().map(<[u8]>::to_vec)).collect::<Vec<_>>()
    });
    named.filter(|found| !found.is_empty()).unwrap_or_else(|| {
        let loads = image.loads.iter().filter(|l| !l.writable && !l.executable);
        loads.map(|l| image.content(l).to_vec()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_real_library() {
        let libc = ["/lib/x86_64-linux-gnu/libjansson.so.4", "/usr/lib/aarch64-linux-gnu/libjansson.so.4"]
            .iter()
            .find(|p| Path::new(p).exists())
            .expect("libjansson is a dependency");
        let module = read(Path::new(libc)).unwrap();
        assert!(module.needed.iter().any(|n| n.starts_with("libc.so")), "{:?}", module.needed);
        assert!(module.imports.iter().any(|i| i.name == "malloc" && !i.weak));
        assert!(module.slots.iter().any(|s| s.symbol == "malloc"));
        assert!(module.relro.is_some() && !module.has_create && !module.constants.is_empty());
    }

    #[test]
    fn says_why_it_cannot_read() {
        assert!(matches!(read(Path::new("/nonexistent")), Err(FileError::Unreadable(_))));
        assert!(matches!(read(Path::new("/dev/zero")), Err(FileError::NoFile)));
        assert!(parse(b"#!/bin/sh\n").is_err());
    }
}
