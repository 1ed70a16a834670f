//! Which addresses are on the public internet, and which are near.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// This machine's addresses, which may be public ones, with the length of what they have in common with their neighbours'.
pub(super) struct Near(Vec<(IpAddr, u8)>);

impl Near {
    /// Looks at the interfaces that there are now. Blocks for a moment.
    #[cfg(target_os = "linux")]
    pub(super) fn find() -> io::Result<Self> {
        let of_one = |interface: if_addrs::Interface| match interface.addr {
            if_addrs::IfAddr::V4(own) => (IpAddr::from(own.ip), own.prefixlen),
            if_addrs::IfAddr::V6(own) => (IpAddr::from(own.ip), own.prefixlen),
        };
        Ok(Self(if_addrs::get_if_addrs()?.into_iter().map(of_one).collect()))
    }

    /// No sandbox has a proxy.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn find() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether an address is this machine's, or on a network that it is on.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let inner = match address {
            IpAddr::V6(address) => embedded(address).map(IpAddr::from),
            IpAddr::V4(_) => None,
        };
        let is_near =
            |address| self.0.iter().any(|(own, prefix)| address == *own || have_in_common(address, *own, *prefix));
        is_near(address) || inner.is_some_and(is_near)
    }
}

/// Whether two addresses begin with the same bits, if these are any.
fn have_in_common(one: IpAddr, other: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (one, other) {
        _ if bits == 0 => false,
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits,
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros() >= bits,
        _ => false,
    }
}

/// Whether an address is neither this machine's, nor on a local network, nor for a special purpose.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The machine itself answers there on Azure, though the address looks like any other.
const METADATA_OF_AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local() // with the metadata services of clouds
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0xc0 == 64) // between a provider and its customers
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18) // measurements
        || address == METADATA_OF_AZURE;
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = embedded(address) {
        return is_public_v4(inner);
    }
    // Everything that is given out for the public internet begins with the bits 001.
    let [first, second, ..] = address.segments();
    // The first part is for protocols, such as tunnels to any address of IPv4.
    let is_special =
        (first == 0x2001 && (second < 0x0200 || second == 0x0db8)) || (first == 0x3fff && second & 0xf000 == 0);
    first & 0xe000 == 0x2000 && !is_special
}

/// The IPv4 address that one of IPv6 leads to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_and_neighbours() {
        let own = [("203.0.114.7", 24), ("198.51.1.9", 32), ("2a00:1:2:3::5", 64), ("8.8.4.4", 0)];
        let near = Near(own.iter().map(|(address, prefix)| (address.parse().unwrap(), *prefix)).collect());
        for address in [
            "203.0.114.7",
            "203.0.114.200",
            "198.51.1.9",
            "8.8.4.4",
            "2a00:1:2:3::5",
            "2a00:1:2:3:ffff::1",
            "::ffff:203.0.114.9",
            "64:ff9b::203.0.114.9",
            "2002:c633:109::1",
        ] {
            assert!(near.has(address.parse().unwrap()), "{address}");
        }
        for address in ["203.0.115.7", "198.51.1.8", "8.8.8.8", "2a00:1:2:4::5", "64:ff9b::101:101"] {
            assert!(!near.has(address.parse().unwrap()), "{address}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_is_near() {
        let near = Near::find().unwrap();
        assert!(near.has([127, 0, 0, 1].into()) && near.has([127, 9, 9, 9].into()) && !near.has([1, 1, 1, 1].into()));
    }

    #[test]
    fn public_and_other_addresses() {
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "100.128.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "::127.0.0.1",
            "168.63.129.16",
            "::ffff:168.63.129.16",
            "2001::1",
            "2001:0:a00:1::1",
            "2001:1ff::1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }
}
