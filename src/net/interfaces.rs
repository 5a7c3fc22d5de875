//! The addresses of the interfaces that are up.

use super::sockaddr::ip_of;
use std::ffi::CStr;
use std::net::IpAddr;
use std::ptr;

/// One address of a network interface that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub address: IpAddr,
}

/// In the system's order.
pub fn read() -> Vec<Interface> {
    let mut list = ptr::null_mut();
    // SAFETY: writes a pointer of ours.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut node: *mut libc::ifaddrs = list;
    // SAFETY: a live list of the system, read to its end and freed once.
    unsafe {
        while let Some(entry) = node.as_ref() {
            node = entry.ifa_next;
            if entry.ifa_flags & libc::IFF_UP as libc::c_uint == 0 {
                continue;
            }
            if let Some(address) = ip_of(entry.ifa_addr) {
                let name = CStr::from_ptr(entry.ifa_name).to_string_lossy().into_owned();
                found.push(Interface { name, address });
            }
        }
        libc::freeifaddrs(list);
    }
    found
}
