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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

impl Mline {
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
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }
}
