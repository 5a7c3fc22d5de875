//! What a line is about: the fields `session`, `handle` and `plugin` of an event and of the spans around it.

use std::fmt::{Debug, Write};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// As text, as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    pub session: Option<String>,
    pub handle: Option<String>,
    pub plugin: Option<String>,
}

impl Subject {
    fn slot(&mut self, field: &Field) -> Option<&mut Option<String>> {
        match field.name() {
            "session" => Some(&mut self.session),
            "handle" => Some(&mut self.handle),
            "plugin" => Some(&mut self.plugin),
            _ => None,
        }
    }

    /// True when the field is one of ours, which it has been put into.
    pub fn take(&mut self, field: &Field, value: &dyn Debug) -> bool {
        let Some(slot) = self.slot(field) else { return false };
        let text = slot.insert(String::new());
        let _ = write!(text, "{value:?}");
        true
    }

    /// What is not known here is as `outer` has it.
    fn or(self, outer: &Subject) -> Subject {
        Subject {
            session: self.session.or_else(|| outer.session.clone()),
            handle: self.handle.or_else(|| outer.handle.clone()),
            plugin: self.plugin.or_else(|| outer.plugin.clone()),
        }
    }

    fn inside<'a, R: LookupSpan<'a> + 'a>(self, spans: impl Iterator<Item = SpanRef<'a, R>>) -> Subject {
        spans.fold(self, |inner, span| match span.extensions().get::<Subject>() {
            Some(outer) => inner.or(outer),
            None => inner,
        })
    }

    /// With what the spans around an event say.
    pub fn of_event<S>(self, context: &Context<'_, S>, event: &tracing::Event<'_>) -> Subject
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        match context.event_scope(event) {
            Some(spans) => self.inside(spans),
            None => self,
        }
    }

    /// What the spans say that this thread is in.
    pub fn of_thread() -> Subject {
        tracing::dispatcher::get_default(|dispatch| {
            let registry = dispatch.downcast_ref::<Registry>()?;
            let id = dispatch.current_span().id()?.clone();
            Some(Subject::default().inside(registry.span(&id)?.scope()))
        })
        .unwrap_or_default()
    }
}

impl Visit for Subject {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(slot) = self.slot(field) {
            *slot = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, value);
    }
}

/// Keeps what a new span says.
pub fn open<S>(attributes: &Attributes<'_>, id: &Id, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut subject = Subject::default();
    attributes.record(&mut subject);
    if let Some(span) = context.span(id) {
        span.extensions_mut().insert(subject);
    }
}

/// What a span says later.
pub fn record<S>(id: &Id, values: &Record<'_>, context: &Context<'_, S>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    if let Some(span) = context.span(id)
        && let Some(subject) = span.extensions_mut().get_mut::<Subject>()
    {
        values.record(subject);
    }
}
