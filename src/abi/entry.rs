//! The one way a symbol leaves this library.
//!
//! [`export!`](crate::export) gives a function its C signature, NULL checks that return the function's own failure value,
//! a panic boundary, and an entry in [`SYMBOLS`]; [`export_static!`](crate::export_static) and
//! [`export_variadic!`](crate::export_variadic) do the same for variables and for C-variadic functions.
//! [`variant!`](crate::variant) declares how an older ABI generation sees a function: it is not exported,
//! but bound into the modules of that generation ([`VARIANTS`]).
//!
//! rustc writes the linker's version script from these (`local: *` for the rest); docs/MATRIX.md is generated from
//! [`symbols`].

use super::generation::Generation;
use linkme::distributed_slice;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What stands behind an exported name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Function,
    Variadic,
    Variable,
}

/// An address in this process, fixed for its lifetime.
#[derive(Clone, Copy, Debug)]
pub struct Address(pub *const ());
// SAFETY: only an address; whoever dereferences it answers for that.
unsafe impl Sync for Address {}
// SAFETY: as above.
unsafe impl Send for Address {}

/// One exported symbol.
#[derive(Debug)]
pub struct Symbol {
    pub name: &'static str,
    /// The C header that declares it, `-` when none does.
    pub header: &'static str,
    pub kind: Kind,
    pub address: fn() -> Address,
}

/// How the modules of generations `first ..= last` see `symbol`.
#[derive(Debug)]
pub struct Variant {
    pub symbol: &'static str,
    pub first: Generation,
    pub last: Generation,
    pub address: fn() -> Address,
}

#[distributed_slice]
pub static SYMBOLS: [Symbol];

#[distributed_slice]
pub static VARIANTS: [Variant];

/// All exported symbols, sorted by name.
pub fn symbols() -> Vec<&'static Symbol> {
    let mut all: Vec<_> = SYMBOLS.iter().collect();
    all.sort_by_key(|s| s.name);
    all
}

/// Runs `body`; a panic is reported and becomes `failure`, so that it never crosses a C frame.
/// Inlined, so that nothing of it is left around a body that cannot panic.
#[inline]
pub fn guard<R>(name: &'static str, failure: R, body: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        report(name, panic.as_ref());
        failure
    })
}

#[cold]
fn report(name: &'static str, panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default();
    tracing::error!("panic in {name}: {text}");
}

