//! What configuration files say: whether they can be read, unknown items, ports, secrets, origins.

use super::{Finding, Installation, State};
use crate::config::{Config, Kind};
use crate::options::{self, File};
use crate::server::ports;

/// What the distribution and its examples ship, and everybody knows.
const KNOWN_SECRETS: [&str; 11] = [
    "janusoverlord",
    "janusrocks",
    "janus",
    "supersecret",
    "adminpwd",
    "secretpassphrase",
    "mypwd",
    "mypassword",
    "anyapikeyyoumayhaveset",
    "guest",
    "password",
];

pub fn files(installation: &Installation, findings: &mut Vec<Finding>) {
    if !installation.folder.is_dir() {
        findings.push(
            Finding::new(
                State::Error,
                "config",
                installation.folder.display().to_string(),
                "there is no such folder",
            )
            .todo("-F FOLDER or --prefix PREFIX"),
        );
        return;
    }
    if let Err(why) = &installation.config {
        findings.push(
            Finding::new(State::Error, "config", "janus.jcfg", why)
                .todo("mend it: nothing is started without the secrets in it"),
        );
    }
    for (path, config) in installation.files() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let own = [File::Janus, File::Own].into_iter().find(|file| file.name() == name);
        match (config, own) {
            (Ok(config), Some(file)) => {
                let unknown = options::check(file, &config);
                if unknown.is_empty() {
                    findings.push(Finding::new(State::Ok, "config", &name, "can be read"));
                }
                for line in unknown {
                    let text = line.strip_prefix(&format!("{name}: ")).unwrap_or(&line).to_owned();
                    findings.push(
                        Finding::new(State::Warning, "config", &name, text).todo("docs/configuration.md"),
                    );
                }
            }
            (Ok(_), None) => findings.push(Finding::new(State::Ok, "config", &name, "can be read")),
            // Told above.
            (Err(_), Some(File::Janus)) => {}
            (Err(why), Some(File::Own)) => {
                findings.push(
                    Finding::new(State::Error, "config", &name, why).todo("mend it: nothing is started"),
                );
            }
            (Err(why), None) => findings.push(
                Finding::new(State::Warning, "config", &name, why)
                    .todo("the module goes without it, as under Janus; mend it if you use the module"),
            ),
        }
    }
}

pub fn ports(installation: &Installation, findings: &mut Vec<Finding>) {
    let Ok(config) = &installation.config else { return };
    for wanted in ports::wanted(&installation.folder, &options::TRANSPORTS_DISABLE.of(config)) {
        let subject = format!("TCP {}", wanted.port);
        findings.push(match wanted.holder {
            None => Finding::new(State::Ok, "port", subject, format!("is free ({})", wanted.item)),
            Some(holder) => held(subject, &wanted.item, &holder),
        });
    }
    for name in options::UDP_PORTS.of(config) {
        let subject = format!("UDP {name}");
        match name.parse().map(ports::udp_holder) {
            Err(_) => findings.push(
                Finding::new(State::Error, "port", subject, "is no port")
                    .todo("media.udp_ports in janus.jcfg"),
            ),
            Ok(None) => findings.push(Finding::new(State::Ok, "port", subject, "is free (media.udp_ports)")),
            Ok(Some(holder)) => findings.push(held(subject, "media.udp_ports", &holder)),
        }
    }
    if let Some(range) = options::RTP_PORT_RANGE.of(config) {
        findings.push(range_of(range));
    }
}

/// A server that runs now has its own ports; it may be the one that is to be replaced.
fn held(subject: String, item: &str, holder: &str) -> Finding {
    if holder.starts_with("janus ") || holder.starts_with("janus-rs ") {
        return Finding::new(State::Note, "port", subject, format!("{holder} has it ({item})"))
            .todo("it is free when that has stopped");
    }
    Finding::new(State::Error, "port", subject, format!("{holder} has it ({item})"))
        .todo("stop that, or choose another port")
}

