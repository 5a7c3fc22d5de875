//! Which configuration file is read (control-plane.md §1.3), and where modules are.
#![forbid(unsafe_code)]

use super::error::StartError;
use crate::config::{Config, ConfigError};
use crate::options::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where configuration is, unless `-F` says otherwise.
pub const CONFIG_FOLDER: &str = match option_env!("JANUS_RS_CONFIG_FOLDER") {
    Some(folder) => folder,
    None => "/etc/janus",
};

/// Why there is no configuration; each holds one line.
#[derive(Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The file that was asked for is not there.
    Missing(String),
    /// A file is there, and cannot be read or is not in its format.
    Unreadable(String),
}

impl Unusable {
    pub fn line(self) -> String {
        match self {
            Unusable::Missing(line) | Unusable::Unreadable(line) => line,
        }
    }
}

/// `file` (`-C`), else `janus.jcfg` in the folder; when that one is not there, `janus.cfg` in the folder. Without any: an
/// empty configuration, unless `file` was asked for (CP-003 … CP-005). The second value is worth a log line.
///
/// A file that is there and cannot be read is refused: an empty configuration has no secrets. `lenient`: as if it were not
/// there, as in the reference.
pub fn configuration(
    file: Option<&Path>,
    folder: &Path,
    lenient: bool,
) -> Result<(Config, Option<String>), Unusable> {
    let first = file.map_or_else(|| folder.join("janus.jcfg"), Path::to_owned);
    let why = match Config::parse_file(&first) {
        Ok(config) => return Ok((config, None)),
        Err(error) => unless_missing(&first, error, lenient)?,
    };
    let second = folder.join("janus.cfg");
    match Config::parse_file(&second) {
        Ok(config) => return Ok((config, Some(why))),
        Err(error) => unless_missing(&second, error, lenient)?,
    };
    match file {
        None => Ok((Config::new("janus.jcfg"), Some(why))),
        Some(_) => Err(Unusable::Missing(why)),
    }
}

/// The line that says so.
fn unless_missing(file: &Path, error: ConfigError, lenient: bool) -> Result<String, Unusable> {
    let missing =
        matches!(&error, ConfigError::Read { error, .. } if error.kind() == std::io::ErrorKind::NotFound);
    let line = format!("{}: {error}", file.display());
    if missing || lenient { Ok(line) } else { Err(Unusable::Unreadable(line)) }
}

/// `janus-rs.jcfg` in the folder, empty when it is not there.
pub fn own_configuration(folder: &Path) -> Result<Config, StartError> {
    let file = folder.join(File::Own.name());
    match Config::parse_file(&file) {
        Ok(config) => Ok(config),
        Err(ConfigError::Read { error, .. })
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            Ok(Config::new(File::Own.name()))
        }
        Err(error) => Err(StartError::File { file, error }),
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
        let name = |file, lenient| {
            configuration(file, &folder, lenient)
                .map(|(c, _)| c.value("general", "server_name").map(str::to_owned))
        };
        assert_eq!(name(None, false), Ok(None));
        for lenient in [false, true] {
            assert!(matches!(name(Some(&missing), lenient), Err(Unusable::Missing(_))));
        }
        std::fs::write(folder.join("janus.cfg"), "[general]\nserver_name = ini\n").unwrap();
        assert_eq!(name(Some(&missing), false), Ok(Some("ini".into())));
        std::fs::write(folder.join("janus.jcfg"), "general: { server_name = \"jcfg\" }\n").unwrap();
        assert_eq!(name(None, false), Ok(Some("jcfg".into())));
        std::fs::write(folder.join("janus.jcfg"), "general: {").unwrap();
        assert!(matches!(name(None, false), Err(Unusable::Unreadable(line)) if line.contains("line 1")));
        assert_eq!(name(None, true), Ok(Some("ini".into())));
        std::fs::remove_file(folder.join("janus.cfg")).unwrap();
        assert_eq!(name(None, true), Ok(None));
        // There, and no file.
        std::fs::remove_file(folder.join("janus.jcfg")).unwrap();
        std::fs::create_dir(folder.join("janus.jcfg")).unwrap();
        assert!(matches!(name(None, false), Err(Unusable::Unreadable(_))));
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
