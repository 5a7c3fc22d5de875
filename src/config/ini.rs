//! The INI format, read and written.

use super::error::{Fault, Parsed};
use super::node::{Body, Kind, Node, Nodes};

/// Reads a whole configuration (HL-011 … HL-014, CP-011 … CP-014).
pub(super) fn parse(text: &[u8]) -> Parsed<Nodes> {
    let mut root = Nodes::default();
    let mut category: Option<String> = None;
    for (index, line) in String::from_utf8_lossy(text).lines().enumerate() {
        let fault = |reason| Fault { line: index + 1, reason };
        let line = without_comment(line);
        let line = line.trim_matches(BLANKS);
        if line.is_empty() {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let (name, _) = rest.split_once(']').ok_or(fault("syntax error"))?;
            let name = name.trim_matches(BLANKS);
            if name.is_empty() {
                return Err(fault("no name"));
            }
            root.add(Node::category(Some(name)));
            category = Some(name.to_owned());
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(fault("syntax error"))?;
        let name = name.trim_matches(BLANKS);
        if name.is_empty() {
            return Err(fault("no name"));
        }
        let (value, arrow) = value.strip_prefix('>').map_or((value, false), |value| (value, true));
        let value = value.trim_matches(BLANKS);
        if arrow && value.is_empty() {
            return Err(fault("no value"));
        }
        let into = match &category {
            None => &mut root,
            Some(name) => root
                .get_mut(Kind::Category, name)
                .and_then(Node::children_mut)
                .ok_or(fault("syntax error"))?,
        };
        into.add(Node::item(Some(name), value));
    }
    Ok(root)
}

/// The blanks of C's `isspace`.
const BLANKS: [char; 6] = [' ', '\t', '\r', '\n', '\u{b}', '\u{c}'];

/// A line up to its comment. `\;` is a semicolon, not the start of one (HL-013).
fn without_comment(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    for character in line.chars() {
        if character == ';' {
            if !kept.ends_with('\\') {
                break;
            }
            kept.pop();
        }
        kept.push(character);
    }
    kept
}

/// Writes what INI can hold. Arrays are dropped, and the items of a category inside a category land in the outer
/// one; both are reported. Items of the root come first, or they would be read back into the category before them.
pub(super) fn write(root: &Nodes) -> String {
    let mut text = String::new();
    for node in root {
        write_item(&mut text, node);
    }
    for node in root {
        match &node.body {
            Body::Item(_) => {}
            Body::Category(nodes) => {
                text.push_str(&format!("[{}]\n", line_safe(node.name.as_deref().unwrap_or_default())));
                write_category(&mut text, nodes);
                text.push_str("\r\n");
            }
            Body::Array(_) => dropped("array", node),
        }
    }
    text
}

fn write_category(text: &mut String, nodes: &Nodes) {
    for node in nodes {
        match &node.body {
            Body::Item(_) => write_item(text, node),
            Body::Category(nodes) => {
                dropped("indented category", node);
                write_category(text, nodes);
            }
            Body::Array(_) => dropped("array", node),
        }
    }
}

fn write_item(text: &mut String, node: &Node) {
    let (Body::Item(value), Some(name)) = (&node.body, &node.name) else { return };
    let value = value.as_deref().unwrap_or_default();
    text.push_str(&format!("{} = {}\n", line_safe(name), line_safe(value)));
}

fn dropped(what: &str, node: &Node) {
    tracing::warn!("Dropping {what} {} (unsupported in INI files)", node.name.as_deref().unwrap_or_default());
}

/// Semicolons escaped; line ends, which would let a value add items of its own, become blanks.
fn line_safe(text: &str) -> String {
    text.replace(';', "\\;").replace(['\n', '\r'], " ")
}
