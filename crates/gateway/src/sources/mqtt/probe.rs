//! Whether each broker lets the gateway in and lets it subscribe: what `check --connect` tries.

use super::Config;
use super::link::{Link, Step, Subscriber};
use crate::connect::{Found, PATIENCE};
use crate::mqtt::{Fault, Url};
use tokio::time::timeout;

impl Config {
    /// Connects as the source would and leaves again: as another client and without a session, so that a gateway that runs
    /// loses nothing.
    pub(crate) async fn probe(&self) -> Vec<Found> {
        let name = format!("source {}", self.name.as_deref().unwrap_or("mqtt"));
        let subscriber = match Subscriber::new(self) {
            Ok(subscriber) => subscriber.apart(),
            Err(error) => return vec![Found::new(name, Err(error.to_string()))],
        };
        let mut found = Vec::new();
        for url in &subscriber.settings.urls {
            let tried = match self.subscribes(&subscriber, url).await {
                Ok(()) => Ok(format!("{url} lets us in, and lets us read {}", self.topics.join(", "))),
                Err(fault) => Err(format!("{url}: {fault}")),
            };
            found.push(Found::new(name.clone(), tried));
        }
        found
    }

    async fn subscribes(&self, subscriber: &Subscriber, url: &Url) -> Result<(), Fault> {
        let mut link = Link::open(subscriber, url, false);
        link.connected(PATIENCE).await?;
        link.subscribe(&self.topics)?;
        let answer = async {
            loop {
                match link.step().await? {
                    Step::Subscribed(Ok(_)) => return Ok(()),
                    Step::Subscribed(Err(why)) => return Err(Fault::Barred(format!("to subscribe: {why}"))),
                    Step::Connected { .. } | Step::Message(_) => {}
                }
            }
        };
        timeout(PATIENCE, answer).await.unwrap_or(Err(Fault::Silent(PATIENCE)))?;
        // Whether it hears the farewell does not matter.
        let _ = timeout(PATIENCE, link.close()).await;
        Ok(())
    }
}
