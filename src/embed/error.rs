//! How a call fails: a code, and a text for this thread.

use super::types::janus_rs_code as Code;
use super::types::janus_rs_code::*;
use crate::links::Fault;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a call failed.
#[derive(Debug)]
pub struct Error {
    code: Code,
    text: String,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        let text = fault.to_string();
        match fault {
            Fault::Invalid(_) => Error::invalid(text),
            Fault::Missing(_) => Error::new(JANUS_RS_ENOENT, text),
            Fault::TooLarge(_) => Error::new(JANUS_RS_ETOOBIG, text),
            Fault::State(_) => Error::state(text),
        }
    }
}

impl Error {
    pub fn new(code: Code, text: impl Into<String>) -> Error {
        Error { code, text: text.into() }
    }

    pub fn invalid(text: impl Into<String>) -> Error {
        Error::new(JANUS_RS_EINVAL, text)
    }

    pub fn state(text: impl Into<String>) -> Error {
        Error::new(JANUS_RS_ESTATE, text)
    }

    pub fn code(&self) -> Code {
        self.code
    }
}

pub type Result<T> = std::result::Result<T, Error>;

thread_local! {
    /// What janus_rs_error() returns on this thread.
    static LAST: RefCell<CString> = RefCell::default();
}

/// Runs the body of a function of the API: its result, or the code of its error, whose text is kept for this thread.
pub fn call(body: impl FnOnce() -> Result<c_int>) -> c_int {
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(result)) => return result,
        Ok(Err(error)) => error,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!("panic: {text}");
            Error::new(JANUS_RS_EINTERNAL, format!("defect of the library: {text}"))
        }
    };
    let text = CString::new(error.text.replace('\0', " ")).unwrap_or_default();
    LAST.with_borrow_mut(|last| *last = text);
    error.code as c_int
}

/// The text of the last error; valid until this thread's next one.
pub fn last() -> *const c_char {
    LAST.with_borrow(|last| last.as_ptr())
}

/// The name of a code.
pub fn name(code: c_int) -> &'static CStr {
    const NAMES: [&CStr; 17] = [
        c"JANUS_RS_OK",
        c"JANUS_RS_EINVAL",
        c"JANUS_RS_ESTATE",
        c"JANUS_RS_ENOENT",
        c"JANUS_RS_EAGAIN",
        c"JANUS_RS_ETIMEDOUT",
        c"JANUS_RS_ETOOBIG",
        c"JANUS_RS_ESDP",
        c"JANUS_RS_EMODULE",
        c"JANUS_RS_ESYSTEM",
        c"JANUS_RS_EBUSY",
        c"JANUS_RS_EDEADLK",
        c"JANUS_RS_EFORK",
        c"JANUS_RS_EDENIED",
        c"JANUS_RS_ESTALE",
        c"JANUS_RS_ENOSUP",
        c"JANUS_RS_EINTERNAL",
    ];
    let known = code.checked_neg().and_then(|n| usize::try_from(n).ok()).and_then(|n| NAMES.get(n));
    known.copied().unwrap_or(if code > 0 { NAMES[0] } else { c"unknown" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_codes() {
        assert_eq!(name(JANUS_RS_EINVAL as c_int), c"JANUS_RS_EINVAL");
        assert_eq!(name(JANUS_RS_EINTERNAL as c_int), c"JANUS_RS_EINTERNAL");
        assert_eq!([name(3), name(-17), name(c_int::MIN)], [c"JANUS_RS_OK", c"unknown", c"unknown"]);
    }

    #[test]
    fn a_panic_is_an_error_with_a_text() {
        assert_eq!(call(|| panic!("over")), JANUS_RS_EINTERNAL as c_int);
        // SAFETY: this thread's text, and no call in between.
        assert!(unsafe { CStr::from_ptr(last()) }.to_string_lossy().contains("over"));
    }
}
