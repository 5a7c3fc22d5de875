//! What clients ask of a room, read and checked.

use crate::json::Json;
use std::fmt;

/// Why a request is refused, with the number that the video room plugin has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: i32,
    pub reason: String,
}

impl Refusal {
    pub fn new(code: i32, reason: impl Into<String>) -> Refusal {
        Refusal { code, reason: reason.into() }
    }

    pub fn to_json(&self) -> Json {
        let event = Json::object().with("videoroom", "event");
        event.with("error_code", self.code).with("error", &self.reason)
    }
}

pub type Result<T> = std::result::Result<T, Refusal>;

pub const NO_MESSAGE: i32 = 421;
pub const INVALID_REQUEST: i32 = 423;
pub const JOIN_FIRST: i32 = 424;
pub const ALREADY_JOINED: i32 = 425;
pub const NO_SUCH_ROOM: i32 = 426;
pub const ROOM_EXISTS: i32 = 427;
pub const NO_SUCH_FEED: i32 = 428;
pub const MISSING_ELEMENT: i32 = 429;
pub const INVALID_ELEMENT: i32 = 430;
pub const PUBLISHERS_FULL: i32 = 432;
pub const UNAUTHORIZED: i32 = 433;
pub const NOT_PUBLISHED: i32 = 435;
pub const INVALID_SDP: i32 = 437;

/// What a room is called: a number or a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Name {
    Number(u64),
    Text(String),
}

impl From<&Name> for Json {
    fn from(name: &Name) -> Json {
        match name {
            Name::Number(number) => Json::from(*number),
            Name::Text(text) => Json::from(text),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Number(number) => write!(f, "{number}"),
            Name::Text(text) => f.write_str(text),
        }
    }
}

/// A room's name in bytes: what is longer is no name.
const LONGEST_NAME: usize = 128;
/// Texts that clients give for others to see, in bytes.
const LONGEST_TEXT: usize = 1024;

/// The members of a request.
pub struct Body<'a>(pub &'a Json);

impl Body<'_> {
    fn wrong<T>(name: &str, what: &str) -> Result<T> {
        Err(Refusal::new(INVALID_ELEMENT, format!("Invalid element type ({name} should be {what})")))
    }

    pub fn missing<T>(name: &str) -> Result<T> {
        Err(Refusal::new(MISSING_ELEMENT, format!("Missing mandatory element ({name})")))
    }

    pub fn text(&self, name: &str) -> Result<Option<String>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) if text.len() <= LONGEST_TEXT => Ok(Some(text.to_owned())),
                _ => Body::wrong(name, "a string"),
            },
        }
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_bool().map_or_else(|| Body::wrong(name, "a boolean"), |flag| Ok(Some(flag)))
            }
        }
    }

    pub fn number(&self, name: &str) -> Result<Option<u64>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => match value.as_i64().and_then(|number| u64::try_from(number).ok()) {
                Some(number) => Ok(Some(number)),
                None => Body::wrong(name, "a positive integer"),
            },
        }
    }

    /// The room that it is about, or is to be called.
    pub fn room(&self) -> Result<Option<Name>> {
        let Some(value) = self.0.get("room") else { return Ok(None) };
        if let Some(number) = value.as_i64().and_then(|number| u64::try_from(number).ok()) {
            return Ok(Some(Name::Number(number)));
        }
        match value.as_str() {
            Some(text) if !text.is_empty() && text.len() <= LONGEST_NAME => {
                Ok(Some(Name::Text(text.to_owned())))
            }
            _ => Body::wrong("room", "a positive integer or a string"),
        }
    }

    pub fn wanted_room(&self) -> Result<Name> {
        self.room()?.map_or_else(|| Body::missing("room"), Ok)
    }

    /// The objects of a list.
    pub fn list(&self, name: &str) -> Result<Vec<Json>> {
        match self.0.get(name) {
            None => Ok(Vec::new()),
            Some(list) if list.is_array() => Ok(list.elements().collect()),
            Some(_) => Body::wrong(name, "an array"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let json = Json::parse(br#"{"room":"","a":1,"b":-1,"c":"x","d":true,"list":{},"streams":[1,{}]}"#, 0)
            .unwrap();
        let body = Body(&json);
        assert_eq!(body.room().unwrap_err().code, INVALID_ELEMENT);
        assert_eq!(body.number("a"), Ok(Some(1)));
        assert_eq!(body.number("none"), Ok(None));
        for wrong in
            [body.number("b").err(), body.text("a").err(), body.flag("c").err(), body.list("list").err()]
        {
            assert_eq!(wrong.map(|refusal| refusal.code), Some(INVALID_ELEMENT));
        }
        assert_eq!((body.text("c").unwrap().as_deref(), body.flag("d")), (Some("x"), Ok(Some(true))));
        assert_eq!(body.list("streams").unwrap().len(), 2);
        let nothing = Json::object();
        assert_eq!(Body(&nothing).wanted_room().unwrap_err().code, MISSING_ELEMENT);
    }
}
