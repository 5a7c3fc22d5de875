//! [`Sdp`] → text, helpers.md §9.2. Lines end CRLF; nothing is truncated.
#![forbid(unsafe_code)]

use super::model::{Attribute, Direction, MediaType, Mline, Sdp};
use super::rules::Rules;
use std::fmt::Write;

impl Sdp {
    /// The text of this description.
    pub fn write(&self) -> String {
        self.write_with(&Rules::NATIVE)
    }

    pub fn write_with(&self, rules: &Rules) -> String {
        let mut out = String::with_capacity(1024);
        line(&mut out, format_args!("v={}", self.version));
        line(
            &mut out,
            format_args!(
                "o={} {} {} IN {} {}",
                self.o_name.as_deref().unwrap_or("-"),
                self.o_sessid,
                self.o_version,
                if self.o_ipv4 { "IP4" } else { "IP6" },
                self.o_addr.as_deref().unwrap_or("127.0.0.1"),
            ),
        );
        line(&mut out, format_args!("s={}", self.s_name.as_deref().unwrap_or("Janus session")));
        line(&mut out, format_args!("t={} {}", self.t_start, self.t_stop));
        connection(&mut out, self.c_addr.as_deref(), self.c_ipv4, rules);
        for attribute in &self.attributes {
            write_attribute(&mut out, attribute);
        }
        for mline in &self.mlines {
            mline.write_into(&mut out, rules);
        }
        out
    }
}

impl Mline {
    /// Whether the writer prints the single format `0`: a rejected medium other than application.
    pub fn is_rejected_media(&self) -> bool {
        self.port == 0 && self.kind != MediaType::Application
    }

    fn write_into(&self, out: &mut String, rules: &Rules) {
        let _ = write!(out, "m={} {} {}", self.type_str, self.port, self.proto);
        if self.is_rejected_media() {
            out.push_str(" 0");
        } else if self.proto.contains("RTP") {
            for ptype in &self.ptypes {
                let _ = write!(out, " {ptype}");
            }
        } else {
            for format in &self.fmts {
                let _ = write!(out, " {format}");
            }
        }
        out.push_str("\r\n");
        connection(out, self.c_addr.as_deref(), self.c_ipv4, rules);
        if self.port > 0
            && let Some(name) = &self.b_name
        {
            line(out, format_args!("b={name}:{}", self.b_value));
        }
        // Always before the attributes, wherever it stood in the parsed text.
        if self.direction != Direction::Default
            && let Some(direction) = self.direction.name()
        {
            line(out, format_args!("a={direction}"));
        }
        for attribute in &self.attributes {
            if self.port > 0 || attribute.name.eq_ignore_ascii_case("mid") {
                write_attribute(out, attribute);
            }
        }
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
    out.push_str("\r\n");
}

fn connection(out: &mut String, address: Option<&str>, ipv4: bool, rules: &Rules) {
    if let Some(address) = address {
        let ipv6 = !ipv4 || (rules.family_from_address && address.contains(':'));
        line(out, format_args!("c=IN {} {address}", if ipv6 { "IP6" } else { "IP4" }));
    }
}

fn write_attribute(out: &mut String, attribute: &Attribute) {
    match &attribute.value {
        Some(value) => line(out, format_args!("a={}:{value}", attribute.name)),
        None => line(out, format_args!("a={}", attribute.name)),
    }
}
