//! Compile-time proof that a `#[repr(C)]` struct is what the compiled modules expect.
#![forbid(unsafe_code)]

/// `assert_layout!(type: size; field @ offset, …)`: every number comes from the ABI facts of one generation
/// (x86-64 and other LP64 systems agree on all of them).
#[macro_export]
macro_rules! assert_layout {
    ($ty:ty : $size:literal; $($field:ident @ $offset:literal),* $(,)?) => {
        const _: () = {
            assert!(size_of::<$ty>() == $size);
            $( assert!(core::mem::offset_of!($ty, $field) == $offset); )*
        };
    };
}
