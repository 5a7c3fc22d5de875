//! The shared objects of the process, noted down while it is well: where they lie, their build-ids, their functions.
//! Reading the notes takes no lock and no memory.

use super::memory;
use crate::modules::elf::{self, Function};
use crate::util::append::Append;
use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;
use std::path::Path;
use std::slice;

struct Object {
    file: String,
    /// What offsets are relative to.
    base: usize,
    memory: Range<usize>,
    /// What is there while it is loaded: the ELF header, as it lies in memory.
    begin: [u8; BEGIN],
    build_id: String,
    exported: Exported,
}

/// Bytes of an ELF header.
const BEGIN: usize = size_of::<libc::Elf64_Ehdr>();

/// The table of symbols that the dynamic linker uses, in the object's own memory: gone when the object is unloaded, as
/// modules do with libraries of their own. Then a call into it is a crash.
#[derive(Clone, Copy, Debug, Default)]
struct Exported {
    symbols: usize,
    count: usize,
    strings: usize,
    strings_length: usize,
}

/// What the file of a module names besides.
struct Named {
    base: usize,
    /// Sorted.
    functions: Vec<Function>,
}

static OBJECTS: Append<Object> = Append::new();
static NAMED: Append<Named> = Append::new();

/// A module that was opened from `path` and lies at `base`.
pub fn note_module(path: &Path, base: usize) {
    if !super::is_installed() {
        return;
    }
    NAMED.push(Named { base, functions: elf::functions(path) });
    look();
}

/// Notes down all objects that are loaded now.
pub fn look() {
    let mut found: Vec<Object> = Vec::new();
    // SAFETY: the callback gets the vector that lives through the call.
    unsafe { libc::dl_iterate_phdr(Some(one), (&raw mut found).cast()) };
    for object in found {
        if !OBJECTS.iter().any(|known| known.base == object.base && known.file == object.file) {
            OBJECTS.push(object);
        }
    }
}

unsafe extern "C" fn one(info: *mut libc::dl_phdr_info, _: usize, found: *mut c_void) -> c_int {
    // SAFETY: the linker's description of an object that stays loaded during the call, and the vector of `look`.
    unsafe {
        let info = &*info;
        let found = &mut *found.cast::<Vec<Object>>();
        if !info.dlpi_phdr.is_null() && !info.dlpi_name.is_null() {
            found.extend(describe(info));
        }
    }
    0
}

/// # Safety
/// `info` describes a loaded object.
unsafe fn describe(info: &libc::dl_phdr_info) -> Option<Object> {
    let base = info.dlpi_addr as usize;
    // SAFETY: promised by the caller: headers, notes and dynamic table are mapped; the name is NUL-terminated.
    unsafe {
        let headers = slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
        let memory = |header: &libc::Elf64_Phdr| {
            let start = base + header.p_vaddr as usize;
            start..start + header.p_memsz as usize
        };
        let loads = || headers.iter().filter(|h| h.p_type == libc::PT_LOAD).map(memory);
        let whole = loads().map(|m| m.start).min()?..loads().map(|m| m.end).max()?;
        let notes = headers.iter().filter(|h| h.p_type == libc::PT_NOTE).map(memory);
        let build_id = notes
            .filter(|m| whole.contains(&m.start) && m.end <= whole.end)
            .find_map(|m| elf::build_id_in(slice::from_raw_parts(m.start as *const u8, m.len())));
        let dynamic = headers.iter().find(|h| h.p_type == libc::PT_DYNAMIC).map(memory);
        let name = CStr::from_ptr(info.dlpi_name).to_string_lossy();
        let begin = *(whole.start as *const [u8; BEGIN]);
        let path = if name.is_empty() { std::env::current_exe().ok()? } else { name.as_ref().into() };
        Some(Object {
            file: path.file_name()?.to_string_lossy().into_owned(),
            base,
            memory: whole,
            begin,
            build_id: build_id.unwrap_or_else(|| "none".to_owned()),
            exported: dynamic.and_then(|table| exported(base, table)).unwrap_or_default(),
        })
    }
}

