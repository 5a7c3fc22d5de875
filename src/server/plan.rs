//! What the built-in web server is to serve: from the configuration, and from the transports that there are without it.
#![forbid(unsafe_code)]

use super::error::OptionError;
use crate::config::Config;
use crate::options::{
    ADMIN_SECRET, File, Opt, TRANSPORTS_BUILTIN, Text, WEB_ADMIN_IP, WEB_ADMIN_PORT, WEB_ADMIN_UNIX,
    WEB_ENABLED, WEB_IP, WEB_PORT, WEB_ROOT, WEB_TLS_CERT, WEB_TLS_KEY, WEB_UNIX,
};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Who else could serve the APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// Transport modules.
    Modules,
    Nobody,
    /// The program that embeds us.
    Program,
}

/// What is served, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The web server; nothing: there is none.
    pub web: Vec<Where>,
    /// With the Janus API.
    pub janus: bool,
    /// The Admin API, which has places of its own.
    pub admin: Vec<Where>,
    /// Sockets of the service manager take the place of ports: those that it calls "admin" are for the Admin API.
    pub activated: bool,
    /// Files of certificate and key.
    pub tls: Option<(PathBuf, Option<PathBuf>)>,
    /// Folder of the pages; `None`: those that are part of the library.
    pub root: Option<PathBuf>,
}

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    Port(SocketAddr),
    /// A Unix socket.
    Path(PathBuf),
}

impl Plan {
    /// `folder`: of the configuration.
    pub fn new(config: &Config, own: &Config, folder: &Path, others: Others) -> Result<Plan, OptionError> {
        let builtin = match TRANSPORTS_BUILTIN.written(config) {
            Some(_) => TRANSPORTS_BUILTIN.of(config),
            None => others == Others::Nobody && cfg!(feature = "web"),
        };
        let enabled = WEB_ENABLED.written(own).map_or(builtin, |_| WEB_ENABLED.of(own));
        if !enabled {
            return Ok(Plan::default());
        }
        let ip = |text: Option<&str>| -> Result<IpAddr, OptionError> {
            let text = text.unwrap_or_default();
            text.parse().map_err(|_| no(text, "an address"))
        };
        let port = |text: &str| text.parse().map_err(|_| no(text, "a port"));
        let address = SocketAddr::new(ip(WEB_IP.of(own))?, port(WEB_PORT.of(own).unwrap_or_default())?);
        let path = |option: Opt<Text>| option.of(own).map(|path| Where::Path(folder.join(path)));
        let web = std::iter::once(Where::Port(address)).chain(path(WEB_UNIX)).collect();
        let mut admin: Vec<Where> = path(WEB_ADMIN_UNIX).into_iter().collect();
        if let Some(text) = WEB_ADMIN_PORT.of(own) {
            admin.push(Where::Port(SocketAddr::new(ip(WEB_ADMIN_IP.of(own))?, port(text)?)));
        }
        let mut keep_admin = !admin.is_empty();
        for (is_so, why) in [
            (!builtin, "the built-in APIs are off (transports.builtin)"),
            (ADMIN_SECRET.of(config).is_none_or(str::is_empty), "there is no admin_secret"),
        ] {
            if keep_admin && is_so {
                tracing::warn!("The built-in web server does not serve the Admin API: {why}");
                keep_admin = false;
            }
        }
        if !keep_admin {
            admin.clear();
        }
        let tls = WEB_TLS_CERT
            .of(own)
            .map(|file| (folder.join(file), WEB_TLS_KEY.of(own).map(|key| folder.join(key))));
        let root = WEB_ROOT.of(own).map(|root| folder.join(root));
        Ok(Plan { web, janus: builtin, admin, activated: others != Others::Program, tls, root })
    }
}

pub(super) fn no(text: &str, expected: &'static str) -> OptionError {
    OptionError::Web { file: File::Own.name(), text: text.to_owned(), expected }
}

#[cfg(all(test, feature = "web"))]
mod tests {
    use super::*;

    fn plan(janus: &str, own: &str, others: Others) -> Plan {
        let parse =
            |text: &str| Config::parse("x.jcfg", text.as_bytes(), &crate::config::no_include).unwrap();
        Plan::new(&parse(janus), &parse(own), Path::new("/etc"), others).unwrap()
    }

    #[test]
    fn who_serves_what() {
        use Others::{Modules, Nobody, Program};
        const ON: &str = "transports: { builtin = true }";
        const OFF: &str = "transports: { builtin = false }";
        const WEB: &str = "web: { enabled = true }";
        const NO_WEB: &str = "web: { enabled = false }";
        // (web server, Janus API)
        for (janus, own, others, expected) in [
            ("", "", Nobody, (true, true)),
            ("", WEB, Nobody, (true, true)),
            ("", NO_WEB, Nobody, (false, false)),
            (OFF, "", Nobody, (false, false)),
            (OFF, WEB, Nobody, (true, false)),
            ("", "", Modules, (false, false)),
            ("", WEB, Modules, (true, false)),
            (ON, "", Modules, (true, true)),
            (ON, WEB, Modules, (true, true)),
            (ON, NO_WEB, Modules, (false, false)),
            ("", "", Program, (false, false)),
            ("", WEB, Program, (true, false)),
            (ON, "", Program, (true, true)),
        ] {
            let plan = plan(janus, own, others);
            assert_eq!((!plan.web.is_empty(), plan.janus), expected, "{janus} {own} {others:?}");
            assert_eq!(plan.admin, []);
        }
    }

    #[test]
    fn the_admin_api_wants_a_secret_and_an_address() {
        let secret = r#"general: { admin_secret = "s" }"#;
        let port = "web: { admin_port = 7188 }";
        let admin = |janus: &str, own: &str, others| plan(janus, own, others).admin;
        let at = |address: &str| Where::Port(address.parse().unwrap());
        assert_eq!(admin(secret, port, Others::Nobody), [at("127.0.0.1:7188")]);
        assert_eq!(admin("", port, Others::Nobody), []);
        assert_eq!(admin(r#"general: { admin_secret = "" }"#, port, Others::Nobody), []);
        assert_eq!(admin(secret, "", Others::Nobody), []);
        assert_eq!(admin(secret, port, Others::Modules), []);
        let open = r#"web: { admin_port = 7188; admin_ip = "::"; admin_unix = "a" }"#;
        assert_eq!(admin(secret, open, Others::Nobody), [Where::Path("/etc/a".into()), at("[::]:7188")]);
    }

    #[test]
    fn files_are_beside_the_configuration() {
        let tls = |own: &str| plan("", own, Others::Nobody).tls;
        assert_eq!(tls(""), None);
        assert_eq!(tls(r#"web: { tls_cert = "a.pem" }"#), Some(("/etc/a.pem".into(), None)));
        assert_eq!(
            tls(r#"web: { tls_cert = "/x/a.pem"; tls_key = "b.pem" }"#),
            Some(("/x/a.pem".into(), Some("/etc/b.pem".into())))
        );
    }

    #[test]
    fn addresses_that_are_none() {
        let parse =
            |text: &str| Config::parse("x.jcfg", text.as_bytes(), &crate::config::no_include).unwrap();
        for own in [r#"web: { ip = "here" }"#, r#"web: { port = "many" }"#, "web: { port = 70000 }"] {
            assert!(Plan::new(&parse(""), &parse(own), Path::new("/etc"), Others::Nobody).is_err(), "{own}");
        }
    }
}
