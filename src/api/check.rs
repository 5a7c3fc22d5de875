//! Validation of members, with the texts that clients see (control-plane.md §3.1).

use crate::core::errors::{ApiError, Code};
use crate::json::Json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    /// Zero is allowed, whatever the text says.
    PositiveInteger,
    Integer,
    Boolean,
    Object,
    Array,
    NonEmptyArray,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Kind::String => "a string",
            Kind::PositiveInteger => "a positive integer",
            Kind::Integer => "an integer",
            Kind::Boolean => "a boolean",
            Kind::Object => "an object",
            Kind::Array => "an array",
            Kind::NonEmptyArray => "a non-empty array",
        }
    }

    fn fits(self, value: &Json) -> bool {
        match self {
            Kind::String => value.is_string(),
            Kind::PositiveInteger => value.as_i64().is_some_and(|n| n >= 0),
            Kind::Integer => value.as_i64().is_some(),
            Kind::Boolean => value.as_bool().is_some(),
            Kind::Object => value.is_object(),
            Kind::Array => value.is_array(),
            Kind::NonEmptyArray => value.is_array() && !value.is_empty(),
        }
    }
}

/// Members of one object.
pub struct Members<'a> {
    object: &'a Json,
    /// `JSEP error: ` and the like; the texts begin in lower case after it.
    prefix: &'static str,
}

impl<'a> Members<'a> {
    pub fn of(object: &'a Json) -> Members<'a> {
        Members { object, prefix: "" }
    }

    pub fn with_prefix(object: &'a Json, prefix: &'static str) -> Members<'a> {
        Members { object, prefix }
    }

    pub fn required(&self, name: &str, kind: Kind) -> Result<Json, ApiError> {
        self.optional(name, kind)?.ok_or_else(|| {
            let text = if self.prefix.is_empty() { "Missing" } else { "missing" };
            ApiError::new(Code::MissingElement, format!("{}{text} mandatory element ({name})", self.prefix))
        })
    }

    /// Null is present, with the wrong type.
    pub fn optional(&self, name: &str, kind: Kind) -> Result<Option<Json>, ApiError> {
        match self.object.get(name) {
            Some(value) if !kind.fits(&value) => Err(self.wrong(name, kind.text())),
            value => Ok(value),
        }
    }

    pub fn wrong(&self, name: &str, should_be: &str) -> ApiError {
        let text = if self.prefix.is_empty() { "Invalid" } else { "invalid" };
        let reason = format!("{}{text} element type ({name} should be {should_be})", self.prefix);
        ApiError::new(Code::InvalidElementType, reason)
    }

    pub fn text(&self, name: &str) -> Result<String, ApiError> {
        // jansson texts from a transport are UTF-8; a module's own object may hold anything.
        self.required(name, Kind::String).map(|v| v.as_str().unwrap_or_default().to_owned())
    }

    pub fn optional_text(&self, name: &str) -> Result<Option<String>, ApiError> {
        Ok(self.optional(name, Kind::String)?.and_then(|v| v.as_str().map(str::to_owned)))
    }

    pub fn number(&self, name: &str) -> Result<i64, ApiError> {
        self.required(name, Kind::PositiveInteger).map(|v| v.as_i64().unwrap_or(0))
    }

    pub fn optional_number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        Ok(self.optional(name, Kind::PositiveInteger)?.and_then(|v| v.as_i64()))
    }

    pub fn boolean(&self, name: &str) -> Result<bool, ApiError> {
        self.required(name, Kind::Boolean).map(|v| v.as_bool() == Some(true))
    }

    pub fn optional_boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        Ok(self.optional(name, Kind::Boolean)?.and_then(|v| v.as_bool()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let json = Json::parse(br#"{"a":1,"n":null,"m":-1,"e":[]}"#, 0).unwrap();
        let members = Members::of(&json);
        let reason = |error: ApiError| (error.code as i32, error.reason().to_owned());
        assert_eq!(
            reason(members.text("a").unwrap_err()),
            (467, "Invalid element type (a should be a string)".into())
        );
        assert_eq!(reason(members.text("x").unwrap_err()), (456, "Missing mandatory element (x)".into()));
        assert_eq!(
            reason(members.optional_text("n").unwrap_err()),
            (467, "Invalid element type (n should be a string)".into())
        );
        assert_eq!(
            reason(members.number("m").unwrap_err()),
            (467, "Invalid element type (m should be a positive integer)".into())
        );
        let jsep = Members::with_prefix(&json, "JSEP error: ");
        assert_eq!(
            reason(jsep.text("sdp").unwrap_err()),
            (456, "JSEP error: missing mandatory element (sdp)".into())
        );
        assert_eq!(
            reason(jsep.boolean("a").unwrap_err()),
            (467, "JSEP error: invalid element type (a should be a boolean)".into())
        );
        assert_eq!(
            reason(members.required("e", Kind::NonEmptyArray).unwrap_err()).1,
            "Invalid element type (e should be a non-empty array)"
        );
    }
}
