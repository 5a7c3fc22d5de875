//! A safe face of jansson: JSON crosses the boundary with modules as `json_t *`, so the control plane uses the same
//! values and nothing is converted.
//!
//! [`Json`] owns one reference. Counting is atomic (as jansson's own `json_incref` is since 2.11), so values may
//! move between threads; as in C, a value that another thread can see must not be changed any more.

use jansson_sys as sys;
use libc::{c_char, c_int};
use std::ffi::{CStr, CString};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

pub use sys::json_t;

/// `JSON_PRESERVE_ORDER` (a no-op since jansson 2.8) and friends, for [`Json::dump`].
pub mod dump {
    pub const INDENT_3: usize = 3;
    pub const COMPACT: usize = 0x20;
    pub const PRESERVE_ORDER: usize = 0x100;
    pub const ENCODE_ANY: usize = 0x200;
}

/// `JSON_REJECT_DUPLICATES` and friends are not used by Janus; arrays and objects only unless ANY.
pub mod load {
    pub const DECODE_ANY: usize = 0x4;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Integer,
    Real,
    True,
    False,
    Null,
}

/// One reference on a jansson value.
#[repr(transparent)]
pub struct Json(NonNull<json_t>);

// SAFETY: the reference count is only touched atomically, and values are not changed once shared.
unsafe impl Send for Json {}
// SAFETY: as above.
unsafe impl Sync for Json {}

/// Where and why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub line: i32,
    pub column: i32,
    pub source: String,
    pub text: String,
}

impl ParseError {
    /// Copies what a transport passes beside a missing message.
    ///
    /// # Safety
    /// `error` points to an initialised `json_error_t`.
    pub unsafe fn from_raw(error: *const sys::json_error_t) -> ParseError {
        // SAFETY: promised by the caller; both texts are NUL-terminated inside their arrays.
        unsafe {
            ParseError {
                line: (*error).line,
                column: (*error).column,
                source: CStr::from_ptr((&raw const (*error).source).cast()).to_string_lossy().into_owned(),
                text: CStr::from_ptr((&raw const (*error).text).cast()).to_string_lossy().into_owned(),
            }
        }
    }
}

impl Json {
    /// Takes over one reference; `None` for NULL.
    ///
    /// # Safety
    /// `value` is NULL or a jansson value of which the caller owns a reference.
    pub unsafe fn from_owned(value: *mut json_t) -> Option<Json> {
        NonNull::new(value).map(Json)
    }

    /// Adds a reference of our own; `None` for NULL.
    ///
    /// # Safety
    /// `value` is NULL or a live jansson value.
    pub unsafe fn from_borrowed(value: *mut json_t) -> Option<Json> {
        let value = NonNull::new(value)?;
        // SAFETY: live, as promised.
        unsafe { incref(value) };
        Some(Json(value))
    }

    /// The value itself, still owned by `self`.
    pub fn as_ptr(&self) -> *mut json_t {
        self.0.as_ptr()
    }

    /// Hands our reference to C.
    pub fn into_ptr(self) -> *mut json_t {
        let pointer = self.0.as_ptr();
        std::mem::forget(self);
        pointer
    }

    fn made(value: *mut json_t) -> Json {
        // jansson's constructors fail only without memory, which GLib and Rust answer with an abort as well.
        Json(NonNull::new(value).expect("jansson has memory"))
    }

    pub fn object() -> Json {
        // SAFETY: no arguments.
        Json::made(unsafe { sys::json_object() })
    }

    pub fn array() -> Json {
        // SAFETY: no arguments.
        Json::made(unsafe { sys::json_array() })
    }

    pub fn null() -> Json {
        // SAFETY: a static value, never counted.
        Json::made(unsafe { sys::json_null() })
    }

    /// Parses an object or array (any value with [`load::DECODE_ANY`]).
    pub fn parse(text: &[u8], flags: usize) -> Result<Json, ParseError> {
        let mut error: sys::json_error_t =
            sys::json_error_t { line: 0, column: 0, position: 0, source: [0; 80], text: [0; 160] };
        // SAFETY: pointer and length of a live slice; `error` is ours.
        let value = unsafe { sys::json_loadb(text.as_ptr().cast(), text.len(), flags, &raw mut error) };
        // SAFETY: jansson returns a new reference or NULL; on NULL it has filled `error`.
        unsafe { Json::from_owned(value).ok_or_else(|| ParseError::from_raw(&raw const error)) }
    }

