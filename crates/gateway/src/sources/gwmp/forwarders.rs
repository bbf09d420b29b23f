//! Where gateways are: a PULL_DATA opens the way back through whatever stands between.

use esh_lorawan::Eui64;
use std::collections::HashMap;
use std::net::SocketAddr;

/// The gateways that are known. Anyone can make up more: the one that was silent for the longest time is forgotten.
#[derive(Debug)]
pub(super) struct Forwarders {
    routes: HashMap<Eui64, Route>,
    turn: u64,
    most: usize,
}

#[derive(Debug)]
struct Route {
    to: SocketAddr,
    version: u8,
    turn: u64,
}

impl Forwarders {
    pub(super) fn new(most: usize) -> Self {
        Self { routes: HashMap::new(), turn: 0, most }
    }

    /// A gateway holds the way back open.
    pub(super) fn pulls(&mut self, gateway: Eui64, from: SocketAddr, version: u8) {
        self.turn += 1;
        self.routes.insert(gateway, Route { to: from, version, turn: self.turn });
        if self.routes.len() > self.most {
            let oldest = self.routes.iter().min_by_key(|(_, route)| route.turn).map(|(gateway, _)| *gateway);
            oldest.map(|oldest| self.routes.remove(&oldest));
        }
    }

    /// Where a gateway is, and which version it speaks.
    pub(super) fn route(&self, gateway: Eui64) -> Option<(SocketAddr, u8)> {
        self.routes.get(&gateway).map(|route| (route.to, route.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_silent_gateway_is_forgotten() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut forwarders = Forwarders::new(2);
        for (gateway, port) in [(1, 11), (2, 12), (1, 21), (3, 13)] {
            forwarders.pulls(Eui64(gateway), at(port), 2);
        }
        let routes = [1, 2, 3].map(|gateway| forwarders.route(Eui64(gateway)).map(|(to, _)| to.port()));
        assert_eq!(routes, [Some(21), None, Some(13)]);
    }
}
