//! The SDP model: what `janus_sdp` holds, in Rust types. Order of attributes and m-lines is kept.
#![forbid(unsafe_code)]

/// Numbering of the C enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MediaType {
    Audio = 0,
    Video = 1,
    Application = 2,
    Other = 3,
}

impl MediaType {
    /// Case-insensitive; what is unknown is `Other`.
    pub fn from_name(name: &str) -> MediaType {
        [MediaType::Audio, MediaType::Video, MediaType::Application]
            .into_iter()
            .find(|kind| kind.name().is_some_and(|n| n.eq_ignore_ascii_case(name)))
            .unwrap_or(MediaType::Other)
    }

    /// `None` for `Other`.
    pub fn name(self) -> Option<&'static str> {
        match self {
            MediaType::Audio => Some("audio"),
            MediaType::Video => Some("video"),
            MediaType::Application => Some("application"),
            MediaType::Other => None,
        }
    }

    /// From the C enum; what is out of range is `Other`.
    pub fn from_number(number: u32) -> MediaType {
        match number {
            0 => MediaType::Audio,
            1 => MediaType::Video,
            2 => MediaType::Application,
            _ => MediaType::Other,
        }
    }
}

/// Numbering of the C enum. `Default` prints nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Direction {
    #[default]
    Default = 0,
    SendRecv = 1,
    SendOnly = 2,
    RecvOnly = 3,
    Inactive = 4,
    Invalid = 5,
}

impl Direction {
    /// Case-insensitive; what is unknown is `Invalid`.
    pub fn from_name(name: &str) -> Direction {
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
            .into_iter()
            .find(|direction| direction.name().is_some_and(|n| n.eq_ignore_ascii_case(name)))
            .unwrap_or(Direction::Invalid)
    }

    /// `None` for `Invalid`; `Default` means `sendrecv`.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Direction::Default | Direction::SendRecv => Some("sendrecv"),
            Direction::SendOnly => Some("sendonly"),
            Direction::RecvOnly => Some("recvonly"),
            Direction::Inactive => Some("inactive"),
            Direction::Invalid => None,
        }
    }

    /// From the C enum; what is out of range is `Invalid`.
    pub fn from_number(number: u32) -> Direction {
        match number {
            0 => Direction::Default,
            1 => Direction::SendRecv,
            2 => Direction::SendOnly,
            3 => Direction::RecvOnly,
            4 => Direction::Inactive,
            _ => Direction::Invalid,
        }
    }
}

/// `a=name` or `a=name:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub value: Option<String>,
    /// From `/sendonly` and the like inside the line (extmap).
    pub direction: Direction,
}

impl Attribute {
    pub fn flag(name: impl Into<String>) -> Attribute {
        Attribute { name: name.into(), value: None, direction: Direction::Default }
    }

    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Attribute {
        Attribute { name: name.into(), value: Some(value.into()), direction: Direction::Default }
    }
}

/// One `m=` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mline {
    pub index: i32,
    pub kind: MediaType,
    /// As written (`audio`, `video`, `application`).
    pub type_str: String,
    pub port: u16,
    pub proto: String,
    pub fmts: Vec<String>,
    pub ptypes: Vec<i32>,
    pub c_ipv4: bool,
    pub c_addr: Option<String>,
    pub b_name: Option<String>,
    pub b_value: u32,
    pub direction: Direction,
    pub attributes: Vec<Attribute>,
}

/// A session description (RFC 8866).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdp {
    pub version: i32,
    pub o_name: Option<String>,
    pub o_sessid: u64,
    pub o_version: u64,
    pub o_ipv4: bool,
    pub o_addr: Option<String>,
    pub s_name: Option<String>,
    pub t_start: u64,
    pub t_stop: u64,
    pub c_ipv4: bool,
    pub c_addr: Option<String>,
    pub attributes: Vec<Attribute>,
    pub mlines: Vec<Mline>,
}

impl Default for Sdp {
    /// Nothing in it; addresses count as IPv4.
    fn default() -> Sdp {
        Sdp {
            version: 0,
            o_name: None,
            o_sessid: 0,
            o_version: 0,
            o_ipv4: true,
            o_addr: None,
            s_name: None,
            t_start: 0,
            t_stop: 0,
            c_ipv4: true,
            c_addr: None,
            attributes: Vec::new(),
            mlines: Vec::new(),
        }
    }
}

impl Mline {
    /// An empty one. `index` is 0 and `c=` absent.
    pub fn new(kind: MediaType, port: u16, proto: &str, direction: Direction) -> Mline {
        Mline {
            index: 0,
            kind,
            type_str: kind.name().unwrap_or_default().to_owned(),
            port,
            proto: proto.to_owned(),
            fmts: Vec::new(),
            ptypes: Vec::new(),
            c_ipv4: true,
            c_addr: None,
            b_name: None,
            b_value: 0,
            direction,
            attributes: Vec::new(),
        }
    }

    /// Appends `a=name:value`.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.attributes.push(Attribute::new(name, value));
    }

    /// First attribute of this name (case-insensitive).
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }

    /// Value of the first attribute of this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.attribute(name).and_then(|a| a.value.as_deref())
    }
}

impl Sdp {
    /// A description without media: origin `-`, version 1, address (default 127.0.0.1) in `o=` and `c=`, name
    /// (default `Janus session`). `session_id` is the real time in µs (HL-210).
    pub fn new(name: Option<&str>, address: Option<&str>, session_id: u64) -> Sdp {
        let address = address.unwrap_or("127.0.0.1").to_owned();
        Sdp {
            o_name: Some("-".into()),
            o_sessid: session_id,
            o_version: 1,
            o_addr: Some(address.clone()),
            s_name: Some(name.unwrap_or("Janus session").into()),
            c_addr: Some(address),
            ..Sdp::default()
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }
}
