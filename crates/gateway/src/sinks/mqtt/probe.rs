//! Whether the broker lets the gateway in: what `check --connect` tries.

use super::Mqtt;
use super::client::Link;
use crate::connect::{Found, PATIENCE};

impl Mqtt {
    /// Connects as the sink would, with TLS and with who it is, and leaves again. It has another client id than the sink,
    /// so that a gateway that runs keeps its connection, and no last will.
    pub(in crate::sinks) async fn probe(self, sink: &str) -> Vec<Found> {
        let settings = self.settings.apart();
        let mut link = Link::open(&settings, None);
        let found = match link.connected(PATIENCE).await {
            Ok(_) => {
                // Whether it hears the farewell does not matter.
                let _ = tokio::time::timeout(PATIENCE, link.close()).await;
                Ok(format!("{} lets us in", settings.url))
            }
            Err(fault) => Err(format!("{}: {fault}", settings.url)),
        };
        vec![Found::new(format!("sink {sink}"), found)]
    }
}