    /// Serialises; `None` only for values that JSON cannot express at top level without `ENCODE_ANY`.
    pub fn dump(&self, flags: usize) -> Option<String> {
        /// Most replies are shorter.
        const USUAL: usize = 512;
        let mut bytes: Vec<u8> = Vec::with_capacity(USUAL);
        loop {
            let room = bytes.capacity();
            // SAFETY: live value; jansson writes at most `room` bytes, and tells how many there are in all.
            let length = unsafe { sys::json_dumpb(self.as_ptr(), bytes.as_mut_ptr().cast(), room, flags) };
            if length == 0 {
                return None;
            }
            if length <= room {
                // SAFETY: so many have been written.
                unsafe { bytes.set_len(length) };
                break;
            }
            bytes.reserve_exact(length);
        }
        // Modules may have put in anything.
        let text = String::from_utf8(bytes);
        Some(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    pub fn kind(&self) -> Kind {
        // SAFETY: live value; `type_` is set at creation and never changes.
        match unsafe { self.0.as_ref().type_ } {
            sys::json_type::JSON_OBJECT => Kind::Object,
            sys::json_type::JSON_ARRAY => Kind::Array,
            sys::json_type::JSON_STRING => Kind::String,
            sys::json_type::JSON_INTEGER => Kind::Integer,
            sys::json_type::JSON_REAL => Kind::Real,
            sys::json_type::JSON_TRUE => Kind::True,
            sys::json_type::JSON_FALSE => Kind::False,
            sys::json_type::JSON_NULL => Kind::Null,
        }
    }

    pub fn is_object(&self) -> bool {
        self.kind() == Kind::Object
    }

    pub fn is_array(&self) -> bool {
        self.kind() == Kind::Array
    }

    pub fn is_string(&self) -> bool {
        self.kind() == Kind::String
    }

    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        // SAFETY: live value of this type.
        (self.kind() == Kind::Integer).then(|| unsafe { sys::json_integer_value(self.as_ptr()) })
    }

    pub fn as_f64(&self) -> Option<f64> {
        // SAFETY: live value of this type.
        (self.kind() == Kind::Real).then(|| unsafe { sys::json_real_value(self.as_ptr()) })
    }

    /// The text; jansson guarantees UTF-8 for what it parsed, a module may have put in anything (`None` then).
    pub fn as_str(&self) -> Option<&str> {
        if self.kind() != Kind::String {
            return None;
        }
        // SAFETY: a string value owns its NUL-terminated buffer of that length as long as it lives.
        let bytes = unsafe {
            let length = sys::json_string_length(self.as_ptr());
            std::slice::from_raw_parts(sys::json_string_value(self.as_ptr()).cast::<u8>(), length)
        };
        std::str::from_utf8(bytes).ok()
    }

    /// Members of an object or elements of an array; 0 for other kinds.
    pub fn len(&self) -> usize {
        // SAFETY: live value; both functions return 0 for other types.
        unsafe {
            match self.kind() {
                Kind::Object => sys::json_object_size(self.as_ptr()),
                Kind::Array => sys::json_array_size(self.as_ptr()),
                _ => 0,
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The member of this name, with a reference of its own.
    pub fn get(&self, key: &str) -> Option<Json> {
        // SAFETY: NULL for other types or a missing member, else a live value that `self` owns.
        with_key(key, |key| unsafe { Json::from_borrowed(sys::json_object_get(self.as_ptr(), key)) })?
    }

    /// The element at `index`, with a reference of its own.
    pub fn at(&self, index: usize) -> Option<Json> {
        // SAFETY: NULL for other types or out of range.
        unsafe { Json::from_borrowed(sys::json_array_get(self.as_ptr(), index)) }
    }

    pub fn elements(&self) -> impl Iterator<Item = Json> + '_ {
        (0..if self.is_array() { self.len() } else { 0 }).filter_map(|i| self.at(i))
    }

    /// Names and values in insertion order.
    pub fn members(&self) -> Vec<(String, Json)> {
        let mut all = Vec::new();
        if !self.is_object() {
            return all;
        }
        // SAFETY: iteration over a live object that nobody changes meanwhile; keys and values belong to it.
        unsafe {
            let mut iter = sys::json_object_iter(self.as_ptr());
            while !iter.is_null() {
                let key = CStr::from_ptr(sys::json_object_iter_key(iter)).to_string_lossy().into_owned();
                if let Some(value) = Json::from_borrowed(sys::json_object_iter_value(iter)) {
                    all.push((key, value));
                }
                iter = sys::json_object_iter_next(self.as_ptr(), iter);
            }
        }
        all
    }

    /// Sets a member (appended when new). Names with NUL are ignored: C could not read them.
    pub fn set(&self, key: &str, value: impl Into<Json>) -> &Json {
        with_key(key, |key| {
            // SAFETY: the reference of `value` is handed over; a non-object makes jansson release it. The key is UTF-8.
            unsafe { sys::json_object_set_new_nocheck(self.as_ptr(), key, value.into().into_ptr()) }
        });
        self
    }

    /// [`Json::set`] when there is a value.
    pub fn set_some(&self, key: &str, value: Option<impl Into<Json>>) -> &Json {
        if let Some(value) = value {
            self.set(key, value);
        }
        self
    }

    /// Builder form of [`Json::set`].
    pub fn with(self, key: &str, value: impl Into<Json>) -> Json {
        self.set(key, value);
        self
    }

    /// Builder form of [`Json::set_some`].
    pub fn with_some(self, key: &str, value: Option<impl Into<Json>>) -> Json {
        self.set_some(key, value);
        self
    }

    pub fn remove(&self, key: &str) {
        // SAFETY: live value; other types and missing names are refused by jansson.
        with_key(key, |key| unsafe { sys::json_object_del(self.as_ptr(), key) });
    }

    /// Appends to an array.
    pub fn push(&self, value: impl Into<Json>) -> &Json {
        // SAFETY: the reference is handed over; a non-array makes jansson release it.
        unsafe { sys::json_array_append_new(self.as_ptr(), value.into().into_ptr()) };
        self
    }

    /// About how many bytes of memory it takes, as libjansson lays values out. Stops counting above `most`, so that a
    /// hostile value costs no time.
    pub fn weight(&self, most: usize) -> usize {
        self.weight_below(most, 64)
    }

    fn weight_below(&self, most: usize, levels: usize) -> usize {
        const NUMBER: usize = 32;
        const STRING: usize = 64;
        const ARRAY: usize = 128;
        const OBJECT: usize = 256;
        /// Of an object, beside key and value.
        const MEMBER: usize = 64;
        const ELEMENT: usize = 8;
        let mut weight = 0;
        let mut add = |place: usize, value: &Json| {
            weight += place;
            weight += value.weight_below(most.saturating_sub(weight), levels - 1);
            weight <= most
        };
        let own = match self.kind() {
            Kind::Integer | Kind::Real => NUMBER,
            // SAFETY: a string value.
            Kind::String => STRING + unsafe { sys::json_string_length(self.as_ptr()) },
            Kind::Array => {
                if levels > 0 {
                    self.elements().all(|element| add(ELEMENT, &element));
                }
                ARRAY
            }
            Kind::Object => {
                // SAFETY: iteration over a live object that nobody changes meanwhile; keys and values belong to it.
                unsafe {
                    let mut iter = sys::json_object_iter(self.as_ptr());
                    while levels > 0 && !iter.is_null() {
                        let key = libc::strlen(sys::json_object_iter_key(iter));
                        // Belongs to the object, which is lent to us: no reference of our own.
                        let value = NonNull::new(sys::json_object_iter_value(iter))
                            .map(|v| ManuallyDrop::new(Json(v)));
                        if value.is_some_and(|value| !add(MEMBER + key, &value)) {
                            break;
                        }
                        iter = sys::json_object_iter_next(self.as_ptr(), iter);
                    }
                }
                OBJECT
            }
            _ => 0,
        };
        own + weight
    }

    pub fn deep_copy(&self) -> Json {
        // SAFETY: live value; NULL only without memory.
        Json::made(unsafe { sys::json_deep_copy(self.as_ptr()) })
    }

    pub fn equals(&self, other: &Json) -> bool {
        // SAFETY: both are live.
        unsafe { sys::json_equal(self.as_ptr(), other.as_ptr()) == 1 }
    }
}

/// Lends a member's name to C; `None` for one with NUL, which C could not read. Names are short: no allocation.
fn with_key<T>(key: &str, act: impl FnOnce(*const c_char) -> T) -> Option<T> {
    const SHORT: usize = 48;
    if key.len() >= SHORT {
        return Some(act(CString::new(key).ok()?.as_ptr()));
    }
    let mut copy = [0; SHORT];
    copy[..key.len()].copy_from_slice(key.as_bytes());
    (!key.as_bytes().contains(&0)).then(|| act(copy.as_ptr().cast()))
}

/// # Safety
/// `value` is live.
unsafe fn incref(value: NonNull<json_t>) {
    // SAFETY: `refcount` is a plain size_t that every user changes atomically.
    let count = unsafe { AtomicUsize::from_ptr(&raw mut (*value.as_ptr()).refcount) };
    if count.load(Ordering::Relaxed) != usize::MAX {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Clone for Json {
    fn clone(&self) -> Json {
        // SAFETY: `self` keeps it alive.
        unsafe { incref(self.0) };
        Json(self.0)
    }
}

impl Drop for Json {
    fn drop(&mut self) {
        // SAFETY: we own one reference; as in jansson's macro, whoever takes the last one deletes.
        unsafe {
            let count = AtomicUsize::from_ptr(&raw mut (*self.0.as_ptr()).refcount);
            if count.load(Ordering::Relaxed) != usize::MAX && count.fetch_sub(1, Ordering::Release) == 1 {
                fence(Ordering::Acquire);
                sys::json_delete(self.0.as_ptr());
            }
        }
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.dump(dump::ENCODE_ANY | dump::COMPACT).unwrap_or_default())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        self.equals(other)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        // SAFETY: pointer and length of live UTF-8.
        Json::made(unsafe { sys::json_stringn_nocheck(text.as_ptr().cast::<c_char>(), text.len()) })
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::from(text.as_str())
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Json {
        Json::from(text.as_str())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        // SAFETY: static values.
        Json::made(unsafe { if value { sys::json_true() } else { sys::json_false() } })
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Json {
        // SAFETY: no pointers.
        Json::made(unsafe { sys::json_integer(value) })
    }
}

/// Ids: the signed 64-bit integer with the same bits, as the reference writes them.
impl From<u64> for Json {
    fn from(value: u64) -> Json {
        Json::from(value as i64)
    }
}

macro_rules! from_small_integers {
    ($($ty:ty)*) => { $(
        impl From<$ty> for Json {
            fn from(value: $ty) -> Json {
                Json::from(i64::from(value))
            }
        }
    )* };
}
from_small_integers!(i8 i16 i32 u8 u16 u32);

impl From<usize> for Json {
    fn from(value: usize) -> Json {
        Json::from(value as i64)
    }
}

impl From<f64> for Json {
    fn from(value: f64) -> Json {
        // SAFETY: no pointers; NaN and infinities have no JSON form and become null.
        unsafe { Json::from_owned(sys::json_real(value)) }.unwrap_or_else(Json::null)
    }
}

impl From<&Json> for Json {
    fn from(value: &Json) -> Json {
        value.clone()
    }
}

impl<T: Into<Json>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Json {
        let array = Json::array();
        for item in items {
            array.push(item);
        }
        array
    }
}

unsafe extern "C" {
    fn jansson_version_str() -> *const c_char;
}

/// Version of the library in this process.
pub fn version() -> String {
    // SAFETY: a constant, NUL-terminated text of the library.
    unsafe { CStr::from_ptr(jansson_version_str()) }.to_string_lossy().into_owned()
}

/// What `json_type` codes mean to `janus_json_is_valid`.
pub fn type_code(value: &Json) -> c_int {
    // SAFETY: live value.
    unsafe { value.0.as_ref().type_ as c_int }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_keeps_order() {
        let text = r#"{"b":1,"a":[true,null,"x\u00e9",1.5]}"#;
        let value = Json::parse(text.as_bytes(), 0).unwrap();
        assert_eq!(value.dump(dump::COMPACT).unwrap(), "{\"b\":1,\"a\":[true,null,\"xé\",1.5]}");
        assert_eq!(value.get("b").unwrap().as_i64(), Some(1));
        assert_eq!(value.get("a").unwrap().at(2).unwrap().as_str(), Some("xé"));
        assert_eq!(value.members().iter().map(|m| m.0.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn errors_say_where() {
        let error = Json::parse(b"{\"a\":\n x}", 0).unwrap_err();
        assert_eq!(error.line, 2);
        assert!(!error.text.is_empty());
    }

    #[test]
    fn references_are_counted() {
        let inner = Json::from("text");
        let outer = Json::object().with("k", &inner);
        drop(outer);
        assert_eq!(inner.as_str(), Some("text"));
        let copy = Json::object().with("k", inner.clone()).deep_copy();
        drop(inner);
        assert_eq!(copy.get("k").unwrap().as_str(), Some("text"));
    }
}
