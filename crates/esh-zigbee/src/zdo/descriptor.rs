//! What devices say of themselves, and what is bound: Zigbee 05-3474, clauses 2.3.2 and 2.4.3.2.2.

/// What a device is in the network; clause 2.3.2.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogicalType {
    /// The coordinator.
    Coordinator,
    /// A router.
    Router,
    /// An end device.
    EndDevice,
    /// Reserved.
    Reserved(u8),
}

/// The node descriptor; clause 2.3.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeDescriptor {
    /// Logical type and which descriptors there are.
    pub flags: u8,
    /// Fragmentation and the frequency band.
    pub band: u8,
    /// What the MAC can do; clause 2.3.2.3.6.
    pub capability: u8,
    /// Who made it.
    pub manufacturer: u16,
    /// The longest NWK payload it takes.
    pub buffer: u8,
    /// The longest message it takes, in parts.
    pub incoming: u16,
    /// Which services it has for the network, and the revision of its stack.
    pub server: u16,
    /// The longest message it sends, in parts.
    pub outgoing: u16,
    /// What its descriptors can do.
    pub descriptors: u8,
}

impl NodeDescriptor {
    /// What the device is in the network.
    #[must_use]
    pub const fn logical_type(self) -> LogicalType {
        match self.flags & 7 {
            0 => LogicalType::Coordinator,
            1 => LogicalType::Router,
            2 => LogicalType::EndDevice,
            other => LogicalType::Reserved(other),
        }
    }

    /// Whether it listens while it sends nothing.
    #[must_use]
    pub const fn receives_when_idle(self) -> bool {
        self.capability & 8 != 0
    }
}

/// The simple descriptor: what an endpoint is; clause 2.3.2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimpleDescriptor<'a> {
    /// The endpoint.
    pub endpoint: u8,
    /// The profile.
    pub profile: u16,
    /// Which device of that profile.
    pub device: u16,
    /// The version of that.
    pub version: u8,
    /// The clusters it serves.
    pub input: Clusters<'a>,
    /// The clusters of others that it uses.
    pub output: Clusters<'a>,
}

/// A list of clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clusters<'a>(pub(super) &'a [u8]);

impl<'a> Clusters<'a> {
    /// Those of octets, two for each, least significant first; an octet without its pair is left out.
    #[must_use]
    pub fn of(octets: &'a [u8]) -> Self {
        Self(octets.get(..octets.len() & !1).unwrap_or_default())
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = u16> + 'a {
        self.0.as_chunks::<2>().0.iter().map(|octets| u16::from_le_bytes(*octets))
    }

    /// Whether it is among them.
    #[must_use]
    pub fn contains(self, cluster: u16) -> bool {
        self.iter().any(|of| of == cluster)
    }
}

/// A binding: to whom what an endpoint has to say of a cluster goes; clause 2.4.3.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Whose endpoint it is.
    pub source: u64,
    /// The endpoint.
    pub endpoint: u8,
    /// The cluster.
    pub cluster: u16,
    /// To whom it goes.
    pub target: Target,
}

/// To whom a binding goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A group.
    Group(u16),
    /// An endpoint of a device.
    Endpoint(u64, u8),
}
