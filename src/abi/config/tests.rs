use super::*;
use crate::glib::FALSE;
use std::ffi::{CStr, CString};
use std::fs;

/// The variadic function as C sees it.
type Search = unsafe extern "C" fn(*mut janus_config, ...) -> Container;

const NONE: Container = ptr::null_mut();

fn new(name: &CStr) -> *mut janus_config {
    // SAFETY: a C string.
    unsafe { janus_config_create(name.as_ptr()) }
}

fn item(name: &CStr, value: &CStr) -> Container {
    // SAFETY: C strings.
    unsafe { janus_config_item_create(name.as_ptr(), value.as_ptr()) }
}

/// Names below a parent, in order.
fn names(list: *mut GList) -> Vec<String> {
    // SAFETY: a list of live containers.
    unsafe {
        glib::iter::<janus_config_container>(list)
            .map(|c| glib::text((*c).name).unwrap_or_default())
            .collect()
    }
}

#[test]
fn adding_replaces_and_moves_to_the_end() {
    // HL-006, HL-007, HL-008, CP-015, CP-018
    let config = new(c"x.jcfg");
    // SAFETY: our own tree.
    unsafe {
        for (name, value) in [(c"a", c"1"), (c"b", c"2"), (c"A", c"3")] {
            assert_eq!(janus_config_add(config, NONE, item(name, value)), 0);
        }
        assert_eq!(names((*config).list), ["b", "A"]);
        let found = janus_config_get(config, NONE, ITEM, c"a".as_ptr());
        assert_eq!(CStr::from_ptr((*found).value), c"3");
        assert_eq!(janus_config_add(config, NONE, found), 0);
        assert_eq!(names((*config).list), ["b", "A"]);
        let array = janus_config_get_create(config, NONE, ARRAY, c"l".as_ptr());
        for _ in 0..3 {
            janus_config_add(config, array, janus_config_item_create(ptr::null(), c"same".as_ptr()));
        }
        let items = janus_config_get_items(config, array);
        assert_eq!(glib_sys::g_list_length(items), 3);
        glib_sys::g_list_free(items);
        janus_config_destroy(config);
    }
}

#[test]
fn lookups_mind_kind_and_parent() {
    // HL-009, HL-010, HL-021, CP-016, CP-017, CP-019
    let config = new(c"x.cfg");
    // SAFETY: our own tree; the variadic function has the type of the header.
    unsafe {
        let search: Search = std::mem::transmute(janus_config_search as *const ());
        assert_eq!((*config).is_jcfg, FALSE);
        let one = item(c"one", c"1");
        janus_config_add(config, NONE, one);
        let spare = item(c"two", c"2");
        assert_eq!(janus_config_add(config, one, spare), -2);
        assert_eq!(janus_config_remove(config, one, c"x".as_ptr()), -2);
        assert_eq!(janus_config_remove(config, NONE, c"x".as_ptr()), -3);
        assert_eq!(janus_config_remove(config, NONE, ptr::null()), -1);
        assert_eq!(janus_config_add(config, NONE, NONE), -1);
        assert!(janus_config_get(config, one, ANY, c"x".as_ptr()).is_null());
        assert!(janus_config_get(config, NONE, CATEGORY, c"one".as_ptr()).is_null());
        assert!(janus_config_get_create(config, NONE, ITEM, c"new".as_ptr()).is_null());
        assert!(janus_config_get_create(config, NONE, ANY, c"new".as_ptr()).is_null());
        assert!(janus_config_get_create(config, one, CATEGORY, c"new".as_ptr()).is_null());
        assert_eq!(names((*config).list), ["one"]);
        let category = janus_config_get_create(config, NONE, CATEGORY, c"cat".as_ptr());
        assert_eq!(janus_config_get_create(config, NONE, CATEGORY, c"CAT".as_ptr()), category);
        assert!(janus_config_get_items(config, category).is_null());
        assert_eq!(janus_config_add(config, category, spare), 0);
        let found = search(config, c"Cat".as_ptr(), c"TWO".as_ptr(), ptr::null::<c_char>());
        assert_eq!(found, spare);
        assert!(search(config, c"cat".as_ptr(), c"x".as_ptr(), ptr::null::<c_char>()).is_null());
        assert!(search(config, ptr::null::<c_char>()).is_null());
        let categories = janus_config_get_categories(config, NONE);
        assert_eq!(names(categories), ["cat"]);
        glib_sys::g_list_free(categories);
        assert!(janus_config_get_arrays(config, NONE).is_null());
        // Another kind under the same name takes the place of the first.
        assert!(!janus_config_get_create(config, NONE, ARRAY, c"cat".as_ptr()).is_null());
        assert!(janus_config_get(config, NONE, CATEGORY, c"cat".as_ptr()).is_null());
        assert_eq!(janus_config_remove(config, NONE, c"ONE".as_ptr()), 0);
        janus_config_destroy(config);
    }
}

#[test]
fn null_is_harmless() {
    // HL-002, HL-018, HL-022
    // SAFETY: NULL everywhere.
    unsafe {
        assert!(janus_config_parse(ptr::null()).is_null());
        assert!(janus_config_parse(c"/nonexistent/x.jcfg".as_ptr()).is_null());
        assert!(janus_config_create(ptr::null()).is_null());
        assert!(janus_config_item_create(ptr::null(), ptr::null()).is_null());
        assert_eq!(janus_config_save(ptr::null_mut(), c"/tmp".as_ptr(), c"x".as_ptr()), -1);
        janus_config_destroy(ptr::null_mut());
        janus_config_container_destroy(NONE);
        janus_config_container_destroy(janus_config_category_create(ptr::null()));
        janus_config_print(ptr::null_mut());
    }
}

#[test]
fn saved_trees_read_back() {
    // HL-005, HL-015, HL-018, HL-019, CP-020
    let folder = std::env::temp_dir().join(format!("janus-rs-abi-config-{}", std::process::id()));
    let c_folder = CString::new(folder.as_os_str().as_bytes()).expect("no NUL");
    let config = new(c"x.jcfg");
    // SAFETY: our own trees.
    unsafe {
        let list = janus_config_get_create(config, NONE, ARRAY, c"list".as_ptr());
        janus_config_add(config, list, janus_config_item_create(ptr::null(), c"a".as_ptr()));
        let group = janus_config_category_create(ptr::null());
        janus_config_add(config, list, group);
        janus_config_add(config, group, item(c"in", c"\"1\""));
        assert_eq!(janus_config_save(config, c_folder.as_ptr(), c"x".as_ptr()), 0);
        let path = CString::new(folder.join("x.jcfg").as_os_str().as_bytes()).expect("no NUL");
        let read = janus_config_parse(path.as_ptr());
        assert!(!read.is_null());
        assert_eq!(from_c(read), from_c(config));
        assert_eq!(janus_config_save(config, c"/proc/nope".as_ptr(), c"x".as_ptr()), -2);
        assert_eq!(janus_config_save(config, c"/proc".as_ptr(), c"x".as_ptr()), -3);
        janus_config_destroy(read);
        janus_config_destroy(config);
    }
    fs::remove_dir_all(folder).expect("cleans up");
}
