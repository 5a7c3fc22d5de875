//! What a relayed packet is labelled with on its way to the worker of its receiver.
#![forbid(unsafe_code)]

/// Who a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressee {
    pub seat: u32,
    pub peer: u64,
}

/// When a packet has to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// With the end of the turn.
    Now,
    /// It may wait a little for the rest of its frame.
    WithFrame,
}
