//! libconfig's grammar, read and written (docs/decisions/002-libconfig-parser.md).

use super::Include;
use super::error::Parsed;
use super::lexer::{Lexer, Scalar, Token};
use super::node::{Body, Node, Nodes};

/// How deep groups and lists may nest: hostile text must not exhaust the stack.
const DEPTH: usize = 100;

/// Reads a whole configuration (CP-007 … CP-010).
pub(super) fn parse(text: &[u8], include: &Include<'_>) -> Parsed<Nodes> {
    let mut lexer = Lexer::new(text, include);
    let token = lexer.token()?;
    let mut parser = Parser { lexer, token, depth: 0 };
    let root = parser.settings()?;
    if parser.token == Token::End { Ok(root) } else { parser.syntax_error() }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token to decide on.
    token: Token,
    depth: usize,
}

impl Parser<'_> {
    fn syntax_error<T>(&self) -> Parsed<T> {
        Err(self.lexer.fault("syntax error"))
    }

    fn advance(&mut self) -> Parsed<Token> {
        let next = self.lexer.token()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    /// Takes the mark when it comes next.
    fn accept(&mut self, mark: u8) -> Parsed<bool> {
        let found = self.token == Token::Mark(mark);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, mark: u8) -> Parsed<()> {
        if self.accept(mark)? { Ok(()) } else { self.syntax_error() }
    }

    /// `name = value`, each with an optional `;` or `,`, until something else comes. libconfig's names differ in
    /// case and must not repeat; the tree's ignore case, and the last one stays (CP-014).
    fn settings(&mut self) -> Parsed<Nodes> {
        let mut nodes: Vec<Node> = Vec::new();
        while let Token::Name(name) = &self.token {
            let name = name.clone();
            if nodes.iter().any(|node| node.name.as_deref() == Some(&name)) {
                return Err(self.lexer.fault("duplicate setting name"));
            }
            self.advance()?;
            self.expect(b'=')?;
            let body = self.value()?;
            nodes.push(Node { name: Some(name), body });
            let _ = self.accept(b';')? || self.accept(b',')?;
        }
        Ok(nodes.into_iter().collect())
    }

    fn value(&mut self) -> Parsed<Body> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.lexer.fault("nesting too deep"));
        }
        let body = match &self.token {
            Token::Scalar(..) => self.scalar().map(|(_, text)| Body::Item(Some(text))),
            Token::Mark(b'{') => {
                self.advance()?;
                let nodes = self.settings()?;
                self.expect(b'}')?;
                Ok(Body::Category(nodes))
            }
            Token::Mark(b'[') => self.array(),
            Token::Mark(b'(') => self.list(),
            _ => self.syntax_error(),
        };
        self.depth -= 1;
        body
    }

    fn scalar(&mut self) -> Parsed<(Scalar, String)> {
        match self.advance()? {
            Token::Scalar(scalar, text) => Ok((scalar, text)),
            _ => self.syntax_error(),
        }
    }

    /// `[ … ]`: scalars of one type.
    fn array(&mut self) -> Parsed<Body> {
        self.advance()?;
        let mut nodes = Nodes::default();
        let mut first = None;
        while let Token::Scalar(scalar, _) = self.token {
            if *first.get_or_insert(scalar) != scalar {
                return Err(self.lexer.fault("mismatched element type in array"));
            }
            let (_, text) = self.scalar()?;
            nodes.add(Node::item(None, &text));
            if !self.accept(b',')? {
                break;
            }
        }
        self.expect(b']')?;
        Ok(Body::Array(nodes))
    }

    /// `( … )`: any values, also groups (CP-009, HL-005). A comma may follow the last one.
    fn list(&mut self) -> Parsed<Body> {
        self.advance()?;
        let mut nodes = Nodes::default();
        while self.token != Token::Mark(b')') {
            nodes.add(Node { name: None, body: self.value()? });
            if !self.accept(b',')? {
                break;
            }
        }
        self.expect(b')')?;
        Ok(Body::Array(nodes))
    }
}

/// Writes the tree in libconfig's own layout: every item a quoted string, arrays as lists (HL-017).
pub(super) fn write(nodes: &Nodes) -> String {
    let mut text = String::new();
    write_settings(&mut text, nodes, 0);
    text
}

fn write_settings(text: &mut String, nodes: &Nodes, depth: usize) {
    for node in nodes {
        // What the grammar cannot name cannot be read back.
        let Some(name) = node.name.as_deref().filter(|name| is_name(name)) else {
            tracing::error!(
                "Error saving '{}' to the config file...",
                node.name.as_deref().unwrap_or_default()
            );
            continue;
        };
        indent(text, depth);
        text.push_str(name);
        text.push_str(if matches!(node.body, Body::Category(_)) { " : " } else { " = " });
        write_value(text, &node.body, depth);
        text.push_str(";\n");
    }
}

fn write_value(text: &mut String, body: &Body, depth: usize) {
    match body {
        Body::Item(value) => write_string(text, value.as_deref().unwrap_or_default()),
        Body::Category(nodes) => {
            text.push('\n');
            indent(text, depth);
            text.push_str("{\n");
            write_settings(text, nodes, depth + 1);
            indent(text, depth);
            text.push('}');
        }
        Body::Array(nodes) => {
            text.push_str("( ");
            for (index, node) in nodes.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_value(text, &node.body, depth + 1);
            }
            text.push_str(if nodes.is_empty() { ")" } else { " )" });
        }
    }
}

fn write_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{c}' => text.push_str("\\f"),
            control if control < ' ' => text.push_str(&format!("\\x{:02X}", u32::from(control))),
            other => text.push(other),
        }
    }
    text.push('"');
}

fn indent(text: &mut String, depth: usize) {
    text.extend(std::iter::repeat_n("  ", depth));
}

/// libconfig's names; `true` and `false` are values.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'*')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'))
        && !name.eq_ignore_ascii_case("true")
        && !name.eq_ignore_ascii_case("false")
}
