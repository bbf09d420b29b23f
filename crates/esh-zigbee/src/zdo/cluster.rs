//! The clusters of the Zigbee Device Profile, Zigbee 05-3474, tables 2-44 and 2-87.

/// The answer to the request of a cluster has its number with this bit set.
pub(super) const RESPONSE: u16 = 0x8000;

pub(super) const NWK_ADDR: u16 = 0x0000;
pub(super) const IEEE_ADDR: u16 = 0x0001;
pub(super) const NODE_DESC: u16 = 0x0002;
pub(super) const SIMPLE_DESC: u16 = 0x0004;
pub(super) const ACTIVE_EP: u16 = 0x0005;
pub(super) const DEVICE_ANNCE: u16 = 0x0013;
pub(super) const BIND: u16 = 0x0021;
pub(super) const UNBIND: u16 = 0x0022;
pub(super) const MGMT_LEAVE: u16 = 0x0034;
pub(super) const MGMT_PERMIT_JOINING: u16 = 0x0036;

/// Number of the request, name.
const NAMES: &[(u16, &str)] = &[
    (NWK_ADDR, "NWK_addr"),
    (IEEE_ADDR, "IEEE_addr"),
    (NODE_DESC, "Node_Desc"),
    (0x0003, "Power_Desc"),
    (SIMPLE_DESC, "Simple_Desc"),
    (ACTIVE_EP, "Active_EP"),
    (0x0006, "Match_Desc"),
    (0x0010, "Complex_Desc"),
    (0x0011, "User_Desc"),
    (0x0012, "Discovery_Cache"),
    (DEVICE_ANNCE, "Device_annce"),
    (0x0014, "User_Desc_set"),
    (0x0015, "System_Server_Discovery"),
    (0x001f, "Parent_annce"),
    (0x0020, "End_Device_Bind"),
    (BIND, "Bind"),
    (UNBIND, "Unbind"),
    (0x002b, "Clear_All_Bindings"),
    (0x0031, "Mgmt_Lqi"),
    (0x0032, "Mgmt_Rtg"),
    (0x0033, "Mgmt_Bind"),
    (MGMT_LEAVE, "Mgmt_Leave"),
    (MGMT_PERMIT_JOINING, "Mgmt_Permit_Joining"),
    (0x0038, "Mgmt_NWK_Update"),
    (0x0039, "Mgmt_NWK_Enhanced_Update"),
    (0x003a, "Mgmt_NWK_IEEE_Joining_List"),
    (0x003c, "Mgmt_NWK_Beacon_Survey"),
];

/// What the messages of a cluster are called, request and response alike; empty for one that is not known.
#[must_use]
pub fn name(cluster: u16) -> &'static str {
    NAMES.iter().find(|(of, _)| *of == cluster & !RESPONSE).map_or("", |(_, name)| name)
}
