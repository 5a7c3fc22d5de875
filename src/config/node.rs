//! The tree: named text values, categories and arrays.

/// What a [`Node`] is, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A value. Every value is text (HL-004); `None` when C code created the item without one.
    Item(Option<String>),
    /// Children in file order, found by name.
    Category(Nodes),
    /// Children in file order, usually without names.
    Array(Nodes),
}

/// What a look-up accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Any,
    Item,
    Category,
    Array,
}

/// An item, a category or an array. Elements of arrays have no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub name: Option<String>,
    pub body: Body,
}

/// Children of one parent, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes(Vec<Node>);

impl Node {
    /// An item with a value.
    pub fn item(name: Option<&str>, value: &str) -> Self {
        Node { name: name.map(str::to_owned), body: Body::Item(Some(value.to_owned())) }
    }

    pub fn category(name: Option<&str>) -> Self {
        Node { name: name.map(str::to_owned), body: Body::Category(Nodes::default()) }
    }

    pub fn array(name: Option<&str>) -> Self {
        Node { name: name.map(str::to_owned), body: Body::Array(Nodes::default()) }
    }

    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Item(_) => Kind::Item,
            Body::Category(_) => Kind::Category,
            Body::Array(_) => Kind::Array,
        }
    }

    /// The text of an item.
    pub fn value(&self) -> Option<&str> {
        match &self.body {
            Body::Item(value) => value.as_deref(),
            _ => None,
        }
    }

    /// The children of a category or an array.
    pub fn children(&self) -> Option<&Nodes> {
        match &self.body {
            Body::Item(_) => None,
            Body::Category(nodes) | Body::Array(nodes) => Some(nodes),
        }
    }

    pub fn children_mut(&mut self) -> Option<&mut Nodes> {
        match &mut self.body {
            Body::Item(_) => None,
            Body::Category(nodes) | Body::Array(nodes) => Some(nodes),
        }
    }

    /// True when a look-up for `kind` and `name` finds this node. Names ignore ASCII case (HL-006, CP-015).
    fn matches(&self, kind: Kind, name: &str) -> bool {
        (kind == Kind::Any || kind == self.kind())
            && self.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

impl Nodes {
    /// The first child of that kind and name (CP-016).
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Node> {
        self.0.iter().find(|node| node.matches(kind, name))
    }

    /// As [`Nodes::get`].
    pub fn get_mut(&mut self, kind: Kind, name: &str) -> Option<&mut Node> {
        self.0.iter_mut().find(|node| node.matches(kind, name))
    }

    /// Appends a child. One of the same name, whatever its kind, goes first: a repeated name replaces, and moves to
    /// the end (HL-007, CP-018). Children without a name never replace each other (HL-008).
    pub fn add(&mut self, node: Node) -> &mut Node {
        if let Some(name) = &node.name {
            self.remove(name);
        }
        self.0.push(node);
        self.0.last_mut().expect("just pushed")
    }

    /// Takes out the first child of that name (HL-021, CP-019).
    pub fn remove(&mut self, name: &str) -> Option<Node> {
        let at = self.0.iter().position(|node| node.matches(Kind::Any, name))?;
        Some(self.0.remove(at))
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Node> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends in order with the rule of [`Nodes::add`].
impl FromIterator<Node> for Nodes {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        let mut all = Nodes::default();
        for node in nodes {
            all.add(node);
        }
        all
    }
}

impl<'a> IntoIterator for &'a Nodes {
    type Item = &'a Node;
    type IntoIter = std::slice::Iter<'a, Node>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Nodes {
    type Item = Node;
    type IntoIter = std::vec::IntoIter<Node>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
