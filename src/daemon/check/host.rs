//! What the machine has to offer: certificates, limits, folders, servers elsewhere.

use super::{Finding, Installation, State};
use crate::config::{Config, Node};
use crate::daemon::system::System;
use crate::media::dtls::seconds_since_1970;
use crate::options;
use crate::util::network;
use openssl::pkey::PKey;
use openssl::x509::X509;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const DAY: i64 = 24 * 3600;
/// A certificate that ends sooner is worth a line.
const SOON: i64 = 30 * DAY;
/// Fewer open files than this are few: a call of an HTTP client may need two.
const FILES: u64 = 4096;
/// net.core.rmem_max and wmem_max that hold what comes within some ms.
const SOCKET_BYTES: u64 = 2 << 20;

/// A certificate that some file names.
struct Pair {
    file: &'static str,
    certificate: String,
    /// Where its key is.
    key: String,
    password: Option<String>,
}

fn pairs(installation: &Installation) -> Vec<Pair> {
    let mut found = Vec::new();
    let mut add = |file, certificate: Option<String>, key: Option<String>, password| {
        if let Some(certificate) = certificate {
            found.push(Pair { file, key: key.unwrap_or_else(|| certificate.clone()), certificate, password });
        }
    };
    if let Ok(config) = &installation.config {
        add(
            "janus.jcfg",
            options::CERT_PEM.of(config).map(str::to_owned),
            options::CERT_KEY.of(config).map(str::to_owned),
            options::CERT_PWD.of(config).map(str::to_owned),
        );
    }
    // They read theirs only when they are to serve TLS.
    for (file, switches) in [
        ("janus.transport.http.jcfg", [("general", "https"), ("admin", "admin_https")]),
        ("janus.transport.websockets.jcfg", [("general", "wss"), ("admin", "admin_wss")]),
    ] {
        let Some(config) = installation.file(file) else { continue };
        if switches.iter().any(|(category, item)| config.is_true(category, item)) {
            let item = |name| config.value("certificates", name).map(str::to_owned);
            add(file, item("cert_pem"), item("cert_key"), item("cert_pwd"));
        }
    }
    found
}

/// Files with keys, which not everybody may read.
pub fn keys(installation: &Installation) -> Vec<PathBuf> {
    pairs(installation).into_iter().map(|pair| PathBuf::from(pair.key)).collect()
}

pub fn certificates(installation: &Installation, findings: &mut Vec<Finding>) {
    for Pair { file, certificate, key, password } in pairs(installation) {
        let subject = format!("{file}: {certificate}");
        findings.push(match usable(&certificate, &key, password.as_deref()) {
            Err(why) => {
                Finding::new(State::Error, "certificate", subject, why).todo("certificates in that file")
            }
            Ok(left) if left < 0 => {
                Finding::new(State::Error, "certificate", subject, "has expired").todo("renew it")
            }
            Ok(left) if left < SOON => {
                Finding::new(State::Warning, "certificate", subject, format!("ends in {} days", left / DAY))
                    .todo("renew it")
            }
            Ok(left) => {
                Finding::new(State::Ok, "certificate", subject, format!("is good for {} days", left / DAY))
            }
        });
    }
}

/// Seconds that it is still valid.
fn usable(certificate: &str, key: &str, password: Option<&str>) -> Result<i64, String> {
    let read = |path: &str| fs::read(path).map_err(|why| format!("cannot read {path}: {why}"));
    let chain =
        X509::stack_from_pem(&read(certificate)?).map_err(|_| "is no certificate in PEM".to_owned())?;
    let own = chain.first().ok_or("holds no certificate")?;
    // Always with a password: without one OpenSSL would ask for it on the terminal.
    let key = PKey::private_key_from_pem_passphrase(&read(key)?, password.unwrap_or("").as_bytes())
        .map_err(|_| format!("{key} is no key, or its password is wrong"))?;
    if !own.public_key().is_ok_and(|public| public.public_eq(&key)) {
        return Err("does not belong to its key".to_owned());
    }
    let ends = seconds_since_1970(own.not_after()).map_err(|why| why.to_string())?;
    let now =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    Ok(ends - now)
}

pub fn limits(installation: &Installation, system: &dyn System, findings: &mut Vec<Finding>) {
    let wanted = installation.config.as_ref().ok().and_then(|config| {
        options::CHECK_OPENFILES_LIMIT.written(config).and_then(|text| text.trim().parse::<u64>().ok())
    });
    if let Some(limit) = system.open_files_limit() {
        let finding = |state, text: String| Finding::new(state, "limit", "open files", text);
        findings.push(match wanted {
            Some(wanted) if limit < wanted => {
                finding(State::Error, format!("{limit} here, check_openfiles_limit asks for {wanted}"))
                    .todo("LimitNOFILE= in the unit, ulimit -n in a shell")
            }
            _ if limit < FILES => finding(State::Warning, format!("{limit} here"))
                .todo("LimitNOFILE=65536 in the unit, ulimit -n in a shell"),
            _ => finding(State::Ok, format!("{limit} here")),
        });
    }
    for name in ["rmem_max", "wmem_max"] {
        let Ok(text) = fs::read_to_string(format!("/proc/sys/net/core/{name}")) else { continue };
        let Ok(bytes) = text.trim().parse::<u64>() else { continue };
        let subject = format!("net.core.{name}");
        findings.push(if bytes < SOCKET_BYTES {
            Finding::new(
                State::Note,
                "limit",
                subject,
                format!("{bytes} bytes for a socket with all calls of a worker"),
            )
            .todo(format!("sysctl net.core.{name}=8388608 before many calls"))
        } else {
            Finding::new(State::Ok, "limit", subject, format!("{bytes} bytes"))
        });
    }
}

