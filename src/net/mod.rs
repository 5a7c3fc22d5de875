//! The host's network as the system tells it in C: socket addresses and the addresses of interfaces.

#[cfg(feature = "web")]
pub mod activation;
pub mod interfaces;
pub mod mdns;
pub mod sockaddr;

pub use interfaces::Interface;
