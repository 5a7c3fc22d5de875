//! Which of the host's addresses media uses (control-plane.md §1.4, nat and media).
#![forbid(unsafe_code)]

use crate::config::Config;
use crate::net::Interface;
use crate::options;
use std::net::IpAddr;

/// The addresses that media comes to and leaves from: those of the lists. Where `nat_1_1_mapping` names an address of this
/// host, it takes the place of the others of its family, because it is what clients are told.
pub fn to_listen_on(config: &Config, interfaces: &[Interface]) -> Vec<IpAddr> {
    let chosen = choose(config, interfaces);
    let mapped = nat_1_1(config);
    let keep = options::KEEP_PRIVATE_HOST.of(config);
    let mut addresses = Vec::new();
    for ipv4 in [true, false] {
        let public = || mapped.iter().filter(|a| a.is_ipv4() == ipv4);
        let own = || public().filter(|a| interfaces.iter().any(|i| i.address == **a));
        // A public address that we do not have is translated to a private one.
        let private = keep || own().count() == 0 || own().count() < public().count();
        let private = chosen.iter().filter(|a| a.is_ipv4() == ipv4 && private);
        for address in own().chain(private) {
            if !addresses.contains(address) {
                addresses.push(*address);
            }
        }
    }
    addresses
}

/// `nat.nat_1_1_mapping`: what clients are told in place of our own addresses.
pub fn nat_1_1(config: &Config) -> Vec<IpAddr> {
    let parse = |name: String| {
        let address = name.parse();
        if address.is_err() {
            tracing::warn!("Ignoring nat_1_1_mapping {name}: no address");
        }
        address.ok()
    };
    options::NAT_1_1_MAPPING.of(config).into_iter().filter_map(parse).collect()
}

/// The addresses that the lists leave, in the system's order. When they leave none, all: as without lists, with a warning.
fn choose(config: &Config, interfaces: &[Interface]) -> Vec<IpAddr> {
    let enforced = options::ICE_ENFORCE_LIST.of(config);
    let ignored = options::ICE_IGNORE_LIST.of(config);
    let ipv6 = options::IPV6.of(config);
    // CP-031
    let link_local = ipv6 && options::IPV6_LINKLOCAL.of(config);
    let matches = |list: &[String], interface: &Interface| {
        let address = interface.address.to_string();
        list.iter().any(|name| interface.name.starts_with(name) || address.starts_with(name))
    };
    let usable = |interface: &Interface| match interface.address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => ipv6 && (link_local || !address.is_unicast_link_local()),
    };
    let wanted = |interface: &&Interface| {
        let listed = if enforced.is_empty() {
            !interface.address.is_loopback()
        } else {
            matches(&enforced, interface)
        };
        usable(interface) && listed && !matches(&ignored, interface)
    };
    let mut addresses = distinct(interfaces.iter().filter(wanted));
    if addresses.is_empty() && !(enforced.is_empty() && ignored.is_empty()) {
        let outside = |i: &&Interface| usable(i) && !i.address.is_loopback();
        addresses = distinct(interfaces.iter().filter(outside));
        if !addresses.is_empty() {
            tracing::warn!("ice_enforce_list and ice_ignore_list leave no address: using all");
        }
    }
    addresses
}

fn distinct<'a>(interfaces: impl Iterator<Item = &'a Interface>) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for interface in interfaces {
        if !addresses.contains(&interface.address) {
            addresses.push(interface.address);
        }
    }
    addresses
}

/// The address of `general.interface`: an address, or a device's first one. Else what the system would use, else
/// 127.0.0.1; the flag says that it had to be guessed badly.
pub fn local(config: &Config, interfaces: &[Interface]) -> (IpAddr, bool) {
    if let Some(wish) = options::INTERFACE.of(config) {
        let device = || interfaces.iter().find(|i| i.name == wish).map(|i| i.address);
        if let Some(address) = wish.parse().ok().or_else(device) {
            return (address, false);
        }
        tracing::warn!("No interface or address {wish}: looking for another one");
    }
    match crate::util::network::detect_local(false).or_else(|| crate::util::network::detect_local(true)) {
        Some(address) => (address, false),
        None => ([127, 0, 0, 1].into(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> Vec<Interface> {
        [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("eth0", "192.0.2.5"),
            ("eth0", "2001:db8::5"),
            ("eth0", "fe80::5"),
            ("vmnet8", "198.51.100.1"),
        ]
        .into_iter()
        .map(|(name, address)| Interface { name: name.into(), address: address.parse().unwrap() })
        .collect()
    }

    fn chosen(items: &[(&str, &str, &str)]) -> Vec<String> {
        let mut config = Config::new("janus.jcfg");
        for (category, item, value) in items {
            config.set(category, item, value);
        }
        to_listen_on(&config, &host()).iter().map(IpAddr::to_string).collect()
    }

    // CP-031, CP-032, MP-107, MP-108, MP-109
    #[test]
    fn lists_and_families() {
        assert_eq!(chosen(&[]), ["192.0.2.5", "198.51.100.1"]);
        assert_eq!(chosen(&[("nat", "ice_ignore_list", "lo, vmnet")]), ["192.0.2.5"]);
        assert_eq!(chosen(&[("nat", "ice_enforce_list", "127.0.0.1")]), ["127.0.0.1"]);
        assert_eq!(chosen(&[("media", "ipv6_linklocal", "yes")]), ["192.0.2.5", "198.51.100.1"]);
        let six = [("media", "ipv6", "yes"), ("nat", "ice_enforce_list", "eth")];
        assert_eq!(chosen(&six), ["192.0.2.5", "2001:db8::5"]);
        let all = [six[0], six[1], ("media", "ipv6_linklocal", "yes")];
        assert_eq!(chosen(&all), ["192.0.2.5", "2001:db8::5", "fe80::5"]);
        let both = [("nat", "ice_enforce_list", "eth,vmnet"), ("nat", "ice_ignore_list", "192.0.2.")];
        assert_eq!(chosen(&both), ["198.51.100.1"]);
        assert_eq!(chosen(&[("nat", "ice_enforce_list", "wg0")]), ["192.0.2.5", "198.51.100.1"]);
    }

    #[test]
    fn a_mapped_address_of_the_host_is_the_one() {
        let map = |to| ("nat", "nat_1_1_mapping", to);
        let keep = ("nat", "keep_private_host", "yes");
        let six = ("media", "ipv6", "yes");
        assert_eq!(chosen(&[map("203.0.113.1")]), ["192.0.2.5", "198.51.100.1"]);
        assert_eq!(chosen(&[map("198.51.100.1")]), ["198.51.100.1"]);
        assert_eq!(chosen(&[map("198.51.100.1"), keep]), ["198.51.100.1", "192.0.2.5"]);
        assert_eq!(chosen(&[map("198.51.100.1,203.0.113.1")]), ["198.51.100.1", "192.0.2.5"]);
        let enforced = ("nat", "ice_enforce_list", "192.0.2.5,2001:");
        assert_eq!(
            chosen(&[map("198.51.100.1, 2001:db8:f::1"), enforced, six]),
            ["198.51.100.1", "2001:db8::5"]
        );
    }

    #[test]
    fn the_local_address() {
        let mut config = Config::new("janus.jcfg");
        config.set("general", "interface", "eth0");
        assert_eq!(local(&config, &host()).0.to_string(), "192.0.2.5");
        config.set("general", "interface", "203.0.113.9");
        assert_eq!(local(&config, &host()).0.to_string(), "203.0.113.9");
    }
}
