//! Ports that transports were to listen on, and that another process has. The modules say only that they could not.
#![forbid(unsafe_code)]

use crate::config::Config;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// A port in the configuration of a transport of the distribution.
struct Door {
    transport: &'static str,
    category: &'static str,
    /// The item that opens it.
    switch: &'static str,
    item: &'static str,
    default: u16,
}

const fn door(
    transport: &'static str,
    category: &'static str,
    switch: &'static str,
    item: &'static str,
    default: u16,
) -> Door {
    Door { transport, category, switch, item, default }
}

const DOORS: [Door; 8] = [
    door("http", "general", "http", "port", 8088),
    door("http", "general", "https", "secure_port", 8089),
    door("http", "admin", "admin_http", "admin_port", 7088),
    door("http", "admin", "admin_https", "admin_secure_port", 7889),
    door("websockets", "general", "ws", "ws_port", 8188),
    door("websockets", "general", "wss", "wss_port", 8989),
    door("websockets", "admin", "admin_ws", "admin_ws_port", 7188),
    door("websockets", "admin", "admin_wss", "admin_wss_port", 7989),
];

/// What became of the ports.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// One line for each that another process has.
    pub taken: Vec<String>,
    /// The Janus API was to have a port, and has none: all are taken.
    pub without_api: bool,
}

impl Door {
    fn file(&self) -> String {
        format!("janus.transport.{}.jcfg", self.transport)
    }

    fn port(&self, config: &Config) -> Option<u16> {
        let number = |text: &str| text.trim().parse().ok();
        config.is_true(self.category, self.switch).then_some(())?;
        config.value(self.category, self.item).map_or(Some(self.default), number)
    }

    fn is_of_janus_api(&self) -> bool {
        self.category == "general"
    }
}

/// A port that a transport of the distribution is to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub port: u16,
    /// The file and the item.
    pub item: String,
    /// Who has it now.
    pub holder: Option<String>,
}

/// All of them, before a server is started.
pub fn wanted(folder: &Path, disabled: &[String]) -> Vec<Wanted> {
    let listening = listeners();
    let mut all = Vec::new();
    for door in &DOORS {
        let is_disabled = disabled.iter().any(|file| *file == format!("libjanus_{}.so", door.transport));
        let Ok(config) = Config::parse_file(&folder.join(door.file())) else { continue };
        let Some(port) = door.port(&config).filter(|_| !is_disabled) else { continue };
        let holder = listening.iter().find(|l| l.0 == port).map(|l| holder(l.1));
        all.push(Wanted { port, item: format!("{}: {}.{}", door.file(), door.category, door.item), holder });
    }
    all
}

/// UDP ports that somebody has, and who.
pub fn udp_holder(port: u16) -> Option<String> {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let found = tables.iter().flat_map(|table| table.lines()).filter_map(socket).find(|s| s.0 == port);
    found.map(|found| holder(found.2))
}

/// Looks after the transports were initialised. `disabled`: file names of modules that were not loaded.
pub fn look(folder: &Path, disabled: &[String]) -> Ports {
    let listening = listeners();
    let ours = sockets("self");
    let mut ports = Ports::default();
    let mut has_api = false;
    for door in &DOORS {
        if disabled.iter().any(|file| *file == format!("libjanus_{}.so", door.transport)) {
            continue;
        }
        let Ok(config) = Config::parse_file(&folder.join(door.file())) else { continue };
        let Some(port) = door.port(&config) else { continue };
        let inodes: Vec<u64> = listening.iter().filter(|l| l.0 == port).map(|l| l.1).collect();
        if inodes.iter().any(|inode| ours.contains(inode)) {
            has_api |= door.is_of_janus_api();
        } else if let Some(inode) = inodes.first() {
            ports.without_api |= door.is_of_janus_api();
            ports.taken.push(format!(
                "Port {port} ({}: {}.{}) is in use by {}",
                door.file(),
                door.category,
                door.item,
                holder(*inode)
            ));
        }
    }
    ports.without_api &= !has_api;
    ports
}

/// Whether this process listens on it.
#[cfg(feature = "web")]
pub fn is_ours(port: u16) -> bool {
    let ours = sockets("self");
    listeners().into_iter().any(|(other, inode)| other == port && ours.contains(&inode))
}

/// TCP ports that somebody listens on, and their sockets.
fn listeners() -> Vec<(u16, u64)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines()).filter_map(listener).collect()
}

fn listener(line: &str) -> Option<(u16, u64)> {
    socket(line).filter(|(_, state, _)| *state == "0A").map(|(port, _, inode)| (port, inode))
}

/// Port, state and inode, from proc(5) `net/tcp` and `net/udp`: `sl local_address rem_address st … inode`.
fn socket(line: &str) -> Option<(u16, &str, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let port = u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()?;
    Some((port, state, fields.nth(5)?.parse().ok()?))
}

/// The sockets of a process, as far as we may look.
fn sockets(process: &str) -> HashSet<u64> {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let inode = |target: &Path| target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    open.filter_map(|entry| inode(&fs::read_link(entry.path()).ok()?)).collect()
}

/// `janus (process 7)`, for the first that has the socket.
fn holder(inode: u64) -> String {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let holder = names.find(|name| name.parse::<u32>().is_ok() && sockets(name).contains(&inode));
    match holder {
        Some(process) => {
            let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            format!("{} (process {process})", name.trim_end())
        }
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_has_a_port() {
        let mine = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = mine.local_addr().unwrap().port();
        let inode = listeners().into_iter().find(|l| l.0 == port).unwrap().1;
        assert!(sockets("self").contains(&inode));
        assert!(holder(inode).ends_with(&format!("(process {})", std::process::id())), "{}", holder(inode));
        assert_eq!(holder(u64::MAX), "another process");
        let line =
            "   0: 00000000:1F98 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 1 1";
        assert_eq!(listener(line), None);
        assert_eq!(listener(&line.replace(" 01 ", " 0A ")), Some((8088, 1)));
        assert_eq!(listener("  sl  local_address rem_address   st"), None);
    }

    #[test]
    fn ports_of_ours_are_not_taken() {
        let mine = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = std::env::temp_dir().join(format!("janus-rs-ports-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let text = format!("general: {{ ws = true; ws_port = {} }}\n", mine.local_addr().unwrap().port());
        fs::write(folder.join("janus.transport.websockets.jcfg"), text).unwrap();
        assert_eq!(look(&folder, &[]), Ports::default());
        fs::remove_dir_all(&folder).unwrap();
    }
}
