//! `utils.h`, in four parts by subject.

pub mod files;
pub mod flags;
pub mod json;
pub mod values;