/// Exports a C function.
///
/// ```no_run
/// # use std::ffi::{CStr, c_char, c_int};
/// janus_rs::export! {
///     /// Bytes of `text` without its NUL; −1 for NULL.
///     "example.h" fn janus_example_length(text: *const c_char) -> c_int as nonnull(text) or -1; {
///         // SAFETY: not NULL; NUL-terminated by the header's contract.
///         unsafe { CStr::from_ptr(text) }.count_bytes() as c_int
///     }
/// }
/// ```
/// The value after `or` is returned when a `nonnull` argument is NULL and when the body panics. The list may be
/// empty (`nonnull()`). The body is safe Rust; each use of a pointer needs its own `unsafe` block and reason.
#[macro_export]
macro_rules! export {
    ($($(#[$meta:meta])* $header:literal fn $name:ident($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)?
        as nonnull($($checked:ident),*) or $failure:expr; $body:block)*) => { $(
        const _: () = {
            #[linkme::distributed_slice($crate::abi::entry::SYMBOLS)]
            static ENTRY: $crate::abi::entry::Symbol = $crate::abi::entry::Symbol {
                name: stringify!($name), header: $header, kind: $crate::abi::entry::Kind::Function,
                address: || $crate::abi::entry::Address($name as *const ()),
            };
        };
        $(#[$meta])*
        /// # Safety
        /// C callers pass what the header asks for: pointers valid for the call, NUL-terminated text.
        #[unsafe(no_mangle)]
        #[allow(clippy::unused_unit)] // `or ()` of functions without a result
        pub unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            $( if $checked.is_null() { return $failure; } )*
            $crate::abi::entry::guard(stringify!($name), $failure, move || $body)
        }
    )* };
}

/// Declares how generations `$first ..= $last` see `$symbol`. Same form as [`export!`](crate::export); not exported.
#[macro_export]
macro_rules! variant {
    ($($(#[$meta:meta])* $symbol:ident in $first:ident ..= $last:ident, fn $name:ident($($arg:ident : $ty:ty),* $(,)?)
        $(-> $ret:ty)? as nonnull($($checked:ident),*) or $failure:expr; $body:block)*) => { $(
        const _: () = {
            #[linkme::distributed_slice($crate::abi::entry::VARIANTS)]
            static ENTRY: $crate::abi::entry::Variant = $crate::abi::entry::Variant {
                symbol: stringify!($symbol),
                first: $crate::abi::generation::Generation::$first,
                last: $crate::abi::generation::Generation::$last,
                address: || $crate::abi::entry::Address($name as *const ()),
            };
        };
        $(#[$meta])*
        /// # Safety
        /// As the exported function of this name, with the layouts of these generations.
        #[allow(clippy::unused_unit)] // as above
        pub unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            $( if $checked.is_null() { return $failure; } )*
            $crate::abi::entry::guard(stringify!($name), $failure, move || $body)
        }
    )* };
}

/// Exports a C variable (mutable: modules and the core both write it).
#[macro_export]
macro_rules! export_static {
    ($($(#[$meta:meta])* $header:literal static $name:ident : $ty:ty = $value:expr;)*) => { $(
        const _: () = {
            #[linkme::distributed_slice($crate::abi::entry::SYMBOLS)]
            static ENTRY: $crate::abi::entry::Symbol = $crate::abi::entry::Symbol {
                name: stringify!($name), header: $header, kind: $crate::abi::entry::Kind::Variable,
                address: || $crate::abi::entry::Address((&raw const $name).cast()),
            };
        };
        $(#[$meta])*
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals)]
        pub static mut $name: $ty = $value;
    )* };
}

/// Exports a C-variadic function. Stable Rust cannot define one, and the linker keeps symbols of a C archive local
/// to a shared library, so the exported name is a jump to the C shim `$shim` (src/abi/shims), which receives the
/// registers and the stack untouched.
#[macro_export]
macro_rules! export_variadic {
    ($($(#[$meta:meta])* $header:literal fn $name:ident => $shim:ident;)*) => { $(
        const _: () = {
            #[linkme::distributed_slice($crate::abi::entry::SYMBOLS)]
            static ENTRY: $crate::abi::entry::Symbol = $crate::abi::entry::Symbol {
                name: stringify!($name), header: $header, kind: $crate::abi::entry::Kind::Variadic,
                address: || $crate::abi::entry::Address($name as *const ()),
            };
        };
        unsafe extern "C" { fn $shim(); }
        $(#[$meta])*
        /// # Safety
        /// C-variadic: callable from C only, with the arguments of the header.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!("jmp {}@PLT", sym $shim);
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!("b {}", sym $shim);
        }
    )* };
}

/// As [`export_variadic!`](crate::export_variadic) for older generations; not exported.
#[macro_export]
macro_rules! variant_variadic {
    ($($(#[$meta:meta])* $symbol:ident in $first:ident ..= $last:ident => $shim:ident;)*) => { $(
        const _: () = {
            unsafe extern "C" { fn $shim(); }
            #[linkme::distributed_slice($crate::abi::entry::VARIANTS)]
            static ENTRY: $crate::abi::entry::Variant = $crate::abi::entry::Variant {
                symbol: stringify!($symbol),
                first: $crate::abi::generation::Generation::$first,
                last: $crate::abi::generation::Generation::$last,
                address: || $crate::abi::entry::Address($shim as *const ()),
            };
        };
    )* };
}
