//! What the server sees of the network (control-plane.md §7). These block; each connection waits for itself only.

use super::stun;
use crate::api::request::{Answer, Request};
use crate::core::errors::{ApiError, Code};
use crate::json::Json;
use crate::util::time;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

fn resolve(address: &str) -> Result<IpAddr, ApiError> {
    let found = (address, 0).to_socket_addrs().ok().and_then(|mut all| all.next());
    found.map(|a| a.ip()).ok_or_else(|| ApiError::new(Code::Unknown, "Could not resolve address"))
}

/// `elapsed` is in µs.
pub fn resolve_address(request: &Request) -> Answer {
    let address = request.members().text("address")?;
    let start = time::monotonic();
    let ip = resolve(&address)?;
    let reply = request.success().with("ip", ip.to_string());
    Ok(reply.with("elapsed", time::monotonic() - start).into())
}

/// Asks a STUN server for our address; waits at most 5 s (CP-272).
pub fn test_stun(request: &Request) -> Answer {
    let members = request.members();
    let address = members.text("address")?;
    let port = members.number("port")?;
    let local_port = members.optional_number("localport")?.unwrap_or(0);
    let failed = || ApiError::new(Code::Unknown, "STUN request failed");
    let port_of = |n: i64| u16::try_from(n).map_err(|_| failed());
    let (port, local_port) = (port_of(port)?, port_of(local_port)?);
    let start = time::monotonic();
    let server = SocketAddr::new(resolve(&address)?, port);
    let public = stun::public_address(server, local_port).map_err(|error| {
        tracing::error!("STUN request to {server}: {error}");
        failed()
    })?;
    Ok(request
        .success()
        .with("public_ip", public.ip().to_string())
        .with("public_port", public.port())
        .with("elapsed", time::monotonic() - start)
        .into())
}

/// Attached handles per loop. Empty without static loops (CP-273); media workers are what the loops were. A handle without
/// a PeerConnection gets its worker together with one: it is counted where the fewest are, unless it has asked for one.
pub fn loops_info(request: &Request) -> Answer {
    let loops = Json::array();
    if request.core.settings.event_loops > 0
        && let Some(engine) = request.core.engine()
    {
        let mut counts = vec![0_usize; engine.loads().len()];
        let mut elsewhere = 0;
        for handle in request.core.sessions().iter().flat_map(|session| session.handles()) {
            match handle.worker(counts.len()) {
                Some(worker) => counts[worker] += 1,
                None => elsewhere += 1,
            }
        }
        for _ in 0..elsewhere {
            if let Some(fewest) = counts.iter_mut().min() {
                *fewest += 1;
            }
        }
        for (id, handles) in counts.into_iter().enumerate() {
            loops.push(Json::object().with("id", id).with("handles", handles));
        }
    }
    Ok(request.success().with("loops", loops).into())
}