/// # Safety
/// `table` is the dynamic table of a loaded object at `base`.
unsafe fn exported(base: usize, table: Range<usize>) -> Option<Exported> {
    use crate::modules::sound::tag;
    // SAFETY: promised by the caller. The linker itself follows the same tables.
    unsafe {
        let entries = slice::from_raw_parts(table.start as *const [u64; 2], table.len() / 16);
        let value = |tag: u64| {
            let mut used = entries.iter().take_while(|entry| entry[0] != 0);
            used.find(|entry| entry[0] == tag).map(|entry| entry[1] as usize)
        };
        // The linker has put addresses in place of offsets, except where it cannot write.
        let address = |tag: u64| value(tag).map(|v| if v < base { v + base } else { v });
        let count = match (address(tag::HASH), address(tag::GNU_HASH)) {
            (Some(hash), _) => *((hash + 4) as *const u32) as usize,
            (None, Some(hash)) => gnu_count(hash),
            (None, None) => return None,
        };
        let (symbols, strings) = (address(tag::SYMBOLS)?, address(tag::STRINGS)?);
        Some(Exported { symbols, count, strings, strings_length: value(tag::STRINGS_SIZE)? })
    }
}

/// How many symbols the table knows of.
///
/// # Safety
/// A `DT_GNU_HASH` of a loaded object.
unsafe fn gnu_count(table: usize) -> usize {
    // SAFETY: promised by the caller; chains end.
    unsafe {
        let word = |at: usize| *(at as *const u32) as usize;
        let (buckets, first, bloom) = (word(table), word(table + 4), word(table + 8));
        let start = table + 16 + 8 * bloom;
        let chains = start + 4 * buckets;
        let Some(mut last) = (0..buckets).map(|i| word(start + 4 * i)).max().filter(|last| *last >= first)
        else {
            return first;
        };
        while word(chains + 4 * (last - first)) & 1 == 0 {
            last += 1;
        }
        last + 1
    }
}

/// An address inside an object.
pub struct Place {
    object: &'static Object,
    offset: usize,
    /// 1 for a return address: the call is before it, and may be the last instruction of its function.
    back: usize,
}

pub fn at(address: usize) -> Option<Place> {
    // Later ones may lie where others were.
    let object = OBJECTS.iter().filter(|object| object.memory.contains(&address)).last()?;
    Some(Place { object, offset: address - object.base, back: 0 })
}

/// Where a function returns to.
pub fn return_to(address: usize) -> Option<Place> {
    let place = at(address.checked_sub(1)?)?;
    Some(Place { offset: place.offset + 1, back: 1, ..place })
}

impl Object {
    /// Whether it is still there, and not something else in its place. Where the system does not tell, it is.
    fn is_loaded(&self) -> bool {
        let mut begin = [0; BEGIN];
        match memory::copy(self.memory.start, &mut begin) {
            memory::Copied::All => begin == self.begin,
            memory::Copied::NotAll => false,
            memory::Copied::Unknown => true,
        }
    }
}

impl Place {
    /// Whether there is code.
    pub fn is_loaded(&self) -> bool {
        self.object.is_loaded()
    }

    pub fn file(&self) -> &'static str {
        &self.object.file
    }

    /// From where the object was loaded; as in the file's own addresses.
    pub fn offset(&self) -> usize {
        self.offset
    }

    pub fn build_id(&self) -> &'static str {
        &self.object.build_id
    }

    /// The function that it is in, and how far.
    pub fn symbol(&self) -> Option<(&'static str, usize)> {
        let named = NAMED.iter().filter(|named| named.base == self.object.base).last();
        let named = named.and_then(|named| {
            let offset = (self.offset - self.back) as u64;
            let behind = named.functions.partition_point(|f| f.offset <= offset);
            let function = named.functions[..behind].last().filter(|f| offset < f.offset + f.length)?;
            Some((function.name.as_str(), self.offset - function.offset as usize))
        });
        named.or_else(|| {
            if !self.object.is_loaded() || !self.object.exported.is_readable() {
                return None;
            }
            // SAFETY: the object was there and its tables could be read just now. Where the system does not tell (`memory`),
            // they are taken to be there, as nearly all objects stay loaded.
            let (name, further) = unsafe { self.object.exported.find(self.offset - self.back) }?;
            Some((name, further + self.back))
        })
    }
}

