//! `ip-utils.h`: addresses of interfaces. Results are 0 or −EINVAL unless said otherwise.

use crate::glib::{self, FALSE, TRUE, gboolean};
use crate::net::sockaddr::ip_of;
use crate::util::network;
use libc::{
    c_char, c_int, c_uint, ifaddrs, in_addr, in6_addr, sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage,
};
use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

/// Bits of `janus_network_query_options`.
const NAME: c_uint = 1;
const IPV4: c_uint = 2;
const IPV6: c_uint = 4;
const ANY_IP: c_uint = 6;
const ANY: c_uint = 7;

const INVALID: c_int = -libc::EINVAL;

/// Both families in one place; `family` says which (AF_UNSPEC: none).
#[repr(C)]
#[derive(Clone, Copy)]
pub union AnyAddress {
    pub ipv4: in_addr,
    pub ipv6: in6_addr,
}

#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct janus_network_address {
    pub family: c_int,
    pub address: AnyAddress,
}
assert_layout!(janus_network_address: 20; family @ 0, address @ 4);

#[repr(C)]
#[derive(Clone, Copy)]
pub union AnyText {
    pub ipv4: [c_char; 16],
    pub ipv6: [c_char; 46],
}

#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct janus_network_address_string_buffer {
    pub family: c_int,
    pub text: AnyText,
}
assert_layout!(janus_network_address_string_buffer: 52; family @ 0, text @ 4);

#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types)]
pub struct janus_network_query_config {
    /// Borrowed from whoever prepared the query (HL-031).
    pub device_name: *const c_char,
    pub mode: c_uint,
    pub ipv4: in_addr,
    pub ipv6: in6_addr,
}
assert_layout!(janus_network_query_config: 32; device_name @ 0, mode @ 8, ipv4 @ 12, ipv6 @ 16);

impl janus_network_address {
    const NONE: janus_network_address = janus_network_address {
        family: libc::AF_UNSPEC,
        address: AnyAddress { ipv6: in6_addr { s6_addr: [0; 16] } },
    };

    fn of(address: IpAddr) -> janus_network_address {
        let mut out = janus_network_address::NONE;
        match address {
            IpAddr::V4(v4) => {
                out.family = libc::AF_INET;
                out.address.ipv4 = in_addr { s_addr: u32::from_ne_bytes(v4.octets()) };
            }
            IpAddr::V6(v6) => {
                out.family = libc::AF_INET6;
                out.address.ipv6 = in6_addr { s6_addr: v6.octets() };
            }
        }
        out
    }

    fn ip(&self) -> Option<IpAddr> {
        // SAFETY: every byte of the union is initialised; the family says which member is meant.
        unsafe {
            match self.family {
                libc::AF_INET => Some(IpAddr::V4(Ipv4Addr::from(self.address.ipv4.s_addr.to_ne_bytes()))),
                libc::AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(self.address.ipv6.s6_addr))),
                _ => None,
            }
        }
    }
}

/// The nodes of a `getifaddrs` list.
///
/// # Safety
/// `list` is NULL or such a list, unchanged while iterating.
unsafe fn nodes(list: *const ifaddrs) -> impl Iterator<Item = *const ifaddrs> {
    let mut node = list;
    std::iter::from_fn(move || {
        let current = node;
        if current.is_null() {
            return None;
        }
        // SAFETY: a live node, as promised.
        node = unsafe { (*current).ifa_next };
        Some(current)
    })
}

/// Whether a node is meant by a query.
///
/// # Safety
/// Both are live.
unsafe fn matches(node: *const ifaddrs, query: &janus_network_query_config) -> bool {
    // SAFETY: promised by the caller; names are NUL-terminated.
    unsafe {
        let Some(address) = ip_of((*node).ifa_addr) else { return false };
        let same_address = match address {
            IpAddr::V4(v4) => query.mode & IPV4 != 0 && v4.octets() == query.ipv4.s_addr.to_ne_bytes(),
            IpAddr::V6(v6) => query.mode & IPV6 != 0 && v6.octets() == query.ipv6.s6_addr,
        };
        same_address
            || query.mode & NAME != 0
                && !query.device_name.is_null()
                && libc::strncmp(query.device_name, (*node).ifa_name, libc::IFNAMSIZ) == 0
    }
}

