//! What a compiled module's file says about itself, read before anything of it runs.
#![forbid(unsafe_code)]

use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{
    Object, ObjectSection, ObjectSymbol, ObjectSymbolTable, RelocationFlags, RelocationTarget, elf,
};
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
    /// `DT_RUNPATH` or `DT_RPATH`, as written.
    pub run_path: Option<String>,
    /// It defines `create`.
    pub has_create: bool,
    pub slots: Vec<Slot>,
    /// Made read-only after relocation.
    pub relro: Option<Range<u64>>,
    /// Read-only data, where string literals are.
    pub constants: Vec<Vec<u8>>,
}

/// Reads `path`; the error is one line.
pub fn read(path: &Path) -> Result<Module, String> {
    let unreadable = |e| format!("it cannot be read: {e}");
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("it is not a file".to_owned());
    }
    let data = std::fs::read(path).map_err(unreadable)?;
    parse(&data).map_err(|e| format!("it is not a shared object for this machine: {e}"))
}

fn parse(data: &[u8]) -> Result<Module, Box<dyn std::error::Error>> {
    let file = ElfFile64::<object::Endianness>::parse(data)?;
    let endian = file.endian();
    let header = file.elf_header();
    if header.e_machine(endian) != MACHINE || header.e_type(endian) != elf::ET_DYN {
        return Err("another machine or kind of file".into());
    }
    let mut module = Module::default();
    for symbol in file.dynamic_symbols() {
        let Ok(name) = symbol.name() else { continue };
        if symbol.is_undefined() && !name.is_empty() {
            module.imports.push(Import { name: name.to_owned(), weak: symbol.is_weak() });
        } else if symbol.is_definition() && name == "create" {
            module.has_create = true;
        }
    }
    let table = file.elf_dynamic_table()?;
    for entry in table.iter() {
        let text = || table.string(entry).ok().map(|s| String::from_utf8_lossy(s).into_owned());
        match entry.tag {
            elf::DT_NEEDED => module.needed.extend(text()),
            elf::DT_RUNPATH => module.run_path = text(),
            elf::DT_RPATH if module.run_path.is_none() => module.run_path = text(),
            _ => {}
        }
    }
    for (offset, relocation) in file.dynamic_relocations().into_iter().flatten() {
        let RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
        let RelocationTarget::Symbol(index) = relocation.target() else { continue };
        let Some(symbol) = file.dynamic_symbol_table().and_then(|t| t.symbol_by_index(index).ok()) else {
            continue;
        };
        if ADDRESS_RELOCATIONS.contains(&r_type) && symbol.is_undefined() {
            let name = symbol.name().unwrap_or_default().to_owned();
            module.slots.push(Slot { offset, symbol: name, addend: relocation.addend() });
        }
    }
    for segment in file.elf_program_headers() {
        if segment.p_type(endian) == elf::PT_GNU_RELRO {
            let start = segment.p_vaddr(endian);
            module.relro = Some(start..start + segment.p_memsz(endian));
        }
    }
    for section in file.sections() {
        if section.name().is_ok_and(|n| n.starts_with(".rodata")) {
            module.constants.push(section.data()?.to_vec());
        }
    }
    Ok(module)
}

#[cfg(target_arch = "x86_64")]
const MACHINE: elf::Machine = elf::EM_X86_64;
#[cfg(target_arch = "x86_64")]
const ADDRESS_RELOCATIONS: [elf::RelocationType; 3] =
    [elf::R_X86_64_JUMP_SLOT, elf::R_X86_64_GLOB_DAT, elf::R_X86_64_64];
#[cfg(target_arch = "aarch64")]
const MACHINE: elf::Machine = elf::EM_AARCH64;
#[cfg(target_arch = "aarch64")]
const ADDRESS_RELOCATIONS: [elf::RelocationType; 3] =
    [elf::R_AARCH64_JUMP_SLOT, elf::R_AARCH64_GLOB_DAT, elf::R_AARCH64_ABS64];

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
        assert!(read(Path::new("/nonexistent")).unwrap_err().contains("cannot be read"));
        assert!(read(Path::new("/dev/zero")).unwrap_err().contains("not a file"));
        assert!(parse(b"#!/bin/sh\n").is_err());
    }
}
