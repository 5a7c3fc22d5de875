//! The tree as lines for people (HL-020).

use super::node::{Body, Node, Nodes};

/// One string per line, without line ends; children are indented by four spaces per level.
pub(super) fn lines(name: &str, root: &Nodes) -> Vec<String> {
    let mut all = vec![format!("[{}]", if name.is_empty() { "??" } else { name })];
    push(&mut all, root, 1);
    all
}

fn push(lines: &mut Vec<String>, nodes: &Nodes, depth: usize) {
    let indent = "    ".repeat(depth);
    for node in nodes {
        match &node.body {
            Body::Item(_) => lines.push(format!("{indent}{}", head(node, node.value()))),
            Body::Category(children) => {
                lines.push(format!("{indent}{}", head(node, Some("{"))));
                push(lines, children, depth + 1);
                lines.push(format!("{indent}}}"));
            }
            Body::Array(children) => {
                lines.push(format!("{indent}{}", head(node, Some("["))));
                push(lines, children, depth + 1);
                lines.push(format!("{indent}]"));
            }
        }
    }
}

/// `name: rest`, or the one that exists.
fn head(node: &Node, rest: Option<&str>) -> String {
    match (node.name.as_deref(), rest) {
        (Some(name), Some(rest)) => format!("{name}: {rest}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => String::new(),
    }
}
