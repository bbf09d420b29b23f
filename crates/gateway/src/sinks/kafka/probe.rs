//! Whether the brokers let the gateway in, and know the topics: what `check --connect` tries.

use super::client::Batch;
use super::{Fault, Kafka};
use crate::connect::PATIENCE;

impl Kafka {
    /// Connects as the sink would, with TLS and with who it is, and asks for the topics. Nothing is produced, and no topic
    /// comes to be by it.
    pub(in crate::sinks) async fn probe(self) -> Result<String, String> {
        let brokers = &self.settings.brokers;
        let producer = self.settings.open(Batch::Alone).map_err(|fault: Fault| fault.to_string())?;
        let (count, known) = producer.topics(PATIENCE).await.map_err(|why| format!("{brokers}: {why}"))?;
        let mut topics = vec![&self.topics.readings, &self.topics.events, &self.topics.undecoded];
        topics.extend(self.raw.then_some(&self.topics.raw));
        topics.dedup();
        let missing: Vec<_> =
            topics.iter().map(|topic| topic.0.as_str()).filter(|topic| !known.contains(*topic)).collect();
        let them = if count == 1 { "1 broker lets us in".to_owned() } else { format!("{count} brokers let us in") };
        Ok(match *missing {
            [] => format!("{them} ({brokers})"),
            _ => format!(
                "{them} ({brokers}); topics that are not there yet, and must be made unless the brokers make them: {}",
                missing.join(", ")
            ),
        })
    }
}
