//! Compiled modules: opening them, telling their ABI generation, binding their imports, calling them and being
//! called by them. Everything above speaks to the safe types of this room and implements [`host`]'s traits.

pub mod host;
