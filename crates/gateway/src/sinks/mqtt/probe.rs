//! Whether each broker lets the gateway in: what `check --connect` tries.

use super::Mqtt;
use super::client::{Link, Publisher};
use crate::connect::{Found, PATIENCE};

impl Mqtt {
    /// Connects as the sink would, with TLS and with who it is, and leaves again. It has another client id than the sink,
    /// so that a gateway that runs keeps its connection, and no last will.
    pub(in crate::sinks) async fn probe(self, sink: &str) -> Vec<Found> {
        let settings = self.publisher.settings.apart();
        let publisher = Publisher { settings, ..self.publisher };
        let mut found = Vec::new();
        for url in &publisher.settings.urls {
            let mut link = Link::open(&publisher, url, None);
            let lets_in = match link.connected(PATIENCE).await {
                Ok(_) => {
                    // Whether it hears the farewell does not matter.
                    let _ = tokio::time::timeout(PATIENCE, link.close()).await;
                    Ok(format!("{url} lets us in"))
                }
                Err(fault) => Err(format!("{url}: {fault}")),
            };
            found.push(Found::new(format!("sink {sink}"), lets_in));
        }
        found
    }
}
