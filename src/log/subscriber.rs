//! Our own `tracing` events as lines of the log.

use super::line::{Composed, Level, Place, Settings, compose};
use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};

/// The target that makes an `error!` a FATAL line: `error!(target: log::FATAL, "…")`.
pub const FATAL: &str = "fatal";

/// Prints events, ignores spans.
pub struct Subscriber<S> {
    settings: S,
    write: fn(Composed),
}

impl<S: Settings> Subscriber<S> {
    /// Each finished line goes to `write`.
    pub fn new(settings: S, write: fn(Composed)) -> Self {
        Subscriber { settings, write }
    }
}

fn level(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR if metadata.target() == FATAL => Level::Fatal,
        tracing::Level::ERROR => Level::Err,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Verb,
        tracing::Level::TRACE => Level::Huge,
    }
}

impl<S: Settings> tracing::Subscriber for Subscriber<S> {
    /// The level is a C variable that anyone may change at any time: never cache the answer.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    /// What the crates below us report is news to developers: it needs two levels more.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.module_path().is_some_and(|path| path.split("::").next() == Some("janus_rs"));
        level(metadata) as i32 + if ours { 0 } else { 2 } <= self.settings.level()
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let place = Place {
            file: metadata.file().map_or("-", last_segment),
            function: metadata.module_path().map_or("-", last_segment),
            line: metadata.line().unwrap_or(0),
        };
        let line =
            compose(&self.settings, level(metadata), place, &format!("{}{}", text.message, text.fields));
        (self.write)(line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Of a path with `/` or `::`.
fn last_segment(path: &str) -> &str {
    path.rsplit(['/', ':']).next().unwrap_or(path)
}

/// The message, then ` name=value` for each field.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
