//! The rules for networks.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Checked, Fault};

/// A network in CIDR notation, with no bit set behind its prefix.
pub(crate) fn cidr(text: &str) -> Checked<IpNet> {
    let fault = |message: &str| Fault::new("bad-cidr", message);
    let Ok(network) = text.parse::<IpNet>() else {
        if let Ok(address) = text.parse::<IpAddr>() {
            let single = IpNet::from(address);
            return Err(fault("is an address, not a network")
                .help(format!("for this one address write `{single}`")));
        }
        let address = text
            .split_once('/')
            .and_then(|(address, prefix)| Some((address.parse::<IpAddr>().ok()?, prefix)));
        return Err(match address {
            Some((address, prefix)) => {
                let longest = IpNet::from(address).max_prefix_len();
                fault(&format!(
                    "has the prefix length `{}`",
                    prefix.escape_debug()
                ))
                .help(format!("the prefix length is from 0 to {longest}"))
            }
            None => fault("is not a network")
                .help("networks look like `203.0.113.7/32` or `2001:db8::/64`"),
        });
    };
    if network.trunc() != network {
        let single = IpNet::from(network.addr());
        return Err(fault(&format!(
            "has host bits set behind its prefix of {}",
            network.prefix_len()
        ))
        .help(format!(
            "the network is `{}`; for the one address write `{single}`",
            network.trunc()
        )));
    }
    Ok(network)
}

/// Returns a network that these together admit and that is wider than any one organisation's.
///
/// `/0` admits everyone, and so do its two halves together. Registries have given out nothing wider
/// than a `/8` of IPv4 or a `/16` of IPv6, so what is wider cannot be meant as "us".
pub(crate) fn world(networks: &[IpNet]) -> Option<IpNet> {
    IpNet::aggregate(&networks.to_vec())
        .into_iter()
        .find(|network| {
            let narrowest = match network {
                IpNet::V4(_) => 8,
                IpNet::V6(_) => 16,
            };
            network.prefix_len() < narrowest
        })
}
