//! Direct functions for packets: the only ones of a program that run on our media threads, because it asked for it.

use super::queue::User;
use super::types::{janus_rs_peer, janus_rs_rtp};
use crate::media::{Mindex, RtpIn};
use crate::rtp::Header;
use crate::stall::{self, Callback};
use crate::util::time;
use std::ffi::c_void;

pub type RtpFunction = unsafe extern "C" fn(user: *mut c_void, packet: *mut janus_rs_rtp);
pub type RtcpFunction = unsafe extern "C" fn(
    user: *mut c_void,
    peer: janus_rs_peer,
    mindex: i32,
    packet: *const u8,
    length: usize,
);

/// The functions of one peer.
pub struct Direct {
    pub rtp: Option<RtpFunction>,
    pub rtcp: Option<RtcpFunction>,
    pub user: User,
    /// As a plugin's: who blocks a media thread is named.
    pub watched: &'static stall::Plugin,
}

impl Direct {
    /// `layers`: whether the peer sends simulcast.
    pub fn rtp(&self, peer: u64, packet: RtpIn<'_>, layers: bool) {
        let Some(function) = self.rtp else { return };
        let RtpIn { mindex, video, layer, packet, extensions } = packet;
        let level = extensions.audio_level;
        let mut rtp = janus_rs_rtp {
            size: size_of::<janus_rs_rtp>(),
            peer,
            mindex,
            video: i32::from(video),
            packet: packet.as_mut_ptr(),
            length: packet.len(),
            received: time::recent(),
            ssrc: Header::new(&*packet).map_or(0, |header| header.ssrc()),
            audio_level: level.map_or(1, |level| -i16::from(level.level)),
            voice: level.map_or(-1, |level| i8::from(level.voice)),
            layer: if layers { layer as i8 } else { -1 },
            rotation: extensions.orientation.map_or(-1, |orientation| orientation.rotation as i16),
        };
        let _inside = stall::enter(self.watched, Callback::IncomingRtp, peer);
        // SAFETY: a function of the program, with its own pointer; packet and struct are lent for the call, and nobody else
        // has the packet.
        unsafe { function(self.user.0, &raw mut rtp) };
    }

    pub fn rtcp(&self, peer: u64, mindex: Mindex, packet: &[u8]) {
        let Some(function) = self.rtcp else { return };
        let _inside = stall::enter(self.watched, Callback::IncomingRtcp, peer);
        // SAFETY: as above.
        unsafe { function(self.user.0, peer, mindex, packet.as_ptr(), packet.len()) };
    }
}
