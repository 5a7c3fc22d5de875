//! Compiled modules: opening them, telling their ABI generation, binding their imports, calling them and being
//! called by them. Everything above speaks to the safe types of this room and implements [`host`]'s traits.

pub mod host;
pub mod image;
pub mod sound;
pub mod undecided;
pub mod unsound;
pub mod calls;
pub mod elf;
pub mod library;
pub mod precheck;
pub mod backtrace;
pub mod binding;
pub mod hostlibs;
pub mod releases;
pub mod generation;
pub mod foresight;
pub mod given;
pub mod head;
mod held;
mod life;
pub mod sessions;
pub mod callbacks;
pub mod dialect;
pub mod plugin;
pub mod transport;
mod table;
pub mod eventhandler;
pub mod logger;
pub mod loader;
pub mod check;
pub mod crash;
#[cfg(test)]
mod matrix;
mod registry;
mod call;
