//! Our own `tracing` events as lines of the log.

use super::level::{Level, Place, Settings};
use super::line::{Composed, compose};
use super::subject::{self, Subject};
use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// The target that makes an `error!` a FATAL line: `error!(target: log::FATAL, "…")`.
pub const FATAL: &str = "fatal";

/// Prints events. Spans are for JSON: without it there are none.
pub struct Lines<S> {
    settings: S,
    write: fn(Composed),
}

impl<S: Settings> Lines<S> {
    /// Each finished line goes to `write`.
    pub fn new(settings: S, write: fn(Composed)) -> Self {
        Lines { settings, write }
    }

    /// For [`tracing`].
    pub fn subscriber(self) -> impl tracing::Subscriber {
        Registry::default().with(self)
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

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata
        .module_path()
        .and_then(|path| path.strip_prefix("janus_rs"))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The level from which on an event is a line. What the crates below us report is news to developers: it needs two levels more.
fn least(metadata: &Metadata<'_>) -> i32 {
    level(metadata) as i32 + if is_ours(metadata) { 0 } else { 2 }
}

impl<S, R> Layer<R> for Lines<S>
where
    S: Settings,
    R: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    /// The level is a C variable that anyone may change at any time: never cache the answer, but where no level is high enough.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match metadata.is_event() && least(metadata) > Level::Dbg as i32 {
            true => Interest::never(),
            false => Interest::sometimes(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, R>) -> bool {
        if metadata.is_span() {
            return is_ours(metadata) && self.settings.structured();
        }
        least(metadata) <= self.settings.level()
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, R>) {
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let place = Place {
            file: metadata.file().map_or("-", last_segment),
            function: metadata.module_path().map_or("-", last_segment),
            line: metadata.line().unwrap_or(0),
        };
        // In a line of text stands what the event itself says.
        let subject = match self.settings.structured() {
            true => text.subject.of_event(&context, event),
            false => text.subject,
        };
        let message = format!("{}{}", text.message, text.fields);
        (self.write)(compose(&self.settings, level(metadata), place, &subject, &message));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, R>) {
        subject::open(attributes, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, R>) {
        subject::record(id, values, &context);
    }
}

/// Of a path with `/` or `::`.
fn last_segment(path: &str) -> &str {
    path.rsplit(['/', ':']).next().unwrap_or(path)
}

/// The message, whom it is about, then ` name=value` for each other field.
#[derive(Default)]
struct Text {
    subject: Subject,
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if self.subject.take(field, value) {
            return;
        }
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