/// What `value` can mean, of what `mode` asks for; `None` when nothing fits.
fn prepare(value: &CStr, mode: c_uint) -> Option<janus_network_query_config> {
    let none = in6_addr { s6_addr: [0; 16] };
    let mut query = janus_network_query_config {
        device_name: ptr::null(),
        mode: 0,
        ipv4: in_addr { s_addr: 0 },
        ipv6: none,
    };
    let text = value.to_str().unwrap_or("");
    if mode & IPV4 != 0
        && let Ok(v4) = text.parse::<Ipv4Addr>()
    {
        query.ipv4 = in_addr { s_addr: u32::from_ne_bytes(v4.octets()) };
        query.mode |= IPV4;
    }
    if mode & IPV6 != 0
        && let Ok(v6) = text.parse::<Ipv6Addr>()
    {
        query.ipv6 = in6_addr { s6_addr: v6.octets() };
        query.mode |= IPV6;
    }
    if mode & NAME != 0 {
        query.device_name = value.as_ptr();
        query.mode |= NAME;
    }
    (query.mode != 0 || mode & ANY == 0).then_some(query)
}

/// `value` as an interface name or one of the interfaces' addresses.
///
/// # Safety
/// `list` is a `getifaddrs` list.
unsafe fn lookup(list: *const ifaddrs, value: &CStr) -> Option<IpAddr> {
    let query = prepare(value, ANY)?;
    // SAFETY: promised by the caller.
    unsafe { nodes(list).find(|node| matches(*node, &query)).and_then(|node| ip_of((*node).ifa_addr)) }
}

fn parse(mode: c_uint, text: &CStr) -> Option<IpAddr> {
    let text = text.to_str().ok()?;
    match mode {
        IPV4 => text.parse().ok().map(IpAddr::V4),
        IPV6 => text.parse().ok().map(IpAddr::V6),
        ANY_IP => text.parse().ok(),
        _ => None,
    }
}

fn detect(mode: c_uint) -> Option<IpAddr> {
    let v4 = if matches!(mode, IPV4 | ANY_IP) { network::detect_local(false) } else { None };
    v4.or_else(|| if matches!(mode, IPV6 | ANY_IP) { network::detect_local(true) } else { None })
}

/// 0 with the address stored, or −EINVAL.
///
/// # Safety
/// `out` is writable.
unsafe fn store(out: *mut janus_network_address, address: Option<IpAddr>) -> c_int {
    match address {
        Some(address) => {
            // SAFETY: promised by the caller.
            unsafe { out.write(janus_network_address::of(address)) };
            0
        }
        None => INVALID,
    }
}

