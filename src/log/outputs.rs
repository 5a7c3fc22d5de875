//! stdout and the log file.

use super::LogConfig;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

pub(super) struct Outputs {
    stdout: Option<BufWriter<File>>,
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl Outputs {
    /// Fails when the log file cannot be opened (CP-042).
    pub fn open(config: &LogConfig) -> io::Result<Self> {
        // Not `io::stdout()`, which flushes at every line end.
        let stdout = match config.stdout {
            true => Some(BufWriter::new(File::from(io::stdout().as_fd().try_clone_to_owned()?))),
            false => None,
        };
        let file = match &config.file {
            Some(path) => Some((path.clone(), append(path)?)),
            None => None,
        };
        Ok(Outputs { stdout, file })
    }

    /// A line that cannot be written has nowhere to be reported: it is lost.
    pub fn write(&mut self, text: &[u8]) {
        if let Some(out) = &mut self.stdout {
            let _ = out.write_all(text);
        }
        if let Some((_, out)) = &mut self.file {
            let _ = out.write_all(text);
        }
    }

    pub fn flush(&mut self) {
        if let Some(out) = &mut self.stdout {
            let _ = out.flush();
        }
        if let Some((_, out)) = &mut self.file {
            let _ = out.flush();
        }
    }

    /// Continues in a new file of the configured name (CP-043); in the old one when that cannot be opened.
    pub fn reopen(&mut self) -> io::Result<()> {
        self.flush();
        if let Some((path, out)) = &mut self.file {
            *out = append(path)?;
        }
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::new(OpenOptions::new().append(true).create(true).open(path)?))
}
