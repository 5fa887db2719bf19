//! The address of a network interface.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr::null_mut;

/// The numeric address that stands for an interface: of `eth0` its first, IPv4 before IPv6; what is an address already
/// stays.
pub(super) fn address(interface: &str) -> io::Result<IpAddr> {
    if let Ok(address) = interface.parse() {
        return Ok(address);
    }
    let mut found: Vec<_> = addresses()?
        .into_iter()
        .filter_map(|(name, address)| (name == interface).then_some(address))
        .collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.into_iter().next().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            format!("there is no network interface {interface} with an address; `ip address` lists them"),
        )
    })
}

/// All addresses of this machine that need no scope, with their interfaces.
fn addresses() -> io::Result<Vec<(String, IpAddr)>> {
    let mut list = null_mut();
    // SAFETY: the pointer may be written to.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut next = list;
    // SAFETY: the list ends with a null pointer, its entries live until they are freed below.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        // SAFETY: a name is a string that lives as long as its entry.
        let name = unsafe { std::ffi::CStr::from_ptr(entry.ifa_name) };
        // SAFETY: the address is a null pointer or one of the family that it names.
        if let Some(address) = unsafe { ip(entry.ifa_addr) } {
            found.push((name.to_string_lossy().into_owned(), address));
        }
    }
    // SAFETY: it was given out above, and nothing refers to it any more.
    unsafe { libc::freeifaddrs(list) };
    Ok(found)
}

/// # Safety
///
/// The pointer is null, or to an address as large as its family says.
unsafe fn ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the caller's promise.
    let family = unsafe { address.as_ref() }?.sa_family;
    match i32::from(family) {
        libc::AF_INET => {
            // SAFETY: the family says so.
            let address = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says so.
            let address = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            let address = Ipv6Addr::from(address.sin6_addr.s6_addr);
            (!address.is_unicast_link_local()).then(|| address.into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_stands_for_its_address() {
        let addresses = addresses().unwrap();
        for (name, address) in &addresses {
            if address.is_ipv4() {
                assert!(super::address(name).unwrap().is_ipv4());
            }
        }
        assert_eq!(address("10.1.2.3").unwrap(), IpAddr::from([10, 1, 2, 3]));
        assert_eq!(address("::1").unwrap(), IpAddr::from(Ipv6Addr::LOCALHOST));
        let error = address("no such interface").unwrap_err();
        assert!(error.to_string().contains("no such interface"), "{error}");
    }
}