export! {
    /// Which of interface name, IPv4 and IPv6 address, as far as `query_mode` asks for them, `user_value` can be. The
    /// query borrows the text. 0; −EINVAL when it can be none of them (HL-031).
    "ip-utils.h" fn janus_network_prepare_device_query(user_value: *const c_char, query_mode: c_uint,
        query: *mut janus_network_query_config) -> c_int as nonnull(user_value, query) or INVALID; {
        // SAFETY: not NULL; NUL-terminated text and a writable struct by the header's contract. The same below.
        unsafe {
            match prepare(CStr::from_ptr(user_value), query_mode) {
                Some(prepared) => {
                    query.write(prepared);
                    0
                }
                None => INVALID,
            }
        }
    }

    "ip-utils.h" fn janus_network_prepare_device_query_default(user_value: *const c_char,
        query: *mut janus_network_query_config) -> c_int as nonnull(user_value, query) or INVALID; {
        // SAFETY: as above.
        unsafe { janus_network_prepare_device_query(user_value, ANY, query) }
    }

    /// First matching node, borrowed; NULL without.
    "ip-utils.h" fn janus_network_query_devices(ifas: *const ifaddrs, query: *const janus_network_query_config)
        -> *const ifaddrs as nonnull(ifas, query) or ptr::null(); {
        // SAFETY: a `getifaddrs` list and a prepared query.
        unsafe { nodes(ifas).find(|node| matches(*node, &*query)).unwrap_or(ptr::null()) }
    }

    "ip-utils.h" fn janus_network_get_devices_ipv4(ifas: *const ifaddrs, query: *const janus_network_query_config,
        result: *mut in_addr) -> c_int as nonnull(ifas, query, result) or INVALID; {
        // SAFETY: as above.
        unsafe {
            match ip_of((*ifas).ifa_addr) {
                Some(IpAddr::V4(v4)) if (*query).mode & IPV4 != 0 => {
                    result.write(in_addr { s_addr: u32::from_ne_bytes(v4.octets()) });
                    0
                }
                _ => INVALID,
            }
        }
    }

    "ip-utils.h" fn janus_network_get_devices_ipv6(ifas: *const ifaddrs, query: *const janus_network_query_config,
        result: *mut in6_addr) -> c_int as nonnull(ifas, query, result) or INVALID; {
        // SAFETY: as above.
        unsafe {
            match ip_of((*ifas).ifa_addr) {
                Some(IpAddr::V6(v6)) if (*query).mode & IPV6 != 0 => {
                    result.write(in6_addr { s6_addr: v6.octets() });
                    0
                }
                _ => INVALID,
            }
        }
    }

    "ip-utils.h" fn janus_network_get_device_address(ifa: *const ifaddrs, result: *mut janus_network_address) -> c_int
        as nonnull(ifa, result) or INVALID; {
        // SAFETY: a live node and a writable struct.
        unsafe { store(result, ip_of((*ifa).ifa_addr)) }
    }

    "ip-utils.h" fn janus_network_address_nullify(a: *mut janus_network_address) as nonnull(a) or (); {
        // SAFETY: writable.
        unsafe { a.write(janus_network_address::NONE) };
    }

    "ip-utils.h" fn janus_network_address_is_null(a: *const janus_network_address) -> gboolean
        as nonnull(a) or TRUE; {
        // SAFETY: readable.
        gboolean::from(unsafe { (*a).family } == libc::AF_UNSPEC)
    }

    /// The port is ignored (HL-028).
    "ip-utils.h" fn janus_network_address_from_sockaddr(s: *const sockaddr, a: *mut janus_network_address) -> c_int
        as nonnull(s, a) or INVALID; {
        // SAFETY: a complete socket address and a writable struct.
        unsafe { store(a, ip_of(s)) }
    }

    /// The address as text without port, NUL-terminated, in the caller's buffer. 0; −EINVAL for a nullified address, and
    /// then the buffer is empty (HL-026).
    "ip-utils.h" fn janus_network_address_to_string_buffer(a: *const janus_network_address,
        buf: *mut janus_network_address_string_buffer) -> c_int as nonnull(a, buf) or INVALID; {
        // SAFETY: readable and writable; the longest IPv6 text has 45 characters.
        unsafe {
            janus_network_address_string_buffer_nullify(buf);
            let Some(address) = (*a).ip() else { return INVALID };
            let text = address.to_string();
            (*buf).family = (*a).family;
            ptr::copy_nonoverlapping(text.as_ptr(), (&raw mut (*buf).text).cast(), text.len());
            0
        }
    }

    "ip-utils.h" fn janus_network_address_string_buffer_nullify(b: *mut janus_network_address_string_buffer)
        as nonnull(b) or (); {
        // SAFETY: writable; all zero is the empty buffer (AF_UNSPEC is 0).
        unsafe { ptr::write_bytes(b, 0, 1) };
    }

    "ip-utils.h" fn janus_network_address_string_buffer_is_null(b: *const janus_network_address_string_buffer)
        -> gboolean as nonnull(b) or TRUE; {
        // SAFETY: readable.
        gboolean::from(unsafe { (*b).family } == libc::AF_UNSPEC)
    }

    /// Text inside the buffer, NULL for an empty one (HL-027).
    "ip-utils.h" fn janus_network_address_string_from_buffer(b: *const janus_network_address_string_buffer)
        -> *const c_char as nonnull(b) or ptr::null(); {
        // SAFETY: readable.
        if unsafe { (*b).family } == libc::AF_UNSPEC {
            ptr::null()
        } else {
            // SAFETY: readable, and the text lies inside it.
            unsafe { (&raw const (*b).text).cast() }
        }
    }

    "ip-utils.h" fn janus_network_string_is_valid_address(kind: c_uint, user_value: *const c_char) -> gboolean
        as nonnull(user_value) or FALSE; {
        // SAFETY: NUL-terminated.
        gboolean::from(parse(kind, unsafe { CStr::from_ptr(user_value) }).is_some())
    }

    /// Text as an address; `kind` is IPv4, IPv6 or either, nothing else. 0; −EINVAL when it is none of that kind (HL-029).
    "ip-utils.h" fn janus_network_string_to_address(kind: c_uint, user_value: *const c_char,
        result: *mut janus_network_address) -> c_int as nonnull(user_value, result) or INVALID; {
        // SAFETY: NUL-terminated; writable.
        unsafe { store(result, parse(kind, CStr::from_ptr(user_value))) }
    }

    /// `0.0.0.0` and `::` mean any address (HL-023 … HL-025).
    "ip-utils.h" fn janus_network_lookup_interface(ifas: *const ifaddrs, iface: *const c_char,
        result: *mut janus_network_address) -> c_int as nonnull(ifas, iface, result) or INVALID; {
        // SAFETY: a `getifaddrs` list, NUL-terminated text, a writable struct.
        unsafe {
            janus_network_address_nullify(result);
            let name = CStr::from_ptr(iface);
            let any =
                name.to_str().ok().and_then(|t| t.parse::<IpAddr>().ok()).filter(IpAddr::is_unspecified);
            store(result, any.or_else(|| lookup(ifas, name)))
        }
    }

    /// The address towards the outside; nothing is sent.
    "ip-utils.h" fn janus_network_detect_local_ip(addr_type: c_uint, result: *mut janus_network_address) -> c_int
        as nonnull(result) or INVALID; {
        // SAFETY: writable.
        unsafe { store(result, detect(addr_type)) }
    }

    /// Released with `g_free`; NULL without a route (HL-030).
    "ip-utils.h" fn janus_network_detect_local_ip_as_string(addr_type: c_uint) -> *mut c_char
        as nonnull() or ptr::null_mut(); {
        detect(addr_type).map_or(ptr::null_mut(), |a| glib::strdup(&a.to_string()))
    }

    /// 0, −1 when nobody knows the name, −EINVAL. Fills family and address, leaves the port. Unlike the reference, the
    /// family is the one of the address found.
    "ip-utils.h" fn janus_network_resolve_address(host: *const c_char, address: *mut sockaddr_storage) -> c_int
        as nonnull(host, address) or INVALID; {
        // SAFETY: NUL-terminated; `sockaddr_storage` holds either family with its alignment.
        unsafe {
            let Some(found) = network::resolve(&CStr::from_ptr(host).to_string_lossy()) else { return -1 };
            (*address).ss_family = match found {
                IpAddr::V4(v4) => {
                    (*address.cast::<sockaddr_in>()).sin_addr.s_addr = u32::from_ne_bytes(v4.octets());
                    libc::AF_INET as libc::sa_family_t
                }
                IpAddr::V6(v6) => {
                    (*address.cast::<sockaddr_in6>()).sin6_addr.s6_addr = v6.octets();
                    libc::AF_INET6 as libc::sa_family_t
                }
            };
            0
        }
    }
}

