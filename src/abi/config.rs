//! `config.h`: configuration trees. Modules walk the C structs, so the tree functions work on those; reading,
//! writing and printing go through [`crate::config`].

use crate::config::{Body, Config, ConfigError, Format, Node, Nodes, SaveError, no_include};
use crate::glib::{self, GList, gboolean};
use crate::log::Place;
use crate::util::lock::Lock;
use crate::util::time;
use libc::{c_char, c_int};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// `janus_config_type`.
pub const ANY: c_int = 1;
pub const ITEM: c_int = 2;
pub const CATEGORY: c_int = 3;
pub const ARRAY: c_int = 4;

/// VERB, the level of `janus_config_print`.
const PRINT_LEVEL: c_int = 5;

#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_config {
    pub is_jcfg: gboolean,
    pub name: *mut c_char,
    /// Of [`janus_config_container`], in file order.
    pub list: *mut GList,
}

assert_layout!(janus_config: 24; is_jcfg @ 0, name @ 8, list @ 16);

/// An item, a category or an array, by `kind` (`type` in C).
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct janus_config_container {
    pub kind: c_int,
    pub name: *mut c_char,
    pub value: *mut c_char,
    pub list: *mut GList,
}

assert_layout!(janus_config_container: 32; kind @ 0, name @ 8, value @ 16, list @ 24);

/// Files that a program has given in its memory, by their base name.
static IN_MEMORY: Lock<BTreeMap<String, String>> = Lock::new(BTreeMap::new());

/// Sets the files that modules find in memory instead of on disk.
pub fn set_files_in_memory(files: BTreeMap<String, String>) {
    *IN_MEMORY.lock() = files;
}

fn parse(path: &Path) -> Result<Config, ConfigError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = IN_MEMORY.lock().get(name.as_ref()).cloned();
    match text {
        Some(text) => Config::parse(&name, text.as_bytes(), &no_include),
        None => Config::parse_file(path),
    }
}

type Container = *mut janus_config_container;

/// Makes a container; it owns the strings and the list.
fn container(kind: c_int, name: *mut c_char, value: *mut c_char, list: *mut GList) -> Container {
    let new: Container = glib::new0();
    // SAFETY: a fresh block of that type.
    unsafe { new.write(janus_config_container { kind, name, value, list }) };
    new
}

fn list_to_c(nodes: &Nodes) -> *mut GList {
    let all: Vec<Container> = nodes.iter().map(to_c).collect();
    glib::list(all.into_iter())
}

fn to_c(node: &Node) -> Container {
    let name = glib::strdup_opt(node.name.as_deref());
    match &node.body {
        Body::Item(value) => container(ITEM, name, glib::strdup_opt(value.as_deref()), ptr::null_mut()),
        Body::Category(nodes) => container(CATEGORY, name, ptr::null_mut(), list_to_c(nodes)),
        Body::Array(nodes) => container(ARRAY, name, ptr::null_mut(), list_to_c(nodes)),
    }
}

/// # Safety
/// `list` holds live containers.
unsafe fn list_from_c(list: *mut GList) -> Nodes {
    // SAFETY: promised by the caller; the strings of a container live as long as it does.
    unsafe {
        glib::iter::<janus_config_container>(list)
            .map(|child| {
                let name = glib::text((*child).name);
                let body = match (*child).kind {
                    CATEGORY => Body::Category(list_from_c((*child).list)),
                    ARRAY => Body::Array(list_from_c((*child).list)),
                    _ => Body::Item(glib::text((*child).value)),
                };
                Node { name, body }
            })
            .collect()
    }
}

/// # Safety
/// `config` is live.
unsafe fn from_c(config: *mut janus_config) -> Config {
    // SAFETY: promised by the caller.
    unsafe {
        let format = if (*config).is_jcfg != glib::FALSE { Format::Jcfg } else { Format::Ini };
        let name = glib::text((*config).name).unwrap_or_default();
        Config { name, format, root: list_from_c((*config).list) }
    }
}

