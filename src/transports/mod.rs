//! Transports that need no module: a web server with the APIs over WebSocket and HTTP, the pages, and how the server is.
//!
//! * [`web`]: serves each connection of a [`listener`] within its limits ([`guests`]); [`socket`] is such a connection,
//!   [`tls`] what secures it, [`proxies`] who may say whose it is.
//! * [`site`]: what is served where: the APIs first, everything else by an [`axum::Router`] that others add routes to.
//! * [`websocket`] ([`readers`], [`deflate`]), [`http`] ([`mailbox`]): the two built-in transports; [`door`] is their way into the core.
//! * [`whip`], [`health`], [`figures`], [`pages`]: routes.
#![forbid(unsafe_code)]

mod deflate;
pub mod door;
pub mod figures;
mod guests;
pub mod health;
pub mod http;
pub mod listener;
mod mailbox;
pub mod pages;
pub mod proxies;
mod readers;
mod refusal;
pub mod site;
mod socket;
pub mod tls;
pub mod web;
pub mod websocket;
pub mod whip;