/// Folders and files that the configuration names and somebody is going to write to.
pub fn written(installation: &Installation) -> Vec<(String, PathBuf)> {
    let mut all = Vec::new();
    if let Ok(config) = &installation.config {
        let file = |item: &str, path: Option<&str>| {
            path.and_then(|path| {
                Some((format!("janus.jcfg: general.{item}"), Path::new(path).parent()?.to_owned()))
            })
        };
        all.extend(file("log_to_file", options::LOG_TO_FILE.of(config)));
        all.extend(file("pid_file", options::PID_FILE.of(config)));
    }
    for (path, config) in installation.files() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Of these two it is where scripts are read from.
        let reads = ["janus.plugin.lua.jcfg", "janus.plugin.duktape.jcfg"].contains(&name.as_str());
        let writes = name.starts_with("janus.plugin.") || name.starts_with("janus.logger.");
        if let (Ok(config), true) = (config, writes && !reads) {
            for (item, value) in folders_of(&config) {
                all.push((format!("{name}: {item}"), value));
            }
        }
    }
    all.dedup_by(|one, other| one.1 == other.1);
    all
}

/// Items of modules that name a folder: `path`, `rec_dir`, `recording_folder` and the like.
fn folders_of(config: &Config) -> Vec<(String, PathBuf)> {
    fn visit(prefix: &str, nodes: &[&Node], found: &mut Vec<(String, PathBuf)>) {
        for node in nodes {
            let name = node.name.as_deref().unwrap_or_default();
            let full = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            let is_folder =
                name == "path" || name == "dir" || name.ends_with("_dir") || name.contains("folder");
            if let Some(value) = node.value().filter(|value| is_folder && value.starts_with('/')) {
                found.push((full.clone(), PathBuf::from(value)));
            }
            if let Some(children) = node.children() {
                visit(&full, &children.iter().collect::<Vec<_>>(), found);
            }
        }
    }
    let mut found = Vec::new();
    visit("", &config.root.iter().collect::<Vec<_>>(), &mut found);
    found
}

pub fn folders(installation: &Installation, findings: &mut Vec<Finding>) {
    for (item, path) in written(installation) {
        let subject = path.display().to_string();
        let finding = match fs::metadata(&path) {
            Ok(found) if !found.is_dir() => {
                Finding::new(State::Error, "folder", subject, format!("is no folder ({item})"))
            }
            Ok(found) if found.permissions().readonly() => {
                Finding::new(State::Error, "folder", subject, format!("nobody may write there ({item})"))
            }
            Ok(_) => {
                findings.push(Finding::new(State::Ok, "folder", subject, format!("is there ({item})")));
                continue;
            }
            Err(why) if why.kind() == ErrorKind::NotFound => {
                Finding::new(State::Warning, "folder", subject, format!("is not there ({item})"))
            }
            Err(why) => Finding::new(State::Warning, "folder", subject, format!("{why} ({item})")),
        };
        findings.push(finding.todo("make it, for the user that the server runs as"));
    }
}

pub fn servers(installation: &Installation, findings: &mut Vec<Finding>) {
    let Ok(config) = &installation.config else { return };
    for (kind, host) in [("STUN", options::STUN_SERVER.of(config)), ("TURN", options::TURN_SERVER.of(config))]
    {
        let Some(host) = host else { continue };
        let subject = format!("{kind} {host}");
        let Some(address) = network::resolve(host) else {
            findings.push(
                Finding::new(State::Error, "server", subject, "has no address")
                    .todo("nat in janus.jcfg; or ignore_unreachable_ice_server = true"),
            );
            continue;
        };
        if kind == "TURN" {
            findings.push(Finding::new(State::Ok, "server", subject, format!("is {address}; not asked")));
            continue;
        }
        let port = options::STUN_PORT.of(config).and_then(|port| port.trim().parse().ok()).unwrap_or(3478);
        findings.push(match crate::api::admin::public_address((address, port).into(), 0) {
            Ok(seen) => {
                Finding::new(State::Ok, "server", subject, format!("answers: we are {} outside", seen.ip()))
            }
            Err(why) => Finding::new(State::Error, "server", subject, format!("does not answer: {why}"))
                .todo("firewall? nat in janus.jcfg; or ignore_unreachable_ice_server = true"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::no_include;

    #[test]
    fn folders_that_modules_write_to() {
        let text = "general: { path = \"/a/b\"; ws_path = \"/x\"; recordings_folder = \"/c\" }\n\
                    room-1: { rec_dir = \"/d\"; record = true; other_dir = \"relative\" }\n";
        let config = Config::parse("x.jcfg", text.as_bytes(), &no_include).unwrap();
        let found: Vec<(String, String)> =
            folders_of(&config).into_iter().map(|(item, path)| (item, path.display().to_string())).collect();
        let expected =
            [("general.path", "/a/b"), ("general.recordings_folder", "/c"), ("room-1.rec_dir", "/d")];
        assert_eq!(found, expected.map(|(item, path)| (item.to_owned(), path.to_owned())));
    }

    #[test]
    fn a_certificate_that_is_none() {
        assert!(
            usable("/nowhere.pem", "/nowhere.key", None).unwrap_err().starts_with("cannot read /nowhere.pem")
        );
        let text = format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(usable(&text, &text, None).unwrap_err(), "holds no certificate");
    }
}
