//! What must not stand in a text that people send around: values of items that are called secret, token, key, pin or password,
//! in files and wherever they appear again.
#![forbid(unsafe_code)]

use crate::config::{Body, Config, Node, Nodes};
use std::collections::BTreeSet;

/// In place of a value.
pub const MASK: &str = "********";

/// Ends of words of names.
const WORDS: [&str; 12] = [
    "secret",
    "secrets",
    "token",
    "tokens",
    "key",
    "keys",
    "pin",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "pass",
];

/// Values that are no secret, whatever the item is called, and stand everywhere.
const PLAIN: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "0", "1"];

/// Whether an item or member of this name holds one: `admin_secret`, `adminKey`, `ice-pwd`, `apisecret`, `turn_rest_api_key`.
pub fn is_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| {
        // "monkey" and "bypass" are masked, too: rather one too many.
        WORDS.iter().any(|word| part.ends_with(word))
            || part.starts_with("secret")
            || part.starts_with("password")
    })
}

/// What has been found in files.
#[derive(Debug, Default)]
pub struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Takes all values of secret items out of a configuration.
    pub fn take(&mut self, config: &mut Config) {
        self.take_from(&mut config.root, false);
    }

    fn take_from(&mut self, nodes: &mut Nodes, all: bool) {
        let named: Vec<Node> = nodes.iter().cloned().collect();
        let mut masked = Nodes::default();
        for mut node in named {
            let secret = all || node.name.as_deref().is_some_and(is_secret);
            match &mut node.body {
                Body::Item(Some(value)) if secret => {
                    self.add(value);
                    *value = MASK.to_owned();
                }
                Body::Item(_) => {}
                Body::Category(children) | Body::Array(children) => self.take_from(children, secret),
            }
            masked.add(node);
        }
        *nodes = masked;
    }

    fn add(&mut self, value: &str) {
        let value = value.trim();
        if value.len() >= 3 && !PLAIN.contains(&value.to_ascii_lowercase().as_str()) {
            self.0.insert(value.to_owned());
        }
    }

    /// The text without any of them, and without what members and parameters with such names hold.
    pub fn mask(&self, text: &str) -> String {
        let text = text.split_inclusive('\n').map(by_name).collect::<String>();
        // The longest first: one may be part of another.
        let mut values: Vec<&String> = self.0.iter().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.into_iter().fold(text, |text, value| text.replace(value.as_str(), MASK))
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Masks what follows `name =`, `name:`, `"name": ` and `name=` in one line.
fn by_name(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(start) = rest.find(is_name) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_name(c)).unwrap_or(from.len());
        let (name, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(name);
        rest = after;
        if !is_secret(name) {
            continue;
        }
        let value = after.trim_start_matches(['"', '\'', '\\', ' ', '\t']);
        let Some(value) = value.strip_prefix([':', '=']) else { continue };
        let value = value.trim_start_matches([' ', '\t']);
        let opened = value.trim_start_matches('\\');
        let (quote, inner) = match opened.chars().next() {
            Some(q @ ('"' | '\'')) => (Some(q), &opened[1..]),
            _ => (None, value),
        };
        let length = match quote {
            Some(quote) => inner.find([quote, '\n']),
            None => inner.find(|c: char| c.is_whitespace() || ",;&}])\"'".contains(c)),
        };
        let (inner_start, length) = (after.len() - inner.len(), length.unwrap_or(inner.len()));
        out.push_str(&after[..inner_start]);
        if length > 0 {
            out.push_str(MASK);
        }
        rest = &inner[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::no_include;

    #[test]
    fn names() {
        for name in [
            "api_secret",
            "apisecret",
            "adminKey",
            "admin_key",
            "pin",
            "cert_pwd",
            "ice-pwd",
            "token",
            "PASSWORD",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["server_name", "keepalive_interval", "pingpong_trigger", "port", "keyframes", "passive"]
        {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn values_go_wherever_they_stand() {
        let text = "general: { api_secret = \"hidden one\"; token_auth = true; debug_level = 4 }\n\
                    room-1: { pin = 4711; allowed_tokens = [ \"hidden-two\", \"hidden-three\" ]; nested: { admin_key = \"k3y\" } }\n";
        let mut config = Config::parse("x.jcfg", text.as_bytes(), &no_include).unwrap();
        let mut secrets = Secrets::default();
        secrets.take(&mut config);
        let masked = secrets.mask(&config.to_text("today"));
        for value in ["hidden", "4711", "k3y"] {
            assert!(!masked.contains(value), "{masked}");
        }
        assert!(masked.contains("debug_level") && masked.contains(MASK), "{masked}");
        assert_eq!(
            secrets.mask("joining with 4711 and hidden-two, true"),
            format!("joining with {MASK} and {MASK}, true")
        );
    }

    #[test]
    fn lines_of_a_log() {
        let secrets = Secrets::default();
        for (line, masked) in [
            (
                r#"{"janus":"create","apisecret":"abc def","x":1}"#,
                r#"{"janus":"create","apisecret":"********","x":1}"#,
            ),
            (r#"{"pin": 12, "token" : "t"}"#, r#"{"pin": ********, "token" : "********"}"#),
            (r#""text":"{\"admin_key\":\"abc\"}""#, r#""text":"{\"admin_key\":\"********"}""#),
            ("a=ice-pwd:x/y+z", "a=ice-pwd:********"),
            ("GET /?token=abc&a=1 password='p q'", "GET /?token=********&a=1 password='********'"),
            ("the key is here: 5", "the key is here: 5"),
            ("secret=", "secret="),
        ] {
            assert_eq!(secrets.mask(line), masked);
        }
    }
}
