//! Which of the host's addresses media uses (control-plane.md §1.4, nat and media).
#![forbid(unsafe_code)]

use crate::config::Config;
use crate::options;
use std::net::IpAddr;

/// One address of a network interface that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub address: IpAddr,
}

/// The addresses to listen on, in the system's order.
pub fn choose(config: &Config, interfaces: &[Interface]) -> Vec<IpAddr> {
    let enforced = options::ICE_ENFORCE_LIST.of(config);
    let ignored = options::ICE_IGNORE_LIST.of(config);
    let ipv6 = options::IPV6.of(config);
    // CP-031
    let link_local = ipv6 && options::IPV6_LINKLOCAL.of(config);
    let matches = |list: &[String], interface: &Interface| {
        let address = interface.address.to_string();
        list.iter().any(|name| interface.name.starts_with(name) || address.starts_with(name))
    };
    let wanted = |interface: &&Interface| {
        let usable = match interface.address {
            IpAddr::V4(_) => true,
            IpAddr::V6(address) => ipv6 && (link_local || !address.is_unicast_link_local()),
        };
        let listed = if enforced.is_empty() {
            !interface.address.is_loopback() && !matches(&ignored, interface)
        } else {
            matches(&enforced, interface)
        };
        usable && listed
    };
    let mut addresses = Vec::new();
    for interface in interfaces.iter().filter(wanted) {
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
        choose(&config, &host()).iter().map(IpAddr::to_string).collect()
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
