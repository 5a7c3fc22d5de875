//! In place of the web server, where the library is built without it.
#![forbid(unsafe_code)]

use super::error::{OptionError, StartError};
use crate::config::Config;
use crate::core::Core;
use crate::options::{File, WEB_ENABLED};
use std::sync::Arc;

/// There is none.
pub enum Web {}

impl Web {
    /// An error when it is asked for: somebody wants a page that cannot be served.
    pub fn start(own: &Config, _core: &Arc<Core>) -> Result<Option<Web>, StartError> {
        if WEB_ENABLED.of(own) {
            return Err(OptionError::NoWeb(File::Own.name()).into());
        }
        Ok(None)
    }

    pub fn end(&self) {}
}

/// As of the one that there is otherwise: it ends where its owner says.
impl Drop for Web {
    fn drop(&mut self) {}
}
