//! Folders, and those in which nothing may be recorded.
#![forbid(unsafe_code)]

use crate::util::lock::Lock;
use std::fs::DirBuilder;
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

/// Creates the folder and those above it; existing ones are fine (HL-220).
pub fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// `path` as it is when absolute, else below `base`, with one slash between them (HL-221).
pub fn absolute(base: &str, path: &str) -> String {
    match (base, path) {
        ("", _) => path.to_owned(),
        (_, "") => base.to_owned(),
        _ if path.starts_with('/') => path.to_owned(),
        _ => format!("{}/{path}", base.trim_end_matches('/')),
    }
}

/// Where a file of this name lies: `folder/name`, whatever the name begins with. `Path::join` would leave the folder
/// for an absolute name. `..` may lead anywhere inside the folder; out of it, also by way of a link, is an error, and so
/// is `..` below something that does not exist.
pub fn below(folder: &str, name: &str) -> io::Result<PathBuf> {
    if folder.is_empty() {
        return Ok(PathBuf::from(name));
    }
    let path = PathBuf::from(format!("{folder}/{name}"));
    let climbs = Path::new(name).components().any(|part| part == Component::ParentDir);
    if climbs && !resolve(&path)?.starts_with(resolve(Path::new(folder))?) {
        return Err(io::Error::new(ErrorKind::PermissionDenied, format!("'{name}' is outside '{folder}'")));
    }
    Ok(path)
}

static PROTECTED: Lock<Vec<String>> = Lock::new(Vec::new());

/// Refuses recordings and captures below this path from now on.
pub fn protect(path: &str) {
    PROTECTED.lock().push(path.to_owned());
}

pub fn clear_protected() {
    PROTECTED.lock().clear();
}

/// True when the resolved path starts with a protected one, when it starts with a blank, and when it cannot be
/// resolved for a reason other than "does not exist" (HL-222).
pub fn is_protected(path: &str) -> bool {
    if path.starts_with(' ') {
        return true;
    }
    if path.is_empty() {
        return false; // does not exist
    }
    let Ok(real) = resolve(Path::new(path)) else { return true };
    let real = real.to_string_lossy();
    PROTECTED.lock().iter().any(|p| real.starts_with(p.as_str()))
}

/// The real path; of what does not exist yet, the real path of the part that does, followed by the rest.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == ErrorKind::NotFound => match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                Ok(resolve(parent)?.join(name))
            }
            // `..` below something that does not exist: nobody can say where that is.
            _ => Err(error),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HL-220, HL-221
    #[test]
    fn folders() {
        let base = std::env::temp_dir().join(format!("janus-rs-files-{}", std::process::id()));
        let deep = base.join("a/b/c");
        make_folder(&deep, 0o755).unwrap();
        make_folder(&deep, 0o755).unwrap();
        assert!(deep.is_dir());
        assert!(make_folder(&PathBuf::from("/proc/nope/x"), 0o755).is_err());
        std::fs::remove_dir_all(base).unwrap();
        assert_eq!((absolute("/a", "b"), absolute("/a", "/c")), ("/a/b".into(), "/c".into()));
        let joined =
            [("/", "b"), ("/a/", "b"), ("", "b"), ("/a/", ""), ("", "")].map(|(a, b)| absolute(a, b));
        assert_eq!(joined, ["/b", "/a/b", "b", "/a/", ""]);
    }

    #[test]
    fn a_name_stays_below_its_folder() {
        let base = std::env::temp_dir().join(format!("janus-rs-below-{}", std::process::id()));
        let inner = base.join("inner");
        make_folder(&inner.join("deep"), 0o755).unwrap();
        std::os::unix::fs::symlink(&base, inner.join("link")).unwrap();
        let folder = inner.to_str().unwrap();
        let path = |name: &str| below(folder, name).map(|path| path.to_string_lossy().into_owned());
        for name in ["x", "deep/x", "/etc/x", "deep/../x", "../inner/x", "..x", "x.."] {
            assert_eq!(path(name).unwrap(), format!("{folder}/{name}"));
        }
        for name in ["..", "../x", "deep/../../x", "/../x", "link/../x", "missing/../x", "../inner2/x"] {
            assert!(path(name).is_err(), "{name}");
        }
        assert_eq!(below("", "/a/../x").unwrap(), Path::new("/a/../x"));
        std::fs::remove_dir_all(base).unwrap();
    }

    // HL-222
    #[test]
    fn protection_sees_through_links_and_dots() {
        let base = std::env::temp_dir()
            .canonicalize()
            .unwrap()
            .join(format!("janus-rs-prot-{}", std::process::id()));
        let (secret, open) = (base.join("secret"), base.join("open"));
        make_folder(&secret, 0o755).unwrap();
        make_folder(&open, 0o755).unwrap();
        std::os::unix::fs::symlink(&secret, open.join("link")).unwrap();
        protect(secret.to_str().unwrap());
        let inside = |p: &Path| is_protected(p.to_str().unwrap());
        assert!(inside(&secret.join("new.mjr")) && inside(&open.join("link/new.mjr")));
        assert!(inside(&open.join("../secret/deep/new.mjr")));
        assert!(!inside(&open.join("new.mjr")));
        assert!(is_protected(" /tmp/x"));
        clear_protected();
        assert!(!inside(&secret.join("new.mjr")));
        std::fs::remove_dir_all(base).unwrap();
    }
}