/// One port per media worker is enough, however many calls there are.
fn range_of(range: &str) -> Finding {
    let subject = format!("UDP {range}");
    let ends = range
        .split_once('-')
        .and_then(|(min, max)| Some((min.trim().parse().ok()?, max.trim().parse().ok()?)));
    let Some((min, max)) = ends.map(|(a, b): (u16, u16)| (a.min(b), a.max(b))) else {
        return Finding::new(State::Warning, "port", subject, "is no range: any port is used")
            .todo("media.rtp_port_range in janus.jcfg: min-max");
    };
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    // Looking further would take long, and say nothing new.
    let free = (min..=max).take(4 * workers).filter(|port| ports::udp_holder(*port).is_none()).count();
    if free == 0 {
        return Finding::new(State::Error, "port", subject, "none of its first ports is free")
            .todo("another media.rtp_port_range in janus.jcfg");
    }
    if free < workers {
        return Finding::new(
            State::Warning,
            "port",
            subject,
            format!("{free} ports are free for {workers} media workers"),
        )
        .todo("a port for each worker: media.rtp_port_range in janus.jcfg");
    }
    Finding::new(State::Ok, "port", subject, format!("has ports for {workers} media workers"))
}

pub fn secrets(installation: &Installation, findings: &mut Vec<Finding>) {
    let Ok(config) = &installation.config else { return };
    let admin_is_open = ports::wanted(&installation.folder, &options::TRANSPORTS_DISABLE.of(config))
        .iter()
        .any(|wanted| wanted.item.contains("admin."));
    if options::ADMIN_SECRET.of(config).is_none() {
        let state = if admin_is_open { State::Error } else { State::Note };
        findings.push(
            Finding::new(
                state,
                "secret",
                "janus.jcfg: general.admin_secret",
                "is not set: the Admin API asks for none",
            )
            .todo("set it"),
        );
    }
    for (path, file) in installation.files() {
        let Ok(file) = file else { continue };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (category, item, value) in items(&file) {
            if crate::daemon::mask::is_secret(&item) && KNOWN_SECRETS.contains(&value.as_str()) {
                let subject = format!("{name}: {category}.{item}");
                findings.push(
                    Finding::new(
                        State::Warning,
                        "secret",
                        subject,
                        "is the one of the example, which everybody knows",
                    )
                    .todo("choose another one"),
                );
            }
        }
    }
}

/// Values two levels deep: category, item, text.
fn items(config: &Config) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for category in config.root.iter().filter(|node| node.kind() == Kind::Category) {
        for node in category.children().into_iter().flat_map(|children| children.iter()) {
            if let (Some(name), Some(value)) = (&node.name, node.value()) {
                all.push((category.name.clone().unwrap_or_default(), name.clone(), value.to_owned()));
            }
        }
    }
    all
}

/// Which web pages may use the API.
pub fn origins(installation: &Installation, findings: &mut Vec<Finding>) {
    let Some(http) = installation.file("janus.transport.http.jcfg") else { return };
    if !http.is_true("general", "http") && !http.is_true("general", "https") {
        return;
    }
    let subject = "janus.transport.http.jcfg: cors.allow_origin";
    let enforced = http.is_true("cors", "enforce_cors");
    findings.push(match (http.value("cors", "allow_origin"), enforced) {
        (None | Some("*"), _) => {
            Finding::new(State::Note, "origin", subject, "pages of any origin may use the API")
                .todo("name yours, with enforce_cors = true, unless that is meant")
        }
        (Some(origin), false) => Finding::new(
            State::Note,
            "origin",
            subject,
            format!("browsers let pages of {origin} use the API; requests of others are answered, too"),
        )
        .todo("enforce_cors = true refuses them"),
        (Some(origin), true) => Finding::new(State::Ok, "origin", subject, format!("only pages of {origin}")),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders() {
        assert_eq!(held("TCP 1".into(), "x", "janus (process 7)").state, State::Note);
        assert_eq!(held("TCP 1".into(), "x", "nginx (process 7)").state, State::Error);
        assert_eq!(held("TCP 1".into(), "x", "janusx (process 7)").state, State::Error);
    }

    #[test]
    fn ranges() {
        assert_eq!(range_of("ten-twenty").state, State::Warning);
        let mine = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = mine.local_addr().unwrap().port();
        assert_eq!(range_of(&format!("{port}-{port}")).state, State::Error);
    }
}
