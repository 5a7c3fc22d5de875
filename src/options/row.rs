//! A row of the table, and how its value is read.

use crate::config::{Config, Kind as Node, atoi, is_true};
use std::marker::PhantomData;

/// The file that an option stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// janus.jcfg, which the reference reads, too.
    Janus,
    /// janus-rs.jcfg in the same folder, which the reference ignores.
    Own,
}

impl File {
    pub const fn name(self) -> &'static str {
        match self {
            File::Janus => "janus.jcfg",
            File::Own => "janus-rs.jcfg",
        }
    }
}

/// What an option holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With its default.
    Flag(bool),
    /// What is smaller than `least` is ignored, with a warning.
    Number { default: u32, least: u32, unit: &'static str },
    /// `None`: nothing, or what the option's help says.
    Text(Option<&'static str>),
    /// Separated by commas; blanks around the entries do not count.
    List,
    /// An array of texts.
    Array,
    /// Known, and without effect.
    Unused,
}

/// How an option is written on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    pub long: &'static str,
    pub short: Option<char>,
}

/// An option, whatever it holds.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub file: File,
    pub category: &'static str,
    pub name: &'static str,
    /// Another name for the same.
    pub alias: Option<&'static str>,
    pub kind: Kind,
    /// What it does, in one line.
    pub help: &'static str,
    pub switch: Option<Switch>,
    /// Its member of `info`, where the table alone makes it.
    pub info: Option<&'static str>,
    /// The Admin API request that changes it while the server runs.
    pub live: Option<&'static str>,
    /// The version of janus-rs that has brought it; `None`: it is the reference's.
    pub since: Option<&'static str>,
}

/// A value as `info` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    Flag(bool),
    Number(u32),
    Text(String),
}

impl Row {
    pub const fn new(
        file: File,
        category: &'static str,
        name: &'static str,
        kind: Kind,
        help: &'static str,
    ) -> Row {
        Row {
            file,
            category,
            name,
            alias: None,
            kind,
            help,
            switch: None,
            info: None,
            live: None,
            since: None,
        }
    }

    /// As it is written.
    fn text<'a>(&self, config: &'a Config) -> Option<&'a str> {
        let named = |name| config.value(self.category, name);
        named(self.name).or_else(|| self.alias.and_then(named))
    }

    fn number(&self, config: &Config, least: u32) -> Option<u32> {
        let value = atoi(self.text(config)?);
        match u32::try_from(value) {
            Ok(value) if value >= least => Some(value),
            _ => {
                tracing::warn!("Ignoring {}.{}: {value}", self.category, self.name);
                None
            }
        }
    }

    /// The value in force, of what `info` can show.
    pub(super) fn value(&self, config: &Config) -> Option<Shown> {
        Some(match self.kind {
            Kind::Flag(default) => Shown::Flag(self.text(config).map_or(default, is_true)),
            Kind::Number { default, least, .. } => Shown::Number(self.text(config).map_or(default, |text| {
                u32::try_from(atoi(text)).ok().filter(|value| *value >= least).unwrap_or(default)
            })),
            Kind::Text(default) => Shown::Text(self.text(config).or(default)?.to_owned()),
            Kind::List => Shown::Text(self.text(config)?.to_owned()),
            Kind::Array | Kind::Unused => return None,
        })
    }

    /// The kind of node that it is in a file.
    pub(super) fn node(&self) -> Node {
        if self.kind == Kind::Array { Node::Array } else { Node::Item }
    }

    /// As text, under either name.
    pub fn written<'a>(&self, config: &'a Config) -> Option<&'a str> {
        self.text(config)
    }

    /// Takes it out of a configuration, under either name.
    pub fn remove(&self, config: &mut Config) {
        config.remove(self.category, self.name);
        if let Some(alias) = self.alias {
            config.remove(self.category, alias);
        }
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self.alias.is_some_and(|alias| alias.eq_ignore_ascii_case(name))
    }
}

/// `yes`, `true` and `1` are true, all else is false.
pub enum Flag {}
pub enum Number {}
pub enum Text {}
pub enum List {}

/// An option that holds a `T`: [`Flag`], [`Number`], [`Text`] or [`List`].
#[derive(Debug)]
pub struct Opt<T> {
    pub row: Row,
    holds: PhantomData<T>,
}

/// How an option of a kind begins; the methods below say the rest.
macro_rules! begins {
    ($($marker:ty: $janus:ident, $own:ident($($argument:ident: $type:ty),*) = $kind:expr;)*) => { $(
        impl Opt<$marker> {
            /// Of janus.jcfg.
            pub const fn $janus(category: &'static str, name: &'static str, $($argument: $type,)* help: &'static str) -> Self {
                Opt { row: Row::new(File::Janus, category, name, $kind, help), holds: PhantomData }
            }

            /// Of janus-rs.jcfg.
            pub const fn $own(category: &'static str, name: &'static str, $($argument: $type,)* help: &'static str) -> Self {
                Opt { row: Row::new(File::Own, category, name, $kind, help), holds: PhantomData }
            }
        }
    )* };
}

begins! {
    Flag: janus, own(default: bool) = Kind::Flag(default);
    Number: janus, own(default: u32, least: u32, unit: &'static str) = Kind::Number { default, least, unit };
    Text: janus, own(default: Option<&'static str>) = Kind::Text(default);
    List: janus, own() = Kind::List;
}

impl<T> Opt<T> {
    /// `--long`, and `-short`.
    pub const fn switch(mut self, long: &'static str, short: char) -> Self {
        self.row.switch = Some(Switch { long, short: Some(short) });
        self
    }

    pub const fn long_switch(mut self, long: &'static str) -> Self {
        self.row.switch = Some(Switch { long, short: None });
        self
    }

    pub const fn info(mut self, member: &'static str) -> Self {
        self.row.info = Some(member);
        self
    }

    pub const fn live(mut self, request: &'static str) -> Self {
        self.row.live = Some(request);
        self
    }

    pub const fn since(mut self, version: &'static str) -> Self {
        self.row.since = Some(version);
        self
    }

    pub const fn or(mut self, alias: &'static str) -> Self {
        self.row.alias = Some(alias);
        self
    }

    /// As it is written, when it is.
    pub fn written<'a>(&self, config: &'a Config) -> Option<&'a str> {
        self.row.text(config)
    }

    /// Writes it into a configuration.
    pub fn set(&self, config: &mut Config, value: &str) {
        config.set(self.row.category, self.row.name, value);
    }
}

impl Opt<Flag> {
    pub fn of(&self, config: &Config) -> bool {
        let Kind::Flag(default) = self.row.kind else { unreachable!("a flag") };
        self.row.text(config).map_or(default, is_true)
    }
}

impl Opt<Number> {
    pub fn of(&self, config: &Config) -> u32 {
        let Kind::Number { default, .. } = self.row.kind else { unreachable!("a number") };
        self.given(config).unwrap_or(default)
    }

    /// `None` when it is not written, or when what is written is ignored.
    pub fn given(&self, config: &Config) -> Option<u32> {
        let Kind::Number { least, .. } = self.row.kind else { unreachable!("a number") };
        self.row.number(config, least)
    }
}

impl Opt<Text> {
    pub fn of<'a>(&self, config: &'a Config) -> Option<&'a str> {
        let Kind::Text(default) = self.row.kind else { unreachable!("a text") };
        self.row.text(config).or(default)
    }
}

impl Opt<List> {
    pub fn of(&self, config: &Config) -> Vec<String> {
        let text = self.row.text(config).unwrap_or_default();
        text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
    }
}
