//! The functions of `janus_rs.h` that are about modules of Janus: as those of `api`.
// The text is the header's: [any], [app] and [setup] are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use super::api::{DEFECT, find};
use super::arguments::{optional_text, path};
use super::error::{Error, Result, call};
use super::types::janus_rs_code::JANUS_RS_EMODULE;
use super::types::*;
use crate::export;
use crate::modules::given::Given;
use crate::modules::head::Kind;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;

export! {
    /// Opens and checks one compiled module; janus_rs_start() initialises it. `kind`: JANUS_RS_PLUGIN and so on. Without this
    /// and its siblings nothing is loaded, whatever general.plugins_folder says. A module that is refused is
    /// JANUS_RS_EMODULE. What a plugin was compiled for and its file does not tell (plugins.abi_generations) is best set
    /// before. [setup]
    "janus_rs.h" fn janus_rs_load(core: *mut janus_rs, kind: c_int, file: *const c_char) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let (kind, file) = (module_kind(kind)?, path(file, "file")?);
            let generations = core.set_up(|setup| setup.generations())?;
            core.with_modules()?;
            let module = Given::open(&file, kind, &generations).map_err(refused)?;
            core.set_up(|setup| setup.give(module))?.ok_or_else(|| refused(TWICE)).map(|()| 0)
        })
    }

    /// The same for all modules of a folder but those named in `disable` ("a.so,b.so", or NULL) and those that were loaded
    /// before. Refused ones are log lines; returns how many are left. [setup]
    "janus_rs.h" fn janus_rs_load_folder(
        core: *mut janus_rs, kind: c_int, folder: *const c_char, disable: *const c_char
    ) -> c_int as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let (kind, folder) = (module_kind(kind)?, path(folder, "folder")?);
            let disable = optional_text(disable, "disable")?.unwrap_or_default();
            let generations = core.set_up(|setup| setup.generations())?;
            core.with_modules()?;
            let modules = Given::open_folder(&folder, kind, &disable, &generations).map_err(refused)?;
            let new =
                core.set_up(|setup| modules.into_iter().filter_map(|module| setup.give(module)).count())?;
            Ok(c_int::try_from(new).unwrap_or(c_int::MAX))
        })
    }

    /// Registers a module that is part of the program: a `struct janus_plugin *`, `janus_transport *` … compiled with the
    /// headers of this library, whose JANUS_RS_SDK `sdk` is. It is used until the stop. [setup]
    "janus_rs.h" fn janus_rs_register(core: *mut janus_rs, kind: c_int, table: *mut c_void, sdk: c_int) -> c_int
        as nonnull() or DEFECT; {
        call(|| {
            let core = find(core)?;
            let kind = module_kind(kind)?;
            let table = NonNull::new(table).ok_or_else(|| Error::invalid("`table` is NULL"))?;
            core.set_up(|_| ())?;
            core.with_modules()?;
            if sdk != SDK {
                let why = format!(
                    "the module was compiled with headers of form {sdk}, this library has form {SDK}"
                );
                return Err(Error::new(JANUS_RS_EMODULE, why));
            }
            // SAFETY: a table of this form, which is static in the program, by contract.
            let module = unsafe { Given::table(table, kind) }.map_err(refused)?;
            core.set_up(|setup| setup.give(module))?.ok_or_else(|| refused(TWICE)).map(|()| 0)
        })
    }
}

/// The form of modules that are registered: generation B6.
const SDK: c_int = 6;

const TWICE: &str = "it has been loaded already";

/// A module that is not taken.
fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(JANUS_RS_EMODULE, why.to_string())
}

fn module_kind(kind: c_int) -> Result<Kind> {
    use janus_rs_module::*;
    let kinds = [
        (JANUS_RS_PLUGIN, Kind::Plugin),
        (JANUS_RS_TRANSPORT, Kind::Transport),
        (JANUS_RS_EVENTHANDLER, Kind::EventHandler),
        (JANUS_RS_LOGGER, Kind::Logger),
    ];
    let found = kinds.into_iter().find(|(number, _)| *number as c_int == kind);
    found.map(|(_, kind)| kind).ok_or_else(|| Error::invalid(format!("there is no kind {kind} of modules")))
}
