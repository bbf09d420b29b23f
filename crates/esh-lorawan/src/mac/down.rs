//! MAC commands of networks: TS001-1.0.4, 5 and 12; TS001-1.1, 5, 14 and 18. Those that later versions dropped are sent
//! all the same.

use super::{Row, row};

/// Identifier, octets that follow, name.
pub(super) const COMMANDS: &[Row] = &[
    row(0x01, 1, "ResetConf"),
    row(0x02, 2, "LinkCheckAns"),
    row(0x03, 4, "LinkADRReq"),
    row(0x04, 1, "DutyCycleReq"),
    row(0x05, 4, "RXParamSetupReq"),
    row(0x06, 0, "DevStatusReq"),
    row(0x07, 5, "NewChannelReq"),
    row(0x08, 1, "RXTimingSetupReq"),
    row(0x09, 1, "TXParamSetupReq"),
    row(0x0a, 4, "DlChannelReq"),
    row(0x0b, 1, "RekeyConf"),
    row(0x0c, 1, "ADRParamSetupReq"),
    row(0x0d, 5, "DeviceTimeAns"),
    row(0x0e, 2, "ForceRejoinReq"),
    row(0x0f, 1, "RejoinParamSetupReq"),
    row(0x10, 0, "PingSlotInfoAns"),
    row(0x11, 4, "PingSlotChannelReq"),
    row(0x12, 3, "BeaconTimingAns"),
    row(0x13, 3, "BeaconFreqReq"),
    row(0x20, 1, "DeviceModeConf"),
];
