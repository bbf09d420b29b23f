//! MAC commands of devices: TS001-1.0.4, 5 and 12; TS001-1.1, 5, 14 and 18. Those that later versions dropped are sent
//! all the same.

use super::{Row, row};

/// Identifier, octets that follow, name.
pub(super) const COMMANDS: &[Row] = &[
    row(0x01, 1, "ResetInd"),
    row(0x02, 0, "LinkCheckReq"),
    row(0x03, 1, "LinkADRAns"),
    row(0x04, 0, "DutyCycleAns"),
    row(0x05, 1, "RXParamSetupAns"),
    row(0x06, 2, "DevStatusAns"),
    row(0x07, 1, "NewChannelAns"),
    row(0x08, 0, "RXTimingSetupAns"),
    row(0x09, 0, "TXParamSetupAns"),
    row(0x0a, 1, "DlChannelAns"),
    row(0x0b, 1, "RekeyInd"),
    row(0x0c, 0, "ADRParamSetupAns"),
    row(0x0d, 0, "DeviceTimeReq"),
    row(0x0f, 1, "RejoinParamSetupAns"),
    row(0x10, 1, "PingSlotInfoReq"),
    row(0x11, 1, "PingSlotChannelAns"),
    row(0x12, 0, "BeaconTimingReq"),
    row(0x13, 1, "BeaconFreqAns"),
    row(0x20, 1, "DeviceModeInd"),
];
