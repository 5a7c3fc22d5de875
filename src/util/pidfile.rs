//! The PID file: an exclusive lock, held as long as the process lives (CP-067, CP-068).
#![forbid(unsafe_code)]

use crate::util::lock::Lock;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A locked PID file. [`PidFile::remove`] ends it.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    _locked: File,
}

impl PidFile {
    /// Locks first and writes then, so that a second instance leaves the first one's number alone.
    pub fn create(path: &Path) -> io::Result<PidFile> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o644).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::AddrInUse, "locked by another instance")
            }
            TryLockError::Error(error) => error,
        })?;
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        file.flush()?;
        Ok(PidFile { path: path.to_owned(), _locked: file })
    }

    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// The one of this process, for the exported functions.
pub static CURRENT: Lock<Option<PidFile>> = Lock::new(None);

#[cfg(test)]
mod tests {
    use super::*;

    // CP-067, CP-068
    #[test]
    fn a_second_instance_changes_nothing() {
        let path = std::env::temp_dir().join(format!("janus-rs-pid-{}", std::process::id()));
        let first = PidFile::create(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
        assert!(PidFile::create(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        first.remove().unwrap();
        assert!(!path.exists());
    }
}
