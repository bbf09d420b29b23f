//! A peer that speaks MQTT 3.1.1 and 5 as a script tells it: what no byte proxy and no real broker can be made to do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How the peer treats one connection.
#[derive(Clone, Copy, Debug)]
pub enum Mood {
    /// Takes everything and acknowledges nothing.
    Silent,
    /// Acknowledges groups of so many in reverse order.
    Backwards(usize),
    /// Never acknowledges the publish of this number, and all the others.
    Forgets(usize),
    /// Hangs up after so many publishes, having acknowledged all but the last.
    HangsUpAfter(usize),
    /// Accepts the connection and never lets anybody in.
    Mute,
    /// Acknowledges what was never sent.
    Liar,
    /// Lets nobody in, for this reason.
    Refuses(u8),
    /// Acknowledges with the reason that is found for a publish; MQTT 5 alone.
    Answers(fn(&Publish) -> u8),
    /// As a broker should be.
    Good,
}

/// A publish as it came.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The number of its connection, from 0.
    pub connection: usize,
    pub topic: String,
    pub payload: String,
    /// How often this payload has come by now, from 1.
    pub times: usize,
    /// How many were not acknowledged when it had come.
    pub unacknowledged: usize,
}

/// What the peer says of itself when it lets somebody in; MQTT 5 alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    pub receive_maximum: Option<u16>,
    pub maximum_packet_size: Option<u32>,
}

/// A peer that runs.
pub struct Peer {
    pub port: u16,
    seen: Arc<Mutex<Vec<Publish>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// Its connections go by these moods, the last one for all that follow.
    pub async fn start(moods: &'static [Mood], limits: Limits) -> Self {
        Self::at(0, moods, limits).await
    }

    /// A peer at a port of one's own.
    pub async fn at(port: u16, moods: &'static [Mood], limits: Limits) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            for n in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let mood = moods.get(n).or_else(|| moods.last()).copied().unwrap();
                // The end of a connection is nothing to report here.
                let _ = serve(stream, n, mood, limits, &all).await;
            }
        });
        Self { port, seen, task }
    }

    /// Everything that was published so far and is JSON, in the order it came, but for events.
    pub fn seen(&self) -> Vec<Publish> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|publish| !publish.topic.contains("/events/")).cloned().collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    mood: Mood,
    limits: Limits,
    seen: &Mutex<Vec<Publish>>,
) -> std::io::Result<()> {
    let (mut count, mut unacknowledged, mut held, mut five) = (0, 0, Vec::new(), false);
    let mut times: HashMap<String, usize> = HashMap::new();
    for publish in seen.lock().unwrap().iter() {
        *times.entry(publish.payload.clone()).or_default() += 1;
    }
    stream.set_nodelay(true)?;
    loop {
        let first = stream.read_u8().await?;
        let (mut size, mut shift, mut head) = (0, 0, 1);
        loop {
            let octet = stream.read_u8().await?;
            size |= usize::from(octet & 0x7f) << shift;
            shift += 7;
            head += 1;
            if octet < 0x80 {
                break;
            }
        }
        let mut packet = vec![0; size];
        stream.read_exact(&mut packet).await?;
        if limits.maximum_packet_size.is_some_and(|most| five && head + size > most as usize) {
            return Ok(());
        }
        match first >> 4 {
            1 => {
                five = packet[6] == 5;
                let code = match mood {
                    Mood::Mute => continue,
                    Mood::Refuses(code) => code,
                    _ => 0,
                };
                let mut answer = vec![0, code];
                if five {
                    let mut properties = Vec::new();
                    if let Some(most) = limits.receive_maximum {
                        properties.push(0x21);
                        properties.extend(most.to_be_bytes());
                    }
                    if let Some(most) = limits.maximum_packet_size {
                        properties.push(0x27);
                        properties.extend(most.to_be_bytes());
                    }
                    answer.push(properties.len() as u8);
                    answer.extend(properties);
                }
                stream.write_all(&[0x20, answer.len() as u8]).await?;
                stream.write_all(&answer).await?;
            }
            3 => {
                let topic = usize::from(u16::from_be_bytes([packet[0], packet[1]]));
                let id = [packet[2 + topic], packet[3 + topic]];
                // No properties are sent.
                let payload = String::from_utf8_lossy(&packet[4 + topic + usize::from(five)..]).into_owned();
                let topic = String::from_utf8_lossy(&packet[2..2 + topic]).into_owned();
                count += 1;
                unacknowledged += 1;
                let again = times.entry(payload.clone()).or_default();
                *again += 1;
                let publish = Publish { connection, topic, payload, times: *again, unacknowledged };
                let mut reason = 0;
                held.push(id);
                match mood {
                    Mood::Silent | Mood::Mute => held.clear(),
                    Mood::Forgets(which) if count == which => held.clear(),
                    Mood::HangsUpAfter(most) if count >= most => return Ok(()),
                    Mood::Liar => held = vec![[0x27, 0x0f]],
                    Mood::Answers(reason_of) if publish.payload.starts_with('{') => reason = reason_of(&publish),
                    _ => {}
                }
                if !matches!(mood, Mood::Silent | Mood::Liar) && publish.payload.starts_with('{') {
                    seen.lock().unwrap().push(publish);
                }
                let group = if let Mood::Backwards(group) = mood { group } else { 1 };
                if held.len() >= group {
                    for id in held.drain(..).rev() {
                        unacknowledged -= 1;
                        if reason == 0 {
                            stream.write_all(&[0x40, 2, id[0], id[1]]).await?;
                        } else {
                            stream.write_all(&[0x40, 3, id[0], id[1], reason]).await?;
                        }
                    }
                }
            }
            12 => stream.write_all(&[0xd0, 0]).await?,
            _ => return Ok(()),
        }
    }
}
