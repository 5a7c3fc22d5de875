//! Binding the imports of one module to the implementations of its own ABI generation.
//!
//! The dynamic linker has bound the module to our exported symbols, which have the native layout. The few functions
//! that differ in the module's generation ([`VARIANTS`]) are put in place afterwards, in this module only: its
//! relocations say where the linker stored each address. With immediate binding (as distributions build) these places
//! are read-only by then; their pages are opened for the moment of writing.

use super::elf::{Module, Slot};
use super::generation::{self, Decision};
use super::held;
use super::library::Library;
use crate::abi::entry::{Address, SYMBOLS, VARIANTS, Variant};
use crate::abi::generation::Generation;
use std::ops::Range;

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("the dynamic linker does not say where it is loaded")]
    NoBase,
    #[error("cannot bind imports: {0}")]
    Protected(#[source] std::io::Error),
}

/// Until the module is bound it gets no form of a function that could be the wrong one for it.
pub fn hold_back(library: &Library, module: &Module) -> Result<(), BindError> {
    let held = held_back(module).into_iter().map(|(slot, _)| (slot, held::stand_in())).collect();
    // SAFETY: the stand-in takes whatever it is given, and nothing of the module but its constructors has run.
    unsafe { put(library, module, held) }
}

/// Imports that [`hold_back`] is about: those of functions with forms that differ in what they read or write.
fn held_back(module: &Module) -> Vec<(&Slot, &str)> {
    let slots = module.slots.iter().map(|slot| (slot, &*slot.symbol));
    slots.filter(|(_, symbol)| generation::is_about_memory(symbol) && differs(symbol, None)).collect()
}

/// Names of functions that a file imports, and that would have to be held back from it.
pub fn undecided(module: &Module) -> Vec<&str> {
    let mut symbols: Vec<_> = held_back(module).into_iter().map(|(_, symbol)| symbol).collect();
    symbols.sort_unstable();
    symbols.dedup();
    symbols
}

/// Points every import of `module` that has variants at the one of its generation. Returns the names of those that are
/// others than ours, sorted.
pub fn bind(library: &Library, module: &Module, decision: &Decision) -> Result<Vec<&'static str>, BindError> {
    // SAFETY: of the module constructors have run, and `create` too where its file did not tell its API number; a thread that
    // they started would at worst read the old address or the new one, both of functions (what they have called until then
    // was not bound, or was held back: `foresight::too_early`, `hold_back`). Each address is a function with its symbol's
    // contract in the module's generation.
    unsafe { put(library, module, contents(module, decision))? };
    Ok(differing(module, decision))
}

/// # Safety
/// Whoever calls the module's imports from now on may call these.
unsafe fn put(library: &Library, module: &Module, contents: Vec<(&Slot, Address)>) -> Result<(), BindError> {
    if contents.is_empty() {
        return Ok(());
    }
    let base = library.base().ok_or(BindError::NoBase)?;
    for (slot, address) in contents {
        let address = (address.0 as usize).wrapping_add(slot.addend as usize);
        // The linker protects whole pages, rounded down on both ends.
        let read_only = module.relro.as_ref().is_some_and(|r| protected(r).contains(&slot.offset));
        // SAFETY: the offset is one of this object's own pointer-sized relocation targets, relative to its base, and `read`
        // has found it in a segment of the file. That the address may be called is promised by the caller.
        unsafe { write(base.wrapping_add(slot.offset as usize), address, read_only)? };
    }
    Ok(())
}

/// What has to be written where: whatever stands there, as the file may have been opened, bound and refused before.
fn contents<'m>(module: &'m Module, decision: &Decision) -> Vec<(&'m Slot, Address)> {
    let native = |name: &str| SYMBOLS.iter().find(|symbol| symbol.name == name).map(|s| (s.address)());
    let address = |slot: &Slot| match variant(slot, decision.form(&slot.symbol)) {
        Some(variant) => Some((variant.address)()),
        None => native(&slot.symbol),
    };
    let slots = module.slots.iter().filter(|slot| differs(&slot.symbol, None));
    slots.filter_map(|slot| Some((slot, address(slot)?))).collect()
}

/// What a file imports that would have to be another function for this generation.
pub fn differing(module: &Module, decision: &Decision) -> Vec<&'static str> {
    let mut symbols: Vec<_> = of(module, decision).iter().map(|change| change.1.symbol).collect();
    symbols.sort_unstable();
    symbols.dedup();
    symbols
}

/// Is this function another one for plugins of the generation that it has in this decision? Without a decision: of any.
pub fn differs(symbol: &str, decision: Option<&Decision>) -> bool {
    VARIANTS.iter().any(|v| {
        let form = decision.map(|decision| decision.form(symbol));
        v.symbol == symbol && form.is_none_or(|form| v.first <= form && form <= v.last)
    })
}

