//! One connection, from its first packet to its end. What it has not acknowledged the broker sends again to the next.

use super::Mqtt;
use super::link::{Link, Message, Step};
use super::translate::Meaning;
use crate::capture::Capture;
use crate::mqtt::{Fault, first_is_back};
use crate::sources::Answer;
use crate::stop::Stop;
use std::collections::VecDeque;
use std::{pin::pin, time::Duration};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

/// How a connection ends without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The gateway shall stop.
    Stopped,
    /// The first broker is there again.
    FirstIsBack,
}

/// How long a broker may take to let the gateway in.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the broker may take to send what it had kept of the bridge.
const KEPT: Duration = Duration::from_secs(5);
/// How long a stop waits for the queue.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a message waits that the queue does not take now.
const PAUSE: Duration = Duration::from_millis(500);

/// A message that was not acknowledged yet.
#[derive(Debug)]
struct Pending {
    packet: Option<u16>,
    /// None where there is nothing to wait for.
    asked: Option<Asked>,
}

/// What the line was asked to take.
#[derive(Debug)]
struct Asked {
    capture: Capture,
    /// None when it was refused.
    answer: Option<oneshot::Receiver<Answer>>,
}

/// A connection that is open.
pub(super) struct Session<'a> {
    mqtt: &'a mut Mqtt,
    link: Link,
    /// In the order they came: the broker is to be answered in it, MQTT 5, 4.6.
    pending: VecDeque<Pending>,
    /// The oldest of them was refused, and is put to the line again then.
    again: Option<Instant>,
}

/// What the line says to the oldest message.
enum Front {
    Taken,
    Refused,
    Ended,
}

impl<'a> Session<'a> {
    /// Connects to the present broker.
    pub(super) async fn open(mqtt: &'a mut Mqtt) -> Result<Self, Fault> {
        let url = mqtt.url().ok_or(Fault::Gone)?.clone();
        if let Some(base) = mqtt.bridge.clone() {
            ask_the_bridge(mqtt, &url, &base).await?;
        }
        let mut link = Link::open(&mqtt.subscriber, &url, true);
        let remembered = link.connected(PATIENCE).await?;
        link.subscribe(&mqtt.topics)?;
        if mqtt.quiet.may(&format!("{url}: connected"), std::time::Instant::now()) {
            info!(source = &*mqtt.name, broker = %url, remembered, "connected");
        }
        Ok(Self { mqtt, link, pending: VecDeque::new(), again: None })
    }

    /// Takes messages until it is to stop.
    pub(super) async fn run(mut self, stop: &mut Stop) -> Result<End, Fault> {
        let (urls, now) = (self.mqtt.subscriber.settings.urls.clone(), self.mqtt.brokers.now());
        let mut first = pin!(first_is_back(&urls, now, self.mqtt.first_after));
        let end = loop {
            let room = self.pending.len() < self.mqtt.window;
            let again = self.again;
            tokio::select! {
                biased;
                () = stop.asked() => break End::Stopped,
                front = front(self.pending.front_mut()), if again.is_none() && !self.pending.is_empty() => match front {
                    Front::Taken => self.acknowledge()?,
                    Front::Refused => self.again = Some(Instant::now() + PAUSE),
                    Front::Ended => break End::Stopped,
                },
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => self.ask_again().await,
                step = self.link.step(), if room => self.step(step?).await?,
                () = &mut first => break End::FirstIsBack,
            }
        };
        self.leave().await;
        Ok(end)
    }

    async fn step(&mut self, step: Step) -> Result<(), Fault> {
        match step {
            Step::Connected { .. } => Ok(()),
            Step::Subscribed(Ok(strong)) => {
                if !strong && self.mqtt.quiet.may("qos", std::time::Instant::now()) {
                    let source = &*self.mqtt.name;
                    warn!(source, "the broker keeps nothing for a gateway that is away: it grants QoS 0 alone");
                }
                self.mqtt.let_in();
                Ok(())
            }
            Step::Subscribed(Err(why)) => Err(Fault::Barred(format!("to subscribe: {why}"))),
            Step::Message(message) => {
                self.take(message).await;
                Ok(())
            }
        }
    }

    async fn take(&mut self, message: Message) {
        self.mqtt.brokers.has_taken();
        let asked = match self.mqtt.translator.meaning(&message) {
            Meaning::Nothing => None,
            Meaning::Capture(capture) => {
                let answer = Some(self.mqtt.intake.ask(capture.clone()).await);
                Some(Asked { capture, answer })
            }
        };
        self.pending.push_back(Pending { packet: message.packet, asked });
    }

    /// The oldest is safe.
    fn acknowledge(&mut self) -> Result<(), Fault> {
        match self.pending.pop_front().and_then(|pending| pending.packet) {
            Some(packet) => self.link.acknowledge(packet),
            None => Ok(()),
        }
    }

    /// The line has refused the oldest, for want of room or of a disk or because there were too many. Those that nobody
    /// keeps are gone; the others wait, and the broker with them.
    async fn ask_again(&mut self) {
        self.again = None;
        let Some(Pending { packet, asked }) = self.pending.front_mut() else { return };
        if let Some(Asked { capture, answer }) = asked.as_mut().filter(|_| packet.is_some()) {
            *answer = Some(self.mqtt.intake.ask_again(capture.clone()).await);
        } else {
            *asked = None;
        }
    }

    /// Acknowledges what the queue still takes, and leaves.
    async fn leave(mut self) {
        let farewell = async {
            while let Front::Taken = front(self.pending.front_mut()).await {
                if self.pending.is_empty() || self.acknowledge().is_err() {
                    break;
                }
            }
            self.link.close().await;
        };
        let _ = timeout(FAREWELL, farewell).await;
    }
}

/// What the line says to a message.
async fn front(pending: Option<&mut Pending>) -> Front {
    let Some(pending) = pending else { return Front::Taken };
    let Some(asked) = &mut pending.asked else { return Front::Taken };
    let Some(answer) = &mut asked.answer else { return Front::Refused };
    let answered = answer.await;
    asked.answer = None;
    match answered {
        Ok(Ok(())) => {
            // Whoever asks once more shall hear the same.
            pending.asked = None;
            Front::Taken
        }
        Ok(Err(_)) => Front::Refused,
        Err(_) => Front::Ended,
    }
}

/// Reads what the broker has kept of Zigbee2MQTT's bridge, through a connection of its own: in the session that lasts it
/// would come behind all that has waited there, and those could not be read without it.
async fn ask_the_bridge(mqtt: &mut Mqtt, url: &crate::mqtt::Url, base: &str) -> Result<(), Fault> {
    let topics = ["devices", "groups", "state"].map(|what| format!("{base}/bridge/{what}"));
    let mut link = Link::open(&mqtt.asking, url, false);
    link.connected(PATIENCE).await?;
    link.subscribe(&topics)?;
    let mut missing = topics.len();
    let kept = async {
        while missing > 0 {
            match link.step().await? {
                Step::Message(message) => {
                    missing -= 1;
                    if let Some(what) = message.topic.rsplit('/').next() {
                        mqtt.translator.bridge(what, &message.payload);
                    }
                }
                Step::Subscribed(Err(why)) => return Err(Fault::Barred(format!("to subscribe: {why}"))),
                Step::Subscribed(Ok(_)) | Step::Connected { .. } => {}
            }
        }
        Ok(())
    };
    // A bridge that has never been there has left nothing.
    if let Ok(kept) = timeout(KEPT, kept).await {
        kept?;
    }
    let _ = timeout(FAREWELL, link.close()).await;
    Ok(())
}
