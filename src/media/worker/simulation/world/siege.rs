//! Somebody with an account who goes on writing another client's address: authentic requests that nominate, and ClientHellos.

use super::*;
use crate::media::dtls::Dtls;
use is::stun::{StunMessage, TransId};
use is::{DefaultSha1HmacProvider, Sha1HmacProvider};

/// So often, ms.
const EVERY: u64 = 500;
/// Beyond the time limit of a handshake.
const LONG: u64 = 25_000;
/// The server's owners of an address are eight at most.
const MANY: usize = 7;

#[derive(Clone, Copy, Debug)]
pub struct Siege {
    attacker: usize,
    victim: usize,
    begins: u64,
    ends: u64,
}

impl World {
    /// Sieges besides the mischief that is planned; what the seed decides stays as it is without them.
    pub fn besieged(seed: u64) -> World {
        let mut world = World::new(seed);
        let mut rng = Rng::with_seed(!seed);
        let count = world.clients.len();
        for _ in 0..rng.usize(1..=2) {
            let attacker = rng.usize(..count);
            let victim = (attacker + rng.usize(1..count)) % count;
            let begins = rng.u64(..CALM);
            let ends = begins + rng.u64(500..LONG);
            world.sieges.push(Siege { attacker, victim, begins, ends });
        }
        world
    }

    pub(super) fn lay_siege(&mut self) {
        for Siege { attacker, victim, begins, ends } in self.sieges.clone() {
            if (begins..ends).contains(&self.now) && (self.now - begins).is_multiple_of(EVERY) {
                self.forge(attacker, self.clients[victim].outside);
            }
        }
    }

    /// A nomination and a ClientHello of this client's PeerConnection, with somebody else's address.
    fn forge(&mut self, client: usize, from: SocketAddr) {
        self.nominate(client, from);
        let mut dtls = self.shared.dtls.associate(DtlsRole::Active).unwrap();
        dtls.start();
        for bytes in std::iter::from_fn(|| dtls.poll_transmit()) {
            self.deliver(Datagram { from, to: self.address, bytes, owner: client });
        }
    }

    fn nominate(&mut self, client: usize, from: SocketAddr) {
        let to = self.served[client].peer.credentials();
        let username = format!("{}:{}", to.ufrag, self.clients[client].credentials.ufrag);
        let mut request = vec![0; 200];
        let hmac = |key: &[u8], parts: &[&[u8]]| DefaultSha1HmacProvider.sha1_hmac(key, parts);
        let length = StunMessage::binding_request(&username, TransId::new(), true, 1, 1, true)
            .to_bytes(Some(to.pwd.as_bytes()), &mut request, hmac)
            .unwrap();
        request.truncate(length);
        self.deliver(Datagram { from, to: self.address, bytes: request, owner: client });
    }

    fn of_kind(lite: bool) -> World {
        let fits = |seed| {
            let world = World::without_clients(seed);
            (world.shared.config.ice_lite == lite).then_some(world)
        };
        let mut world = (0..).find_map(fits).unwrap();
        world.weather = FAIR;
        world
    }

    /// PeerConnections that never answer: all that they do is forge.
    fn attackers(&mut self, count: usize) {
        for attacker in 0..count {
            let liars = self.fresh_address();
            self.join(attacker, liars, medium(attacker, true), None);
            self.dark_until[attacker] = u64::MAX;
        }
    }

    /// A client whose address others write from before it comes until long after; it joins at `joins`, ms. Whether it is
    /// connected in two seconds, at one go (a browser's DTLS fails over what is not for it), and its packets come back
    /// until the end.
    pub fn stands_a_siege(lite: bool, joins: u64, many: bool) -> Result<(), String> {
        let mut world = World::of_kind(lite);
        let victims = world.fresh_address();
        let attackers = if many { MANY } else { 1 };
        world.attackers(attackers);
        while world.now < LONG {
            world.now += STEP;
            if world.now.is_multiple_of(EVERY) {
                (0..attackers).for_each(|attacker| world.forge(attacker, victims));
            }
            world.step();
            if world.now == joins {
                world.join(attackers, victims, medium(attackers, true), None);
            }
            if world.now == joins + 2_000 && !world.clients[attackers].connected {
                time::set(None);
                return Err("not connected in time".into());
            }
        }
        time::set(None);
        let victim = &world.clients[attackers];
        match (victim.hellos.len(), victim.echoed as u64 * PACKET > LONG - joins - 2_500) {
            (1, true) => Ok(()),
            (hellos, _) => Err(format!("{hellos} handshakes, {} packets came back", victim.echoed)),
        }
    }

    /// Another PeerConnection nominates the client's address and is hung up after so many ms: the handshake comes to that one.
    /// `hello`: it has begun one of its own, so that this one comes to the client's.
    pub fn outlives_its_host(lite: bool, hello: bool, leaves: u64) -> Result<(), String> {
        let mut world = World::of_kind(lite);
        let victims = world.fresh_address();
        world.attackers(1);
        world.step();
        if hello {
            world.forge(0, victims)
        } else {
            world.nominate(0, victims)
        };
        world.join(1, victims, medium(1, true), None);
        while world.now < 3_000 {
            world.now += STEP;
            world.step();
            if world.now == leaves {
                world.make(Mischief::HangUp(0));
            }
        }
        time::set(None);
        let victim = &world.clients[1];
        match (victim.connected, victim.hellos.len()) {
            (true, 1) => Ok(()),
            (connected, hellos) => Err(format!("connected: {connected}, {hellos} handshakes")),
        }
    }
}
