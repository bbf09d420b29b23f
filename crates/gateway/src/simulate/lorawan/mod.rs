//! Simulated LoRaWAN devices and the packet forwarders that hear them: for trying a gateway without a radio.
//!
//! Devices join and take the answer, send, wait for their acknowledgements and send again without one, lose frames so that
//! their counters roll over, and now and then join anew. What they hear must come in one of their windows.

mod air;
mod device;

use crate::stop::Stop;
use air::Air;
use device::Device;
use esh_lorawan::Region;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the gateway listens, `host:port`.
    pub gwmp: String,
    /// How many devices there are.
    pub devices: usize,
    /// How many packet forwarders hear them.
    pub forwarders: usize,
    /// How long a device waits from one uplink to the next.
    pub every: Duration,
    /// Uplinks of each device; then it is done. 0 is without end.
    pub uplinks: u64,
    /// Another seed has other devices and keys.
    pub seed: u64,
    /// Where they are.
    pub region: Region,
}

/// What has happened so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// Joins that were answered, and those that were not.
    pub joined: AtomicU64,
    /// Join requests without an answer that fits.
    pub unanswered: AtomicU64,
    /// Uplinks sent, however many heard each.
    pub uplinks: AtomicU64,
    /// Uplinks that were to be confirmed and were.
    pub confirmed: AtomicU64,
    /// Uplinks that were to be confirmed and were not, however often they were sent.
    pub unconfirmed: AtomicU64,
    /// Devices whose counter has rolled over.
    pub rolled_over: AtomicU64,
    /// Datagrams sent and acknowledged.
    pub pushed: AtomicU64,
    /// Those that were acknowledged.
    pub acknowledged: AtomicU64,
    /// What came down and could not be transmitted any more.
    pub too_late: AtomicU64,
    /// The frames whose datagram was acknowledged.
    pub taken: Mutex<Vec<Vec<u8>>>,
}

impl Tally {
    /// Whether every join was answered, and every uplink confirmed that was to be.
    #[must_use]
    pub fn is_well(&self) -> bool {
        [&self.unanswered, &self.unconfirmed].iter().all(|count| count.load(Ordering::Relaxed) == 0)
    }

    /// The frames whose datagram was acknowledged so far.
    #[must_use]
    pub fn taken(&self) -> Vec<Vec<u8>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn one_more(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        write!(
            f,
            "{} joins answered, {} not; {} uplinks, {} confirmed, {} not, {} counters rolled over; \
             {} of {} datagrams acknowledged, {} downlinks too late",
            get(&self.joined),
            get(&self.unanswered),
            get(&self.uplinks),
            get(&self.confirmed),
            get(&self.unconfirmed),
            get(&self.rolled_over),
            get(&self.acknowledged),
            get(&self.pushed),
            get(&self.too_late),
        )
    }
}

/// Simulates until every device is done, or until it is asked to stop.
///
/// # Errors
/// When there is no socket to be had, or the gateway's address is none.
pub async fn run(options: &Options, tally: &Arc<Tally>, mut stop: Stop) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    let air = Air::open(options, tally, &mut tasks).await?;
    let mut devices = JoinSet::new();
    for number in 0..options.devices {
        let device = Device::new(number as u64, options.seed);
        devices.spawn(device.run(options.clone(), Arc::clone(&air), Arc::clone(tally)));
    }
    let done = async { while devices.join_next().await.is_some() {} };
    tokio::select! {
        () = done => {
            // The last acknowledgements are on their way.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        () = stop.asked() => {}
    }
    Ok(())
}

/// The keys of all devices, as the text of a `keys.toml`.
#[must_use]
pub fn keys_toml(devices: usize, seed: u64) -> String {
    let keys = (0..devices).map(|number| Device::new(number as u64, seed).keys_toml());
    std::iter::once("# Keys of simulated devices: they protect nothing.\n".to_owned()).chain(keys).collect()
}
