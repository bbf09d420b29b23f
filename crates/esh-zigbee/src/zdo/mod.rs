//! The Zigbee Device Profile, Zigbee 05-3474, clause 2.4: how devices are found, described and bound.
//!
//! A message is a payload of APS of the profile 0; its cluster says which it is. Those that a coordinator needs are read
//! and written; of the others [`name`] knows what they are.

mod cluster;
mod descriptor;
mod read;
mod write;

pub use cluster::name;
pub use descriptor::{Binding, Clusters, LogicalType, NodeDescriptor, SimpleDescriptor, Target};

/// A message with its transaction sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The transaction sequence number: an answer has that of its request.
    pub sequence: u8,
    /// The message.
    pub message: Message<'a>,
}

/// Whether an answer says that all went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    /// All went well.
    pub const SUCCESS: Self = Self(0);

    /// Whether all went well.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// `NWK_addr_req`: which short address has the device?
    NetworkAddressRequest {
        /// Its extended address.
        device: u64,
        /// 0 for itself, 1 with those behind it.
        kind: u8,
        /// Of those behind it, the first that is told.
        start: u8,
    },
    /// `IEEE_addr_req`: which extended address has the device?
    IeeeAddressRequest {
        /// Its short address.
        of: u16,
        /// 0 for itself, 1 with those behind it.
        kind: u8,
        /// Of those behind it, the first that is told.
        start: u8,
    },
    /// `NWK_addr_rsp`: both addresses of a device.
    NetworkAddressResponse(Addresses<'a>),
    /// `IEEE_addr_rsp`: both addresses of a device.
    IeeeAddressResponse(Addresses<'a>),
    /// `Node_Desc_req`.
    NodeDescriptorRequest {
        /// The device asked about.
        of: u16,
    },
    /// `Node_Desc_rsp`.
    NodeDescriptorResponse {
        /// How it went.
        status: Status,
        /// The device asked about.
        of: u16,
        /// Its node descriptor, where all went well.
        descriptor: Option<NodeDescriptor>,
    },
    /// `Simple_Desc_req`.
    SimpleDescriptorRequest {
        /// The device asked about.
        of: u16,
        /// The endpoint asked about.
        endpoint: u8,
    },
    /// `Simple_Desc_rsp`.
    SimpleDescriptorResponse {
        /// How it went.
        status: Status,
        /// The device asked about.
        of: u16,
        /// What the endpoint is, where all went well.
        descriptor: Option<SimpleDescriptor<'a>>,
    },
    /// `Active_EP_req`.
    ActiveEndpointsRequest {
        /// The device asked about.
        of: u16,
    },
    /// `Active_EP_rsp`.
    ActiveEndpointsResponse {
        /// How it went.
        status: Status,
        /// The device asked about.
        of: u16,
        /// Its endpoints.
        endpoints: &'a [u8],
    },
    /// `Device_annce`: a device has joined, or has another short address.
    DeviceAnnounce {
        /// Its short address.
        short: u16,
        /// Its extended address.
        extended: u64,
        /// What it can do; clause 2.3.2.3.6.
        capability: u8,
    },
    /// `Bind_req`.
    BindRequest(Binding),
    /// `Unbind_req`.
    UnbindRequest(Binding),
    /// `Bind_rsp`.
    BindResponse(Status),
    /// `Unbind_rsp`.
    UnbindResponse(Status),
    /// `Mgmt_Leave_req`.
    LeaveRequest {
        /// Who shall leave; all zeros for the one who is asked.
        device: u64,
        /// Bit 6 with those behind it, bit 7 to come back at once.
        flags: u8,
    },
    /// `Mgmt_Leave_rsp`.
    LeaveResponse(Status),
    /// `Mgmt_Permit_Joining_req`.
    PermitJoiningRequest {
        /// How many seconds; 0 for no longer, 255 for ever.
        duration: u8,
        /// Whether the trust centre's own policy changes too.
        trust_centre: u8,
    },
    /// `Mgmt_Permit_Joining_rsp`.
    PermitJoiningResponse(Status),
}

/// Both addresses of a device, and who is behind it; clause 2.4.4.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a> {
    /// How it went.
    pub status: Status,
    /// The extended address.
    pub extended: u64,
    /// The short address.
    pub short: u16,
    /// The index of the first of those behind it.
    pub start: u8,
    /// The short addresses of those behind it, least significant octet first; `None` where it was not asked for.
    pub behind: Option<&'a [u8]>,
}

#[cfg(test)]
mod tests;
