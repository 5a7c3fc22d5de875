//! Error codes of the Janus and Admin APIs with their default texts (control-plane.md §3.5).

macro_rules! codes {
    ($($name:ident = $code:literal $text:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(i32)]
        pub enum Code { $($name = $code),* }

        impl Code {
            /// The default reason.
            pub fn text(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }
        }
    };
}

codes! {
    Unauthorized = 403 "Unauthorized request (wrong or missing secret/token)"
    UnauthorizedPlugin = 405 "Unauthorized access to plugin (token is not allowed to)"
    TransportSpecific = 450 "Transport specific error"
    MissingRequest = 452 "Missing request"
    UnknownRequest = 453 "Unknown request"
    InvalidJson = 454 "Invalid JSON"
    InvalidJsonObject = 455 "Invalid JSON Object"
    MissingElement = 456 "Missing mandatory element"
    InvalidPath = 457 "Invalid path for this request"
    SessionNotFound = 458 "Session not found"
    HandleNotFound = 459 "Handle not found"
    PluginNotFound = 460 "Plugin not found"
    PluginAttach = 461 "Error attaching plugin"
    PluginMessage = 462 "Error sending message to plugin"
    PluginDetach = 463 "Error detaching from plugin"
    JsepUnknownType = 464 "Unsupported JSEP type"
    JsepInvalidSdp = 465 "Invalid SDP"
    InvalidStream = 466 "Invalid stream"
    InvalidElementType = 467 "Invalid element type"
    SessionConflict = 468 "Session ID already in use"
    UnexpectedAnswer = 469 "Unexpected ANSWER (no OFFER)"
    TokenNotFound = 470 "Token not found"
    WrongWebrtcState = 471 "Wrong WebRTC state"
    NotAcceptingSessions = 472 "Currently not accepting new sessions"
    Unknown = 490 "Unknown error"
}

/// Why a request fails: what the `error` member of the reply says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub code: Code,
    /// The default text when absent.
    pub reason: Option<String>,
    /// What is behind it, where clients are told less.
    pub cause: Option<String>,
    /// Something is full, and may not be a moment later.
    pub is_full: bool,
}

/// Longest reason that clients see, in bytes (§3.1).
const MAX_REASON: usize = 511;

impl ApiError {
    pub fn new(code: Code, reason: impl Into<String>) -> ApiError {
        ApiError { code, reason: Some(reason.into()), cause: None, is_full: false }
    }

    /// Too much waits already.
    pub fn full(code: Code, reason: impl Into<String>) -> ApiError {
        ApiError { is_full: true, ..ApiError::new(code, reason) }
    }

    pub fn because(self, cause: impl Into<String>) -> ApiError {
        ApiError { cause: Some(cause.into()), ..self }
    }

    pub fn reason(&self) -> &str {
        let text = self.reason.as_deref().unwrap_or(self.code.text());
        &text[..text.floor_char_boundary(MAX_REASON)]
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> ApiError {
        ApiError { code, reason: None, cause: None, is_full: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(ApiError::from(Code::TokenNotFound).reason(), "Token not found");
        assert_eq!(ApiError::new(Code::Unknown, "é".repeat(400)).reason().len(), 510);
    }
}
