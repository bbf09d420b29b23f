//! The network that a gateway is for its own devices: it lets them join, acknowledges what they confirm and answers what
//! they ask; TS001, 5 and 6.
//!
//! What it says is made here, as a function of the frame and of what is known, and goes out once the record of the frame
//! is on the disk, and with it everything that the answer uses up: the nonce of a join, the counter of a downlink.

mod answer;
mod device;
mod sessions;

pub(crate) use answer::{Answered, Answering, gps};
pub use device::{Device, Joined};
pub(crate) use sessions::Sessions;

use esh_lorawan::{CfList, DlSettings, Region};

/// What a source says of the network that it speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its region.
    pub region: Region,
    /// Seconds from an uplink to the first window, for devices that join: 1 to 15.
    pub rx_delay: u8,
    /// Its number, 24 bits; 0 is anybody's.
    pub net_id: u32,
    /// The channels that it tells devices of.
    pub cf_list: Option<CfList>,
}

impl Network {
    /// The settings that a device gets: the first window is as fast as the uplink, the second as the region has it.
    fn settings(&self, opt_neg: bool) -> DlSettings {
        DlSettings(u8::from(opt_neg) << 7 | self.region.rx2().1 & 15)
    }
}

/// Something for a device, in one of its next windows: what a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downlink {
    /// To which port.
    pub port: u8,
    /// What.
    pub octets: Box<[u8]>,
    /// Whether the device shall confirm it.
    pub confirmed: bool,
}