fn config_to_c(config: &Config) -> *mut janus_config {
    let new: *mut janus_config = glib::new0();
    let is_jcfg = (config.format == Format::Jcfg).into();
    // SAFETY: a fresh block of that type.
    unsafe {
        new.write(janus_config { is_jcfg, name: glib::strdup(&config.name), list: list_to_c(&config.root) })
    };
    new
}

/// The list that `parent`, or the root for NULL, holds; `None` when the parent is an item.
///
/// # Safety
/// Both are live or, for `parent`, NULL.
unsafe fn children(config: *mut janus_config, parent: Container) -> Option<*mut *mut GList> {
    // SAFETY: promised by the caller.
    unsafe {
        match parent.is_null() {
            true => Some(&raw mut (*config).list),
            false => ((*parent).kind != ITEM).then_some(&raw mut (*parent).list),
        }
    }
}

/// The first child of that type and name; names ignore ASCII case (HL-006). NULL when there is none.
///
/// # Safety
/// `list` holds live containers; `name` is a C string.
unsafe fn find(list: *mut GList, kind: c_int, name: *const c_char) -> Container {
    // SAFETY: promised by the caller.
    unsafe {
        let wanted = glib::bytes(name).unwrap_or_default();
        glib::iter::<janus_config_container>(list)
            .find(|&child| {
                (kind == ANY || kind == (*child).kind)
                    && glib::bytes((*child).name).is_some_and(|own| own.eq_ignore_ascii_case(wanted))
            })
            .unwrap_or(ptr::null_mut())
    }
}

/// # Safety
/// `gone` is live, belongs to the caller, and is in no list.
unsafe fn destroy(gone: Container) {
    // SAFETY: promised by the caller; a container owns its strings and its children.
    unsafe {
        destroy_list((*gone).list);
        glib::free((*gone).name);
        glib::free((*gone).value);
        glib::free(gone);
    }
}

/// # Safety
/// The list and the containers in it belong to the caller.
unsafe fn destroy_list(list: *mut GList) {
    // SAFETY: promised by the caller.
    unsafe {
        glib::iter(list).for_each(|child| destroy(child));
        glib_sys::g_list_free(list);
    }
}

/// Unlinks and frees the first child of that name; false when there is none.
///
/// # Safety
/// `list` points to a list of live containers; `name` is a C string.
unsafe fn remove(list: *mut *mut GList, name: *const c_char) -> bool {
    // SAFETY: promised by the caller.
    unsafe {
        let gone = find(*list, ANY, name);
        if gone.is_null() {
            return false;
        }
        *list = glib_sys::g_list_remove(*list, gone.cast());
        destroy(gone);
        true
    }
}

/// Appends a child; one of the same name goes first (HL-007). The same child again just moves to the end.
///
/// # Safety
/// `list` points to a list of live containers; `child` is live and in no other list.
unsafe fn append(list: *mut *mut GList, child: Container) {
    // SAFETY: promised by the caller.
    unsafe {
        *list = glib_sys::g_list_remove(*list, child.cast());
        if !(*child).name.is_null() {
            remove(list, (*child).name);
        }
        *list = glib_sys::g_list_append(*list, child.cast());
    }
}

/// The children of one type, as a new list (HL-010).
///
/// # Safety
/// As [`children`].
unsafe fn of_kind(config: *mut janus_config, parent: Container, kind: c_int) -> *mut GList {
    // SAFETY: promised by the caller.
    unsafe {
        let Some(list) = children(config, parent) else { return ptr::null_mut() };
        let found: Vec<Container> =
            glib::iter(*list).filter(|&child: &Container| (*child).kind == kind).collect();
        glib::list(found.into_iter())
    }
}

