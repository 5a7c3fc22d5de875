//! Checks of JSON values, as the validation macros inside modules use them.

use crate::glib::{FALSE, gboolean};
use crate::json::{Json, Kind, json_t};
use libc::{c_char, c_int, c_uint};
use std::ptr;

const FLAG_POSITIVE: c_uint = 2;
const FLAG_NONEMPTY: c_uint = 4;

/// jansson's numbering of types.
const JSON_OBJECT: c_int = 0;
const JSON_ARRAY: c_int = 1;
const JSON_STRING: c_int = 2;
const JSON_INTEGER: c_int = 3;
const JSON_REAL: c_int = 4;
const JSON_TRUE: c_int = 5;

export! {
    /// Whether `val` has the type (either boolean for JSON_TRUE) and passes the flags (HL-224).
    "utils.h" fn janus_json_is_valid(val: *mut json_t, jtype: c_int, flags: c_uint) -> gboolean
        as nonnull(val) or FALSE; {
        // SAFETY: not NULL and live by the header's contract.
        let Some(value) = (unsafe { Json::from_borrowed(val) }) else { return FALSE };
        gboolean::from(is_valid(&value, jtype, flags))
    }

    /// Writes "a positive integer" and the like into 20 bytes (HL-225).
    "utils.h" fn janus_get_json_type_name(jtype: c_int, flags: c_uint, type_name: *mut c_char)
        as nonnull(type_name) or (); {
        let name = type_name_of(jtype, flags);
        // SAFETY: the buffer has 20 bytes; the longest name, "a non-empty boolean", has 19.
        unsafe {
            ptr::copy_nonoverlapping(name.as_ptr(), type_name.cast(), name.len());
            type_name.add(name.len()).write(0);
        }
    }
}

fn is_valid(value: &Json, jtype: c_int, flags: c_uint) -> bool {
    let same = match value.kind() {
        Kind::True | Kind::False => jtype == JSON_TRUE || jtype == crate::json::type_code(value),
        _ => jtype == crate::json::type_code(value),
    };
    if !same {
        return false;
    }
    if flags & FLAG_POSITIVE != 0 {
        return match jtype {
            JSON_INTEGER => value.as_i64().is_some_and(|n| n >= 0),
            JSON_REAL => value.as_f64().is_some_and(|n| n >= 0.0),
            _ => true,
        };
    }
    if flags & FLAG_NONEMPTY != 0 {
        return match jtype {
            JSON_STRING => value.as_str().is_none_or(|s| !s.is_empty()),
            JSON_ARRAY => !value.is_empty(),
            _ => true,
        };
    }
    true
}

fn type_name_of(jtype: c_int, flags: c_uint) -> String {
    let article = if flags & FLAG_POSITIVE != 0 {
        "a positive "
    } else if flags & FLAG_NONEMPTY != 0 {
        "a non-empty "
    } else if matches!(jtype, JSON_INTEGER | JSON_ARRAY | JSON_OBJECT) {
        "an "
    } else {
        "a "
    };
    let name = match jtype {
        JSON_TRUE => "boolean",
        JSON_INTEGER => "integer",
        JSON_REAL => "real",
        JSON_STRING => "string",
        JSON_ARRAY => "array",
        JSON_OBJECT => "object",
        _ => "",
    };
    format!("{article}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    // HL-224
    #[test]
    fn validity() {
        assert!(is_valid(&Json::from(true), JSON_TRUE, 0) && is_valid(&Json::from(false), JSON_TRUE, 0));
        assert!(is_valid(&Json::from(0i64), JSON_INTEGER, FLAG_POSITIVE));
        assert!(!is_valid(&Json::from(-1i64), JSON_INTEGER, FLAG_POSITIVE));
        assert!(!is_valid(&Json::from(""), JSON_STRING, FLAG_NONEMPTY));
        assert!(!is_valid(&Json::array(), JSON_ARRAY, FLAG_NONEMPTY | 1));
        assert!(!is_valid(&Json::from("1"), JSON_INTEGER, 0));
    }

    // HL-225
    #[test]
    fn names() {
        assert_eq!(type_name_of(JSON_INTEGER, FLAG_POSITIVE), "a positive integer");
        assert_eq!(type_name_of(JSON_STRING, FLAG_NONEMPTY), "a non-empty string");
        assert_eq!(type_name_of(JSON_OBJECT, 0), "an object");
        assert!((0..8).all(|t| (0..8).all(|f| type_name_of(t, f).len() < 20)));
    }
}