fn of<'m>(module: &'m Module, decision: &Decision) -> Vec<(&'m Slot, &'static Variant)> {
    changes(module, |symbol| decision.form(symbol))
}

/// Which places change, and to what. `form`: whose form of a function the module has.
fn changes(module: &Module, form: impl Fn(&str) -> Generation) -> Vec<(&Slot, &'static Variant)> {
    module.slots.iter().filter_map(|slot| Some((slot, variant(slot, form(&slot.symbol))?))).collect()
}

fn variant(slot: &Slot, generation: Generation) -> Option<&'static Variant> {
    VARIANTS.iter().find(|v| *v.symbol == *slot.symbol && v.first <= generation && generation <= v.last)
}

/// The pages that the dynamic linker makes read-only.
fn protected(relro: &Range<u64>) -> Range<u64> {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64;
    relro.start & !(page - 1)..relro.end & !(page - 1)
}

/// # Safety
/// `place` is a mapped, aligned, pointer-sized relocation target of the dynamic linker.
unsafe fn write(place: usize, address: usize, read_only: bool) -> Result<(), BindError> {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let start = (place & !(page - 1)) as *mut libc::c_void;
    let length = place + size_of::<usize>() - start as usize;
    if read_only {
        // SAFETY: whole pages of the module's own relocation area.
        let done = unsafe { libc::mprotect(start, length, libc::PROT_READ | libc::PROT_WRITE) };
        if done != 0 {
            return Err(BindError::Protected(std::io::Error::last_os_error()));
        }
    }
    // SAFETY: writable now, and promised by the caller.
    unsafe { (place as *mut usize).write(address) };
    if read_only {
        // SAFETY: back to what the dynamic linker had set.
        unsafe { libc::mprotect(start, length, libc::PROT_READ) };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_symbols_that_differ_change() {
        let slot = |symbol: &str| Slot { offset: 8, symbol: symbol.into(), addend: 0 };
        let module = Module {
            slots: vec![slot("malloc"), slot("janus_plugin_rtp_extensions_reset")],
            ..Module::default()
        };
        let of = |generation| changes(&module, |_| generation).iter().map(|c| c.1.symbol).collect::<Vec<_>>();
        assert_eq!(of(Generation::B3), ["janus_plugin_rtp_extensions_reset"]);
        assert!(of(Generation::B6).is_empty());
    }

    /// A file whose code seemed to say another API number than it has, or that was refused and is opened again.
    #[test]
    fn whatever_stands_in_an_import_is_bound_anew() {
        use crate::abi::written::form;
        use Generation::{A1, B3, B5, B6};
        let names =
            ["janus_plugin_rtp_extensions_reset", "janus_rtp_simulcasting_context_process_rtp", "malloc"];
        let slots = names.iter().enumerate();
        let slots =
            slots.map(|(i, symbol)| Slot { offset: 8 * i as u64, symbol: (*symbol).into(), addend: 0 });
        let module = Module { slots: slots.collect(), ..Module::default() };
        for generation in [A1, B3, B5, B6] {
            let decision = Decision {
                generation,
                receives: generation,
                exceptions: Vec::new(),
                certain: true,
                evidence: Vec::new(),
            };
            let contents = contents(&module, &decision);
            let contents: Vec<_> = contents.iter().map(|(slot, address)| (slot.offset, address.0)).collect();
            let forms = module.slots.iter().take(2).map(|s| (s.offset, form(&s.symbol, generation)));
            assert_eq!(contents, forms.collect::<Vec<_>>());
        }
    }

    #[test]
    fn whole_pages_are_read_only() {
        assert_eq!(protected(&(0x3f10..0x5008)), 0x3000..0x5000, "a word on the last page stays writable");
    }

    #[test]
    fn variants_of_one_symbol_do_not_overlap() {
        for (i, a) in VARIANTS.iter().enumerate() {
            assert!(a.first <= a.last && a.last < Generation::NATIVE, "{}", a.symbol);
            for b in VARIANTS.iter().skip(i + 1).filter(|b| b.symbol == a.symbol) {
                assert!(a.last < b.first || b.last < a.first, "{} twice for one generation", a.symbol);
            }
        }
    }

    #[test]
    fn writes_into_read_only_pages_and_closes_them_again() {
        // SAFETY: an anonymous page of our own.
        unsafe {
            let page = libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            assert_ne!(page, libc::MAP_FAILED);
            write(page as usize + 16, 0x1234, true).unwrap();
            assert_eq!(page.cast::<usize>().add(2).read(), 0x1234);
            libc::munmap(page, 4096);
        }
    }
}
