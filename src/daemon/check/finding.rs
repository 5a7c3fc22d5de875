//! What a look at an installation finds.

use crate::json::{Json, dump};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ok,
    /// Worth knowing, no harm.
    Note,
    /// It works, and not as somebody may expect.
    Warning,
    /// It does not work.
    Error,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Warning => "warning",
            State::Error => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub state: State,
    /// `config`, `module`, `port`, `certificate`, `limit`, `folder`, `server`, `secret`, `origin`.
    pub area: &'static str,
    /// The file, port or item.
    pub subject: String,
    pub text: String,
    /// What to do; empty when there is nothing.
    pub todo: String,
}

impl Finding {
    pub fn new(
        state: State,
        area: &'static str,
        subject: impl Into<String>,
        text: impl Into<String>,
    ) -> Finding {
        Finding { state, area, subject: subject.into(), text: text.into(), todo: String::new() }
    }

    pub fn todo(self, todo: impl Into<String>) -> Finding {
        Finding { todo: todo.into(), ..self }
    }

    pub fn json(&self) -> String {
        Json::object()
            .with("state", self.state.name())
            .with("area", self.area)
            .with("subject", self.subject.as_str())
            .with("text", self.text.as_str())
            .with("todo", self.todo.as_str())
            .dump(dump::COMPACT)
            .unwrap_or_default()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8}{:<12}{}: {}", self.state.name(), self.area, self.subject, self.text)?;
        if self.todo.is_empty() { Ok(()) } else { write!(f, " -> {}", self.todo) }
    }
}