variant! {
    /// Up to 1.1.2 only addresses of interfaces are found (HL-025).
    janus_network_lookup_interface in B1 ..= B3, fn janus_network_lookup_interface_b3(ifas: *const ifaddrs,
        iface: *const c_char, result: *mut janus_network_address) -> c_int as nonnull(ifas, iface, result) or INVALID; {
        // SAFETY: as the native form.
        unsafe {
            janus_network_address_nullify(result);
            store(result, lookup(ifas, CStr::from_ptr(iface)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(iface: &CStr, older: bool) -> Option<IpAddr> {
        let mut list = ptr::null_mut();
        let mut out = janus_network_address::NONE;
        // SAFETY: a fresh list, freed at the end.
        unsafe {
            assert_eq!(libc::getifaddrs(&raw mut list), 0);
            let result = if older {
                janus_network_lookup_interface_b3(list, iface.as_ptr(), &raw mut out)
            } else {
                janus_network_lookup_interface(list, iface.as_ptr(), &raw mut out)
            };
            libc::freeifaddrs(list);
            assert_eq!(result == 0, out.ip().is_some());
        }
        out.ip()
    }

    // HL-023, HL-024, HL-025
    #[test]
    fn interfaces() {
        assert_eq!(found(c"lo", false), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(found(c"127.0.0.1", false), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(found(c"no-such-device", false), None);
        assert_eq!(found(c"0.0.0.0", false), Some("0.0.0.0".parse().unwrap()));
        assert_eq!(found(c"0.0.0.0", true), None);
        // SAFETY: NULL arguments are refused.
        unsafe {
            assert_eq!(janus_network_lookup_interface(ptr::null(), c"lo".as_ptr(), ptr::null_mut()), INVALID);
        }
    }

    // HL-026, HL-027, HL-029
    #[test]
    fn texts() {
        let mut address = janus_network_address::NONE;
        // SAFETY: structs on the stack.
        unsafe {
            let mut buffer: janus_network_address_string_buffer = std::mem::zeroed();
            assert_eq!(janus_network_address_to_string_buffer(&raw const address, &raw mut buffer), INVALID);
            assert!(janus_network_address_string_from_buffer(&raw const buffer).is_null());
            for text in [c"192.0.2.1", c"2001:db8::1"] {
                assert_eq!(janus_network_string_to_address(ANY_IP, text.as_ptr(), &raw mut address), 0);
                assert_eq!(janus_network_address_to_string_buffer(&raw const address, &raw mut buffer), 0);
                assert_eq!(CStr::from_ptr(janus_network_address_string_from_buffer(&raw const buffer)), text);
            }
            assert_eq!(
                janus_network_string_to_address(ANY, c"192.0.2.1".as_ptr(), &raw mut address),
                INVALID
            );
            assert_eq!(janus_network_string_is_valid_address(IPV4, c"2001:db8::1".as_ptr()), FALSE);
        }
    }
}
