//! Where the SDP helpers of older releases differ from ours. The logic is written once and asks these.
#![forbid(unsafe_code)]

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `IP6` is written for an address with a colon, whatever the flag says; else the flag alone decides.
    pub family_from_address: bool,
    /// Offers always carry `rtcp-fb … transport-cc`, and so do video answers; else only with the header extension.
    pub always_transport_cc: bool,
    /// Answers take the dependency descriptor for AV1 and VP9 only.
    pub filter_dependency_descriptor: bool,
}

impl Rules {
    /// 1.4.1, what our exported symbols do.
    pub const NATIVE: Rules =
        Rules { family_from_address: true, always_transport_cc: false, filter_dependency_descriptor: true };
    /// 1.0 … 1.1.
    pub const V1_1: Rules =
        Rules { family_from_address: false, always_transport_cc: true, filter_dependency_descriptor: false };
}
