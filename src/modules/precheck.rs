//! Does everything that a module imports exist? Asked of its file, before the dynamic linker is, so that the answer
//! names all that is missing at once.

use super::elf::{self, Module};
use super::library::{Library, Scope, global_symbol};
use crate::abi::entry;
use crate::util::lock::Lock;
use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// What keeps a module from being opened. Empty: nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    pub libraries: Vec<String>,
    pub symbols: Vec<String>,
}

impl Missing {
    pub fn is_empty(&self) -> bool {
        self.libraries.is_empty() && self.symbols.is_empty()
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.symbols.is_empty() {
            parts.push(format!("symbols {}", self.symbols.join(", ")));
        }
        if !self.libraries.is_empty() {
            parts.push(format!("libraries {}", self.libraries.join(", ")));
        }
        f.write_str(&parts.join("; "))
    }
}

/// Names that this library exports.
static OURS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| entry::symbols().into_iter().map(|s| s.name).collect());

/// Looks for every non-weak import in our exports, in what the process shows globally, and in the libraries that the
/// module names. Those stay open, and visible: the module is about to need them, and some are opened by what the module
/// itself opens later without being named by it, as the C modules of a Lua script expect Lua.
pub fn missing(path: &Path, module: &Module) -> Missing {
    let mut found = Missing::default();
    let mut libraries = Vec::new();
    for name in &module.needed {
        match open_needed(path, module, name) {
            Ok(library) => libraries.push(library),
            Err(named) => found.libraries.push(named),
        }
    }
    for import in &module.imports {
        if import.weak || OURS.contains(&*import.name) {
            continue;
        }
        let Ok(name) = CString::new(&*import.name) else { continue };
        if global_symbol(&name).is_none() && libraries.iter().all(|l| l.symbol(&name).is_none()) {
            found.symbols.push(import.name.to_string());
        }
    }
    found.symbols.sort();
    found
}

/// Where a library lies that the module brings along: on its own search path, or named with a path.
fn beside(module_path: &Path, module: &Module, name: &str) -> Option<PathBuf> {
    let origin = module_path.parent().unwrap_or(Path::new("."));
    let folders = module.run_path.iter().flat_map(|p| p.split(':')).filter(|p| !p.is_empty());
    let mut candidates = folders.map(|folder| {
        let folder = folder.replace("${ORIGIN}", "$ORIGIN");
        PathBuf::from(folder.replace("$ORIGIN", &origin.to_string_lossy())).join(name)
    });
    match name.contains('/') {
        true => Some(PathBuf::from(name)),
        false => candidates.find(|p| p.exists()),
    }
}

/// As the dynamic linker will: the module's own search path first. What is not the system's is not opened unless it is
/// sound. The error names the library.
fn open_needed(module_path: &Path, module: &Module, name: &str) -> Result<Library, String> {
    let path = beside(module_path, module, name);
    if let Some(path) = &path {
        elf::read(path).map_err(|why| format!("{name} ({}: {why})", path.display()))?;
    }
    let path = path.unwrap_or_else(|| PathBuf::from(name));
    // SAFETY: a library that the module asks for, which its own opening would run as well.
    unsafe { Library::open(&path, Scope::Global) }.map_err(|_| name.to_owned())
}

/// More files than any module brings along.
const MOST_HELPERS: usize = 64;

/// What the files say that the module brings along, by path, and those that they bring along themselves.
pub fn helpers(path: &Path, module: &Module) -> Vec<(PathBuf, Module)> {
    let brought = |path: &Path, module: &Module| -> Vec<PathBuf> {
        module.needed.iter().filter_map(|name| beside(path, module, name)).collect()
    };
    let mut found: Vec<(PathBuf, Module)> = Vec::new();
    let mut left = brought(path, module);
    while let Some(path) = left.pop().filter(|_| found.len() < MOST_HELPERS) {
        let path = path.canonicalize().unwrap_or(path);
        if found.iter().any(|helper| helper.0 == path) {
            continue;
        }
        let Ok(facts) = elf::read(&path) else { continue };
        left.extend(brought(&path, &facts));
        found.push((path, facts));
    }
    found
}

/// Libraries of the system that name functions of the core, of those that the module is linked with. They are open already.
pub fn installed_helpers(path: &Path, module: &Module) -> Vec<(PathBuf, Module)> {
    let by_name = module.needed.iter().filter(|name| beside(path, module, name).is_none());
    let files = by_name.filter_map(|name| open_needed(path, module, name).ok()?.path());
    files
        .filter(|file| names_the_core(file))
        .filter_map(|file| Some((elf::read(&file).ok()?, file)))
        .map(|(m, f)| (f, m))
        .collect()
}

/// Files that have been looked into. Most modules are linked with the same.
static NAMES_THE_CORE: Lock<Option<HashMap<PathBuf, bool>>> = Lock::new(None);

/// Is there a name of the core's among the file's texts?
fn names_the_core(file: &Path) -> bool {
    let mut known = NAMES_THE_CORE.lock();
    let known = known.get_or_insert_default();
    *known.entry(file.to_owned()).or_insert_with(|| {
        let (data, name) = (std::fs::read(file).unwrap_or_default(), b"\0janus_");
        // SAFETY: two slices with their lengths.
        let found =
            unsafe { libc::memmem(data.as_ptr().cast(), data.len(), name.as_ptr().cast(), name.len()) };
        !found.is_null()
    })
}

#[cfg(test)]
mod tests {
    use super::super::elf::Import;
    use super::*;

    fn import(name: &str, weak: bool) -> Import {
        Import { name: name.into(), weak }
    }

    #[test]
    fn names_everything_that_is_missing() {
        let module = Module {
            imports: vec![
                import("janus_vprintf", false),
                import("malloc", false),
                import("json_object", false),
                import("zz_missing", false),
                import("aa_missing", false),
                import("__gmon_start__", true),
            ],
            needed: vec!["libjansson.so.4".into(), "libnowhere.so.9".into()],
            ..Module::default()
        };
        let missing = missing(Path::new("/tmp/x.so"), &module);
        assert_eq!(missing.symbols, ["aa_missing", "zz_missing"]);
        assert_eq!(missing.libraries, ["libnowhere.so.9"]);
        assert_eq!(missing.to_string(), "symbols aa_missing, zz_missing; libraries libnowhere.so.9");
    }

    /// The dynamic linker is asked for nothing that is not sound, not by the module either.
    #[test]
    fn a_damaged_library_beside_a_module_is_missing() {
        let folder = std::env::temp_dir().join(format!("janus-rs-beside-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("libdamaged.so"), b"\x7fELF\x02\x01\x01").unwrap();
        let module = Module {
            needed: vec!["libdamaged.so".into()],
            run_path: Some("/nowhere:${ORIGIN}".into()),
            ..Module::default()
        };
        let missing = missing(&folder.join("ours.so"), &module);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(missing.to_string().contains("libdamaged.so: it is not a sound shared object"), "{missing}");
    }
}
