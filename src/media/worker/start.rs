//! From configuration to a running worker thread.
#![forbid(unsafe_code)]

use super::handle::WorkerHandle;
use super::run;
use super::socket::{PortRange, Socket};
use super::tcp::{Listener, TcpConnections};
use super::wake::{Bed, Bell};
use crate::media::peer::Shared;
use crate::media::types::EngineConfig;
use rustix::event::epoll;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Binds the sockets of the families that there may be addresses of, and starts the thread.
pub fn start(index: usize, shared: &Arc<Shared>) -> io::Result<(Arc<WorkerHandle>, JoinHandle<()>)> {
    let config = &shared.config;
    let bell = Bell::new()?;
    let mut bed = Bed::default();
    let ports = ports(config, index)?;
    let (mut sockets, mut bound) = (Vec::new(), [None; 2]);
    let (mut listeners, mut listening) = (Vec::new(), [None; 2]);
    for (family, ipv4) in [true, false].into_iter().enumerate() {
        // Also for addresses that may come later.
        let needed = config.addresses.iter().any(|a| a.is_ipv4() == ipv4);
        if !needed && !ipv4 && !config.ipv6 {
            continue;
        }
        let socket = match Socket::open(ipv4, ports, config.dscp) {
            Ok(socket) => socket,
            Err(error) if needed => return Err(named(ports, error)),
            Err(_) => continue,
        };
        bed.watch(&socket.udp, socket.rtcp.as_ref())?;
        bound[family] = Some(socket.port());
        if config.ice_tcp {
            let listener = Listener::open(ipv4, socket.port(), ports)?;
            listening[family] = Some(listener.port());
            listeners.push(listener);
        }
        sockets.push(socket);
    }
    let tcp = match config.ice_tcp {
        true => Some(TcpConnections::new(listeners, config.dscp)?),
        false => None,
    };
    if let Some(tcp) = &tcp {
        bed.watch_tcp(&tcp.descriptor())?;
    }
    let relay = match config.may_be_relayed() {
        true => Some(epoll::create(epoll::CreateFlags::CLOEXEC)?),
        false => None,
    };
    if let Some(relay) = &relay {
        bed.watch_relay(relay)?;
    }
    let handle = Arc::new(WorkerHandle::new(index, bound, &config.addresses, bell).with_tcp(listening));
    let (of_thread, shared) = (handle.clone(), shared.clone());
    let thread = crate::util::thread::spawn(format!("hloop {index}"), move || {
        run::run(&of_thread, shared, (sockets, tcp, relay), bed);
    })?;
    Ok((handle, thread))
}

/// The port that `media.udp_ports` names for this worker, else the whole range.
fn ports(config: &EngineConfig, index: usize) -> io::Result<PortRange> {
    if config.udp_ports.is_empty() {
        return Ok(config.rtp_port_range);
    }
    let missing = || io::Error::other("media.udp_ports names no more ports");
    config.udp_ports.get(index).map(|port| (*port, *port)).ok_or_else(missing)
}

fn named(ports: PortRange, error: io::Error) -> io::Error {
    match ports {
        (0, _) => error,
        (port, last) if port == last => io::Error::new(error.kind(), format!("UDP port {port}: {error}")),
        (first, last) => io::Error::new(error.kind(), format!("UDP ports {first}-{last}: {error}")),
    }
}
