//! Which configuration file is read (control-plane.md §1.3), and where modules are.
#![forbid(unsafe_code)]

use crate::config::{Config, ConfigError};
use crate::options::{self, File};
use std::path::{Path, PathBuf};

/// Where configuration is, unless `-F` says otherwise.
pub const CONFIG_FOLDER: &str = match option_env!("JANUS_RS_CONFIG_FOLDER") {
    Some(folder) => folder,
    None => "/etc/janus",
};

/// `file` (`-C`), else `janus.jcfg` in the folder; when that one cannot be read, `janus.cfg` in the folder. Without
/// any: an empty configuration, unless `file` was asked for (CP-003 … CP-005). The second value is worth a log line.
pub fn configuration(file: Option<&Path>, folder: &Path) -> Result<(Config, Option<String>), String> {
    let first = file.map_or_else(|| folder.join("janus.jcfg"), Path::to_owned);
    let why = match Config::parse_file(&first) {
        Ok(config) => return Ok((config, None)),
        Err(error) => format!("{}: {error}", first.display()),
    };
    match Config::parse_file(&folder.join("janus.cfg")) {
        Ok(config) => Ok((config, Some(why))),
        Err(_) if file.is_none() => Ok((Config::new("janus.jcfg"), Some(why))),
        Err(_) => Err(why),
    }
}

/// `janus-rs.jcfg` in the folder, empty when it is not there. The error is one line.
pub fn own_configuration(folder: &Path) -> Result<Config, String> {
    let file = folder.join(File::Own.name());
    match Config::parse_file(&file) {
        Ok(config) => Ok(config),
        Err(ConfigError::Read { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Config::new(File::Own.name()))
        }
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// The folder of one kind of modules (`plugins`, `transports`, `events`, `loggers`): the configured one, else the
/// one compiled in, else the first of the usual places that exists.
pub fn module_folder(config: &Config, kind: &str) -> PathBuf {
    if let Some(folder) = options::modules(kind).folder.of(config) {
        return folder.into();
    }
    if let Some(root) = option_env!("JANUS_RS_MODULE_FOLDER") {
        return Path::new(root).join(kind);
    }
    let triplet = format!("/usr/lib/{}-linux-gnu/janus", std::env::consts::ARCH);
    let roots = [
        triplet.as_str(),
        "/usr/lib64/janus",
        "/usr/lib/janus",
        "/usr/local/lib/janus",
        "/opt/janus/lib/janus",
    ];
    let folders = roots.map(|root| Path::new(root).join(kind));
    folders.iter().find(|f| f.is_dir()).unwrap_or(&folders[0]).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("janus-rs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    // CP-003, CP-004, CP-005
    #[test]
    fn which_file_is_read() {
        let folder = folder("files");
        let missing = folder.join("other.jcfg");
        let name = |r: Result<(Config, Option<String>), String>| {
            r.map(|(c, _)| c.value("general", "server_name").map(str::to_owned))
        };
        assert_eq!(name(configuration(None, &folder)), Ok(None));
        assert!(configuration(Some(&missing), &folder).is_err());
        std::fs::write(folder.join("janus.cfg"), "[general]\nserver_name = ini\n").unwrap();
        assert_eq!(name(configuration(Some(&missing), &folder)), Ok(Some("ini".into())));
        std::fs::write(folder.join("janus.jcfg"), "general: { server_name = \"jcfg\" }\n").unwrap();
        assert_eq!(name(configuration(None, &folder)), Ok(Some("jcfg".into())));
        std::fs::write(folder.join("janus.jcfg"), "general: {").unwrap();
        assert_eq!(name(configuration(None, &folder)), Ok(Some("ini".into())));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_configured_folder_wins() {
        let mut config = Config::new("janus.jcfg");
        assert!(module_folder(&config, "plugins").ends_with("janus/plugins"));
        config.set("general", "plugins_folder", "/x");
        assert_eq!(module_folder(&config, "plugins"), Path::new("/x"));
        assert!(module_folder(&config, "events").ends_with("janus/events"));
    }
}
