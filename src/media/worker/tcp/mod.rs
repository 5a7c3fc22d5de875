//! ICE over TCP (RFC 6544): the listening sockets of a worker, its connections, and the frames in them (RFC 4571).
//!
//! Everything here is bounded per connection: what waits to be sent, what waits for the rest of its frame, and how long
//! somebody may hold a connection before an authentic STUN message came through it. A peer that reads slowly loses packets
//! of its own. Nobody waits for anybody, and a worker without connections pays nothing.

mod connection;
mod core;
mod frames;
mod listener;
mod outbox;
mod table;
#[cfg(test)]
mod tests;

pub use connection::Room;
pub use listener::Listener;
pub use outbox::Figures;
pub use table::TcpConnections;