export! {
    /// Reads a file; NULL when that fails, with the reason in the log (HL-001 … HL-003). The caller destroys it.
    "config.h" fn janus_config_parse(path: *const c_char) -> *mut janus_config
        as nonnull(path) or ptr::null_mut(); {
        // SAFETY: not NULL, a C string.
        let path = Path::new(OsStr::from_bytes(unsafe { glib::bytes(path) }.unwrap_or_default()));
        match parse(path) {
            Ok(config) => config_to_c(&config),
            Err(error) => {
                tracing::error!("{error}");
                ptr::null_mut()
            }
        }
    }

    /// An empty tree; `.jcfg` in the name decides its format.
    "config.h" fn janus_config_create(name: *const c_char) -> *mut janus_config
        as nonnull(name) or ptr::null_mut(); {
        // SAFETY: not NULL, a C string.
        config_to_c(&Config::new(&unsafe { glib::text(name) }.unwrap_or_default()))
    }

    /// Frees the whole tree; NULL is fine (HL-022).
    "config.h" fn janus_config_destroy(config: *mut janus_config) as nonnull(config) or (); {
        // SAFETY: the caller gives the tree up.
        unsafe {
            destroy_list((*config).list);
            glib::free((*config).name);
            glib::free(config);
        }
    }

    /// Prints at level VERB (HL-020).
    "config.h" fn janus_config_print(config: *mut janus_config) as nonnull(config) or (); {
        // SAFETY: a live tree.
        print(&unsafe { from_c(config) }, PRINT_LEVEL);
    }

    /// Prints at a level, one line of the log each.
    "config.h" fn janus_config_print_as(config: *mut janus_config, level: c_int) as nonnull(config) or (); {
        // SAFETY: a live tree.
        print(&unsafe { from_c(config) }, level);
    }

    /// Writes `folder/filename` plus the extension of its format. 0, -1 without a tree, -2 when the folder cannot be
    /// created, -3 when the file cannot be written (HL-015 … HL-019).
    "config.h" fn janus_config_save(config: *mut janus_config, folder: *const c_char, filename: *const c_char)
        -> c_int as nonnull(config, filename) or -1; {
        // SAFETY: a live tree and C strings; the folder may be NULL.
        let (config, folder, filename) =
            unsafe { (from_c(config), glib::bytes(folder), glib::text(filename)) };
        let folder = folder.map(|folder| Path::new(OsStr::from_bytes(folder)));
        let date = glib::local_date(time::real() / 1_000_000);
        match config.save(folder, &filename.unwrap_or_default(), &date) {
            Ok(()) => 0,
            Err(error) => {
                tracing::error!("{error}");
                match error {
                    SaveError::Folder(_) => -2,
                    SaveError::File(_) => -3,
                }
            }
        }
    }

    /// A new item; NULL only when both are NULL (elements of arrays have no name).
    "config.h" fn janus_config_item_create(name: *const c_char, value: *const c_char) -> Container
        as nonnull() or ptr::null_mut(); {
        if name.is_null() && value.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: C strings or NULL.
        unsafe { container(ITEM, glib_sys::g_strdup(name), glib_sys::g_strdup(value), ptr::null_mut()) }
    }

    /// A new category; the name may be NULL.
    "config.h" fn janus_config_category_create(name: *const c_char) -> Container as nonnull() or ptr::null_mut(); {
        // SAFETY: a C string or NULL.
        container(CATEGORY, unsafe { glib_sys::g_strdup(name) }, ptr::null_mut(), ptr::null_mut())
    }

    /// A new array; the name may be NULL.
    "config.h" fn janus_config_array_create(name: *const c_char) -> Container as nonnull() or ptr::null_mut(); {
        // SAFETY: a C string or NULL.
        container(ARRAY, unsafe { glib_sys::g_strdup(name) }, ptr::null_mut(), ptr::null_mut())
    }

    /// Frees a container and all below it; it must be in no list. NULL is fine (HL-022).
    "config.h" fn janus_config_container_destroy(gone: Container) as nonnull(gone) or (); {
        // SAFETY: the caller gives it up.
        unsafe { destroy(gone) }
    }

    /// The first child of `parent` (NULL: the root) of that type and name, borrowed, or NULL (CP-016).
    "config.h" fn janus_config_get(config: *mut janus_config, parent: Container, kind: c_int, name: *const c_char)
        -> Container as nonnull(config, name) or ptr::null_mut(); {
        // SAFETY: live tree, parent of it, C string.
        unsafe { children(config, parent).map_or(ptr::null_mut(), |list| find(*list, kind, name)) }
    }

    /// As `janus_config_get`, but a missing category or array is added (HL-009, CP-017).
    "config.h" fn janus_config_get_create(config: *mut janus_config, parent: Container, kind: c_int,
        name: *const c_char) -> Container as nonnull(config, name) or ptr::null_mut(); {
        // SAFETY: live tree, parent of it, C string.
        unsafe {
            let Some(list) = children(config, parent) else { return ptr::null_mut() };
            let found = find(*list, kind, name);
            if !found.is_null() {
                return found;
            }
            if kind != CATEGORY && kind != ARRAY {
                tracing::warn!("Not a category and not an array, not creating anything...");
                return ptr::null_mut();
            }
            let new = container(kind, glib_sys::g_strdup(name), ptr::null_mut(), ptr::null_mut());
            append(list, new);
            new
        }
    }

    /// Takes `child` over as the last child of `parent` (NULL: the root); one of the same name is destroyed first.
    /// 0, -1 without a tree or child, -2 when the parent is an item (HL-007, HL-008, CP-018).
    "config.h" fn janus_config_add(config: *mut janus_config, parent: Container, child: Container) -> c_int
        as nonnull(config, child) or -1; {
        // SAFETY: live tree, parent of it, a child that the caller gives up.
        unsafe {
            let Some(list) = children(config, parent) else { return -2 };
            append(list, child);
        }
        0
    }

    /// Destroys the child of that name. 0, -1 without a tree or name, -2 when the parent is an item, -3 when there
    /// is none (HL-021, CP-019).
    "config.h" fn janus_config_remove(config: *mut janus_config, parent: Container, name: *const c_char) -> c_int
        as nonnull(config, name) or -1; {
        // SAFETY: live tree, parent of it, C string.
        unsafe {
            let Some(list) = children(config, parent) else { return -2 };
            if remove(list, name) { 0 } else { -3 }
        }
    }

    /// The items below `parent` (NULL: the root) in order. The caller frees the list, not what is in it (HL-010).
    "config.h" fn janus_config_get_items(config: *mut janus_config, parent: Container) -> *mut GList
        as nonnull(config) or ptr::null_mut(); {
        // SAFETY: live tree, parent of it.
        unsafe { of_kind(config, parent, ITEM) }
    }

    /// The categories, as `janus_config_get_items`.
    "config.h" fn janus_config_get_categories(config: *mut janus_config, parent: Container) -> *mut GList
        as nonnull(config) or ptr::null_mut(); {
        // SAFETY: live tree, parent of it.
        unsafe { of_kind(config, parent, CATEGORY) }
    }

    /// The arrays, as `janus_config_get_items`.
    "config.h" fn janus_config_get_arrays(config: *mut janus_config, parent: Container) -> *mut GList
        as nonnull(config) or ptr::null_mut(); {
        // SAFETY: live tree, parent of it.
        unsafe { of_kind(config, parent, ARRAY) }
    }
}

export_variadic! {
    /// Follows names from the root down, ended by NULL; borrowed, or NULL.
    "config.h" fn janus_config_search => janus_rs_shim_config_search;
}

fn print(config: &Config, level: c_int) {
    let place = Place { file: "config.rs", function: "janus_config_print_as", line: line!() };
    super::log::print(level, place, &config.lines());
}

#[cfg(test)]
mod tests;
