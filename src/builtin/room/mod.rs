//! A room: who publishes is forwarded to all who subscribe, by the links of the engine. It takes the requests of the reference's
//! video room plugin that clients of rooms need, so that these need another name only: `create`, `destroy`, `exists`, `list`,
//! `listparticipants`, `kick`, `moderate`; `join`, `joinandconfigure`, `publish`, `configure`, `unpublish`, `leave`; and of
//! subscribers (several streams in one PeerConnection) `join`, `start`, `subscribe`, `unsubscribe`, `configure`, `leave`.
//!
//! A room ends with the last who was in it. There are no recordings, no forwarders and no files of rooms: the plugin has them.
//!
//! * [`request`]: what is asked, checked; [`hall`]: the rooms, and who is in them;
//! * [`session`]: a handle; [`publisher`] and [`subscriber`] are what it can be.
#![forbid(unsafe_code)]

mod hall;
mod publisher;
mod request;
mod session;
mod subscriber;

use crate::json::Json;
use crate::modules::host::{HandleHost, ModuleInfo, PluginFace, PluginSessionFace};
use hall::Hall;
use session::Session;
use std::sync::Arc;

pub const PACKAGE: &str = "janus.rs.room";

/// The plugin.
#[derive(Default)]
pub struct Rooms {
    hall: Arc<Hall>,
}

impl Rooms {
    pub fn info() -> ModuleInfo {
        ModuleInfo {
            package: PACKAGE.to_owned(),
            name: Some("Room, built in".to_owned()),
            author: Some("libjanus_rs".to_owned()),
            description: Some("Who publishes is forwarded to all who subscribe".to_owned()),
            version_string: Some(env!("CARGO_PKG_VERSION").to_owned()),
            version: 1,
        }
    }
}

impl PluginFace for Rooms {
    fn package(&self) -> &str {
        PACKAGE
    }

    fn attach(&self, host: Arc<dyn HandleHost>) -> Result<Arc<dyn PluginSessionFace>, i32> {
        Ok(Session::new(self.hall.clone(), host))
    }

    fn handle_admin_message(&self, _: Option<&Json>) -> Option<Json> {
        Some(Json::object().with("videoroom", "success").with("list", self.hall.list()))
    }
}
