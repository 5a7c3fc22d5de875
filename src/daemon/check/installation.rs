//! Which configuration and which modules are meant.

use crate::config::Config;
use crate::daemon::cli::{self, Request};
use crate::server::files;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Where units are, the first wins (systemd.unit(5)).
const UNITS: [&str; 4] =
    ["etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "lib/systemd/system"];
pub const JANUS_UNIT: &str = "janus.service";

#[derive(Debug, Error)]
pub enum NotFound {
    #[error("there is no unit {0}")]
    Unit(String),
    #[error("there is no folder {}", .0.display())]
    Folder(PathBuf),
    #[error("{unit} starts no Janus that we understand: {why}")]
    Command { unit: String, why: String },
}

/// A unit of systemd that starts a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub name: String,
    pub file: PathBuf,
    /// The program and its arguments.
    pub command: Vec<String>,
}

pub struct Installation {
    pub folder: PathBuf,
    /// janus.jcfg with what the command line of the unit adds; what is wrong with it, if it cannot be read.
    pub config: Result<Config, String>,
    /// Whose command line that is.
    pub unit: Option<Unit>,
    /// `PREFIX/lib/janus`, where modules are unless the configuration says it.
    pub modules: Option<PathBuf>,
}

impl Installation {
    pub fn find(
        folder: Option<PathBuf>,
        prefix: Option<PathBuf>,
        unit: Option<&str>,
    ) -> Result<Installation, NotFound> {
        let named = folder.is_some() || prefix.is_some();
        let unit = match unit {
            Some(name) => Some(self::unit(name).ok_or_else(|| NotFound::Unit(name.to_owned()))?),
            None if named => None,
            None => self::unit(JANUS_UNIT),
        };
        let cli = match &unit {
            Some(unit) => {
                let words = unit.command.iter().map(OsString::from).collect();
                match cli::parse(words, "") {
                    Request::Run(cli) => Some(cli),
                    Request::Print(_) => None,
                    Request::Error(why) => {
                        let why = why.lines().next().unwrap_or_default().to_owned();
                        return Err(NotFound::Command { unit: unit.name.clone(), why });
                    }
                }
            }
            None => None,
        };
        let of_unit = cli.as_ref().and_then(|cli| cli.text("configs-folder")).map(PathBuf::from);
        // A program below some prefix has its own defaults.
        let prefix = prefix.or_else(|| prefix_of(unit.as_ref()?));
        let of_prefix = prefix.as_ref().map(|prefix| prefix.join("etc/janus"));
        // One that is asked for by name is meant.
        if let Some(of_prefix) =
            of_prefix.as_ref().filter(|of_prefix| folder.is_none() && !of_prefix.is_dir())
        {
            return Err(NotFound::Folder(of_prefix.clone()));
        }
        let folder = folder.or(of_unit).or(of_prefix).unwrap_or_else(|| files::CONFIG_FOLDER.into());
        let file = cli.as_ref().and_then(|cli| cli.text("config")).map(PathBuf::from);
        let config = files::configuration(file.as_deref(), &folder, false).map_err(|why| why.line());
        let config = config.map(|(mut config, _)| {
            if let Some(cli) = &cli {
                cli.fold_into(&mut config);
            }
            config
        });
        Ok(Installation { folder, config, unit, modules: prefix.and_then(|prefix| modules_below(&prefix)) })
    }

    /// Of one kind: `plugins`, `transports`, `events`, `loggers`.
    pub fn module_folder(&self, kind: &str) -> PathBuf {
        let empty = Config::new("janus.jcfg");
        let config = self.config.as_ref().unwrap_or(&empty);
        match (&self.modules, crate::options::modules(kind).folder.of(config)) {
            (Some(root), None) => root.join(kind),
            _ => files::module_folder(config, kind),
        }
    }

    /// Every configuration file, and what it holds.
    pub fn files(&self) -> Vec<(PathBuf, Result<Config, String>)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| is_config(path)).collect();
        paths.sort();
        let read = |path: PathBuf| {
            let config = Config::parse_file(&path).map_err(|error| error.to_string());
            (path, config)
        };
        paths.into_iter().map(read).collect()
    }

    /// One of them, if it can be read.
    pub fn file(&self, name: &str) -> Option<Config> {
        Config::parse_file(&self.folder.join(name)).ok()
    }
}

/// What is no file may never come to an end.
fn is_config(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jcfg" || ending == "cfg") && path.is_file()
}

/// `/opt/janus` of `/opt/janus/bin/janus`; none for programs of the system, which have other places.
fn prefix_of(unit: &Unit) -> Option<PathBuf> {
    let program = Path::new(unit.command.first()?);
    let prefix = program.parent()?.parent()?;
    (prefix != Path::new("/usr") && prefix.join("etc/janus").is_dir()).then(|| prefix.to_owned())
}

fn modules_below(prefix: &Path) -> Option<PathBuf> {
    let triplet = format!("lib/{}-linux-gnu/janus", std::env::consts::ARCH);
    ["lib/janus", "lib64/janus", &triplet]
        .into_iter()
        .map(|path| prefix.join(path))
        .find(|path| path.is_dir())
}

/// `/`, or what stands in for it: for tests, and for systems that are looked at from outside.
pub fn root() -> PathBuf {
    std::env::var_os("JANUS_RS_ROOT").map_or_else(|| "/".into(), PathBuf::from)
}

/// The unit of this name, if it starts something.
pub fn unit(name: &str) -> Option<Unit> {
    let root = root();
    UNITS.iter().find_map(|folder| {
        let file = root.join(folder).join(name);
        let text = fs::read_to_string(&file).ok()?;
        let command = exec_start(&text)?;
        Some(Unit { name: name.to_owned(), file, command })
    })
}

/// The words of `ExecStart=`; the last one counts. Quotes and continued lines as in systemd.service(5); no variables.
fn exec_start(text: &str) -> Option<Vec<String>> {
    let text = text.replace("\\\n", " ");
    let line = text.lines().filter_map(|line| line.trim().strip_prefix("ExecStart=")).next_back()?;
    let line = line.trim_start_matches(['@', '-', ':', '+', '!']);
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_units() {
        let of = |text| exec_start(text).unwrap_or_default();
        assert_eq!(
            of("[Service]\nExecStart=-/usr/bin/janus -o \\\n  -L \"/var/log/a b\"\n"),
            ["/usr/bin/janus", "-o", "-L", "/var/log/a b"]
        );
        assert_eq!(of("ExecStart=/bin/a\nExecStart=/bin/b ''\n"), ["/bin/b", ""]);
        assert!(exec_start("[Service]\nExecStart=\n").is_none() && exec_start("").is_none());
    }
}
