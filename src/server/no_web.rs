//! In place of the web server, where the library is built without it.
#![forbid(unsafe_code)]

use super::error::{OptionError, StartError};
use super::plan::Plan;
use crate::api::Api;
use crate::config::Config;
use crate::options::File;
use std::sync::Arc;

/// There is none.
pub enum Web {}

impl Web {
    /// An error when it is asked for: somebody wants a page that cannot be served.
    pub fn start(plan: &Plan, _own: &Config, _api: &Arc<Api>) -> Result<Option<Web>, StartError> {
        if !plan.web.is_empty() {
            return Err(OptionError::NoWeb(File::Own.name()).into());
        }
        Ok(None)
    }

    pub fn end(&self) {}

    pub fn close(&self) {}
}

/// As of the one that there is otherwise: it ends where its owner says.
impl Drop for Web {
    fn drop(&mut self) {}
}