impl Exported {
    fn is_readable(&self) -> bool {
        let symbols = self.count * size_of::<libc::Elf64_Sym>();
        memory::is_readable(self.symbols, symbols) && memory::is_readable(self.strings, self.strings_length)
    }

    /// # Safety
    /// The object is loaded.
    unsafe fn find(&self, offset: usize) -> Option<(&'static str, usize)> {
        const FUNCTION: u8 = 2;
        // SAFETY: promised by the caller; `count` and lengths are the object's own.
        unsafe {
            let symbols = slice::from_raw_parts(self.symbols as *const libc::Elf64_Sym, self.count);
            let covers = |symbol: &&libc::Elf64_Sym| {
                symbol.st_info & 15 == FUNCTION
                    && symbol.st_shndx != 0
                    && offset
                        .checked_sub(symbol.st_value as usize)
                        .is_some_and(|o| o < symbol.st_size as usize)
            };
            let symbol = symbols.iter().find(covers)?;
            let strings = slice::from_raw_parts(self.strings as *const u8, self.strings_length);
            let name = strings.get(symbol.st_name as usize..)?;
            let name = &name[..name.iter().position(|byte| *byte == 0)?];
            Some((std::str::from_utf8(name).ok()?, offset - symbol.st_value as usize))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_files_functions_and_build_ids() {
        look();
        let place = at(libc::getpid as *const () as usize + 1).unwrap();
        assert!(place.file().starts_with("libc.so"), "{}", place.file());
        let (name, further) = place.symbol().unwrap();
        assert!(name.ends_with("getpid") && further == 1, "{name}+{further}");
        assert!(place.build_id().len() >= 16, "{}", place.build_id());
        let ours = at(look as *const () as usize).unwrap();
        assert_eq!(ours.file(), std::env::current_exe().unwrap().file_name().unwrap().to_str().unwrap());
        assert!(ours.is_loaded() && place.is_loaded() && at(8).is_none());
        let count = OBJECTS.iter().count();
        look();
        assert_eq!(OBJECTS.iter().count(), count);
    }
    /// What was noted down of it stays, what lay in its memory is not looked at.
    #[test]
    fn what_was_unloaded_is_named_and_not_read() {
        let page = 4096;
        // SAFETY: a fresh mapping of our own, unmapped once.
        let start = unsafe {
            let (access, kind) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(std::ptr::null_mut(), 2 * page, access, kind, -1, 0)
        } as usize;
        let exported =
            Exported { symbols: start + page, count: 8, strings: start + page, strings_length: 99 };
        let object: &'static Object = Box::leak(Box::new(Object {
            file: "gone.so".into(),
            base: start,
            memory: start..start + 2 * page,
            begin: [0; BEGIN],
            build_id: "none".into(),
            exported,
        }));
        assert!(object.is_loaded() && object.exported.is_readable());
        // SAFETY: as above. It becomes what reserved memory of an allocator is, so that nobody else gets the place.
        unsafe { libc::mprotect(start as *mut c_void, 2 * page, libc::PROT_NONE) };
        let place = Place { object, offset: 0x10, back: 0 };
        assert_eq!((place.file(), place.offset(), place.symbol()), ("gone.so", 0x10, None));
        assert!(!place.is_loaded());
        assert!(!memory::is_readable(start, 1) && !memory::is_readable(start - 1, 2 * page));
    }
}
