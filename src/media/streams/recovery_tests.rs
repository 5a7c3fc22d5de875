//! Two ends facing each other over a network that loses packets: everything arrives in the end, once.

use super::fixtures::*;
use super::inbound::MAX_DESCRIPTOR;
use super::{Dropped, Resend, Streams};
use crate::media::clock::Clock;
use crate::media::types::MediumConfig;
use crate::rtp::{Extensions, Header};
use std::collections::BTreeMap;

/// Round trip of the network, and how often it loses.
const DELAY_US: i64 = 15_000;
const LOST: u32 = 20;

struct Network {
    seed: u32,
    /// By arrival time: RTP to the receiver, RTCP to the sender.
    rtp: BTreeMap<(i64, u64), Vec<u8>>,
    rtcp: BTreeMap<(i64, u64), Vec<u8>>,
    count: u64,
}

impl Network {
    fn carry_rtp(&mut self, now: i64, packet: &[u8]) {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.count += 1;
        if !(self.seed >> 8).is_multiple_of(LOST) {
            self.rtp.insert((now + DELAY_US, self.count), packet.to_vec());
        }
    }

    fn carry_rtcp(&mut self, now: i64, packet: &[u8]) {
        self.count += 1;
        self.rtcp.insert((now + DELAY_US, self.count), packet.to_vec());
    }
}

fn arrived(queue: &mut BTreeMap<(i64, u64), Vec<u8>>, now: i64) -> Option<Vec<u8>> {
    let first = queue.first_entry().filter(|first| first.key().0 <= now)?;
    Some(first.remove())
}

fn receive(streams: &mut Streams, now: Clock, mut packet: Vec<u8>, network: &mut Network) -> Option<Vec<u8>> {
    let route = streams.route(&packet).unwrap();
    let mut room = [0; MAX_DESCRIPTOR];
    let received = match streams.receive(now, route, &mut packet, &mut room) {
        Ok(received) => received,
        Err(why) => {
            assert!(matches!(why, Dropped::Duplicate | Dropped::NotAskedFor), "{why:?}");
            return None;
        }
    };
    if let Some((stream, missing)) = received.nacks {
        streams.nack(stream, &missing, &mut |packet| network.carry_rtcp(now.mono, packet));
    }
    let len = received.len;
    packet.truncate(len);
    Some(packet)
}

/// MP-151, MP-163, MP-183, MP-186 at work: what the receiving plugin got, by sequence number.
fn run(config: MediumConfig) -> (BTreeMap<u16, usize>, Streams) {
    let mut sender = streams(vec![audio(), config.clone()]);
    let mut receiver = streams(vec![audio(), MediumConfig { ssrc: 0xD0, ssrc_rtx: 0xD1, ..config }]);
    let mut network = Network { seed: 5, rtp: BTreeMap::new(), rtcp: BTreeMap::new(), count: 0 };
    let mut slot = [0; 1500];
    let mut got = BTreeMap::new();
    for step in 0..4000_i64 {
        let now = at(1_000_000 + step * 5000);
        // For the first round-trip time nothing is lost: sender reports, receiver reports.
        if step % 200 == 0 {
            sender.reports(now, &mut |packet| {
                let _ = receiver.incoming_rtcp(now, &mut packet.to_vec(), &mut super::rtcp::Split::default());
            });
            receiver.reports(now, &mut |packet| network.carry_rtcp(now.mono, packet));
        }
        if step < 3900 {
            let packet = rtp(96, step as u16, step as u32 * 450, 5, &[], &step.to_be_bytes());
            let prepared =
                sender.prepare(now, &outgoing(1, &packet, Extensions::default()), &mut slot).unwrap();
            sender.protected(now, &prepared, &slot[..prepared.size()]);
            network.carry_rtp(now.mono, &slot[..prepared.size()]);
        }
        while let Some(mut packet) = arrived(&mut network.rtcp, now.mono) {
            let _ = sender.incoming_rtcp(now, &mut packet, &mut super::rtcp::Split::default());
            while let Some(Resend::Plain(len) | Resend::Protected(len)) = sender.next_resend(now, &mut slot) {
                network.carry_rtp(now.mono, &slot[..len]);
            }
        }
        while let Some(packet) = arrived(&mut network.rtp, now.mono) {
            if let Some(packet) = receive(&mut receiver, now, packet, &mut network) {
                let header = Header::new(&packet[..]).unwrap();
                assert_eq!(header.ssrc(), VIDEO_SSRC);
                let original =
                    i64::from_be_bytes(packet[header.payload_start().unwrap()..].try_into().unwrap());
                // The plugin's numbers start at 1, so they are one ahead of the sender's.
                assert_eq!(header.sequence(), original as u16 + 1);
                assert_eq!(header.timestamp(), original as u32 * 450);
                *got.entry(original as u16).or_default() += 1;
            }
        }
    }
    (got, receiver)
}

fn check(config: MediumConfig) {
    let (got, receiver) = run(config);
    // Before the first report nothing can be resent, and two losses in a row of one packet are given up.
    let late = (400..3800).filter(|sequence| !got.contains_key(sequence)).count();
    assert!(late <= 5, "{late} lost for good");
    assert!(got.values().all(|copies| *copies == 1));
    assert!(receiver.snapshot()[1].sent.nacks > 100);
}

#[test]
fn rtx_recovers_losses() {
    check(video());
}

#[test]
fn plain_retransmission_recovers_losses() {
    check(MediumConfig { rtx_payload_types: vec![], ..video() });
}
