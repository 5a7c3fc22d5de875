//! Configuration files: a tree of text values, read from and written to libconfig (`.jcfg`) and INI files.
//!
//! Names are looked up without regard to ASCII case, first match; every value is text. [`Config::parse`] touches no
//! file: `@include` goes through a function of the caller. Text that is not UTF-8 is read with U+FFFD in its place.
#![forbid(unsafe_code)]

mod error;
mod ini;
mod jcfg;
mod lexer;
mod node;
mod print;
#[cfg(test)]
mod tests;

pub use error::{ConfigError, SaveError};
pub use node::{Body, Kind, Node, Nodes};

use crate::util::files;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Reads the file that an `@include` names.
pub type Include<'a> = dyn Fn(&str) -> io::Result<Vec<u8>> + 'a;

/// For texts that may not include anything.
pub fn no_include(_path: &str) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// How a configuration is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jcfg,
    Ini,
}

impl Format {
    /// libconfig when the base name contains `.jcfg` anywhere, INI for all others (HL-001, CP-006).
    pub fn of(name: &str) -> Self {
        if name.contains(".jcfg") { Format::Jcfg } else { Format::Ini }
    }

    /// The extension of saved files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Jcfg => "jcfg",
            Format::Ini => "cfg",
        }
    }
}

/// A configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Base name of the file.
    pub name: String,
    pub format: Format,
    pub root: Nodes,
}

impl Config {
    /// An empty one; the name decides the format.
    pub fn new(name: &str) -> Self {
        Config { name: name.to_owned(), format: Format::of(name), root: Nodes::default() }
    }

    /// Reads a text; `name` decides the format. A syntax error anywhere rejects the whole (CP-010, CP-013).
    pub fn parse(name: &str, text: &[u8], include: &Include<'_>) -> Result<Self, ConfigError> {
        let format = Format::of(name);
        let root = match format {
            Format::Jcfg => jcfg::parse(text, include),
            Format::Ini => ini::parse(text),
        };
        match root {
            Ok(root) => Ok(Config { name: name.to_owned(), format, root }),
            Err(error::Fault { line, reason }) => {
                Err(ConfigError::Syntax { name: name.to_owned(), line, reason })
            }
        }
    }

    /// Reads a file. A relative `@include` is looked for in the working directory, then beside the file.
    pub fn parse_file(path: &Path) -> Result<Self, ConfigError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(path).map_err(|error| ConfigError::Read { name: name.clone(), error })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&name, &text, &|include| fs::read(include).or_else(|_| fs::read(folder.join(include))))
    }

    /// A value: `value("general", "server_name")`.
    pub fn value(&self, category: &str, item: &str) -> Option<&str> {
        self.category(category)?.get(Kind::Item, item)?.value()
    }

    /// True when the item is there and says so ([`is_true`]).
    pub fn is_true(&self, category: &str, item: &str) -> bool {
        self.value(category, item).is_some_and(is_true)
    }

    /// The item as an integer ([`atoi`]).
    pub fn int(&self, category: &str, item: &str) -> Option<i32> {
        self.value(category, item).map(atoi)
    }

    /// The values of an array or a list.
    pub fn list(&self, category: &str, array: &str) -> Option<Vec<&str>> {
        let elements = self.category(category)?.get(Kind::Array, array)?.children()?;
        Some(elements.iter().filter_map(Node::value).collect())
    }

    /// The children of a category of the root.
    pub fn category(&self, name: &str) -> Option<&Nodes> {
        self.root.get(Kind::Category, name)?.children()
    }

    /// The children of a category of the root, which is created when missing.
    pub fn category_mut(&mut self, name: &str) -> &mut Nodes {
        if self.root.get(Kind::Category, name).is_none() {
            self.root.add(Node::category(Some(name)));
        }
        self.root.get_mut(Kind::Category, name).and_then(Node::children_mut).expect("a category")
    }

    /// Replaces or adds an item, and its category when missing.
    pub fn set(&mut self, category: &str, item: &str, value: &str) {
        self.category_mut(category).add(Node::item(Some(item), value));
    }

    /// Takes an item away.
    pub fn remove(&mut self, category: &str, item: &str) {
        if self.category(category).is_some() {
            self.category_mut(category).remove(item);
        }
    }

    /// Names and children of the root's categories, in order.
    pub fn categories(&self) -> impl Iterator<Item = (&str, &Nodes)> {
        self.root.iter().filter(|node| node.kind() == Kind::Category).filter_map(named)
    }

    /// Names and values of a category's items, in order; items without a value are left out.
    pub fn items(&self, category: &str) -> impl Iterator<Item = (&str, &str)> {
        self.category(category)
            .into_iter()
            .flatten()
            .filter_map(|node| Some((node.name.as_deref()?, node.value()?)))
    }

    /// The lines that print the tree (HL-020).
    pub fn lines(&self) -> Vec<String> {
        print::lines(&self.name, &self.root)
    }

    /// The text of a saved file. `date` is the local date of the header (HL-016). What the format cannot hold is
    /// reported in the log and left out.
    pub fn to_text(&self, date: &str) -> String {
        let (comment, body) = match self.format {
            Format::Jcfg => ('#', jcfg::write(&self.root)),
            Format::Ini => (';', ini::write(&self.root)),
        };
        format!("{comment}\n{comment} File automatically generated on {date}\n{comment}\n\n{body}")
    }

    /// Writes `folder/filename.jcfg` or `….cfg`; the folder is created with mode 0755 (HL-015).
    pub fn save(&self, folder: Option<&Path>, filename: &str, date: &str) -> Result<(), SaveError> {
        let name = format!("{filename}.{}", self.format.extension());
        let path = match folder {
            Some(folder) if !folder.as_os_str().is_empty() => {
                files::make_folder(folder, 0o755).map_err(SaveError::Folder)?;
                files::below(&folder.to_string_lossy(), &name).map_err(SaveError::File)?
            }
            _ => PathBuf::from(name),
        };
        fs::write(path, self.to_text(date)).map_err(SaveError::File)
    }
}

fn named(node: &Node) -> Option<(&str, &Nodes)> {
    Some((node.name.as_deref()?, node.children()?))
}

/// `yes`, `true` and `1` in any case; nothing else, also not `on` (CP-021).
pub fn is_true(value: &str) -> bool {
    value == "1" || value.eq_ignore_ascii_case("yes") || value.eq_ignore_ascii_case("true")
}

/// Leading blanks, a sign, digits; the rest is ignored, and nothing is 0. As C's `atoi`, but what does not fit
/// becomes the nearest value.
pub fn atoi(text: &str) -> i32 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    let value = if negative { -magnitude } else { magnitude };
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}
