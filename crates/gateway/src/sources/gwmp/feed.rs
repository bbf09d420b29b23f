//! From datagrams to captures in the order they came, and from what became of them to acknowledgements and answers.

use crate::capture::Capture;
use crate::sources::{Answer, Intake, Reply};
use esh_lorawan::{DataRate, Eui64};
use std::net::SocketAddr;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// What is to be kept of a PUSH_DATA, and how it is acknowledged.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) from: SocketAddr,
    pub(super) acknowledgement: Option<[u8; 4]>,
    pub(super) uplinks: Vec<Uplink>,
}

/// A packet, and what is needed to answer it.
#[derive(Debug)]
pub(super) struct Uplink {
    pub(super) capture: Capture,
    pub(super) gateway: Eui64,
    pub(super) tmst: Option<u32>,
    pub(super) frequency: Option<u32>,
    pub(super) data_rate: Option<DataRate>,
    pub(super) board: Option<i64>,
    pub(super) received: Instant,
}

impl Uplink {
    /// One that nobody answers.
    pub(super) fn of(capture: Capture, gateway: Eui64) -> Self {
        let (tmst, frequency, data_rate, board) = (None, None, None, None);
        Self { capture, gateway, tmst, frequency, data_rate, board, received: Instant::now() }
    }
}

/// An answer on its way to a gateway.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) reply: Reply,
    pub(super) gateway: Eui64,
    pub(super) tmst: Option<u32>,
    pub(super) frequency: Option<u32>,
    pub(super) data_rate: Option<DataRate>,
    pub(super) board: Option<i64>,
    pub(super) received: Instant,
}

/// What became of a datagram.
#[derive(Debug)]
pub(super) enum Outcome {
    /// All of it is on the disk.
    Committed { to: SocketAddr, acknowledgement: Option<[u8; 4]> },
    /// A device is to be answered.
    Reply(Sending),
}

/// Puts captures into the line, in order, and waits for what becomes of them beside.
pub(super) async fn feed(mut pushed: mpsc::Receiver<Pushed>, intake: Intake, outcomes: mpsc::Sender<Outcome>) {
    let mut waiting = JoinSet::new();
    while let Some(Pushed { from, acknowledgement, uplinks }) = pushed.recv().await {
        while waiting.try_join_next().is_some() {}
        let mut asked = Vec::with_capacity(uplinks.len());
        for Uplink { capture, gateway, tmst, frequency, data_rate, board, received } in uplinks {
            let (answer, reply) = intake.converse(capture).await;
            let sending = move |reply| Sending { reply, gateway, tmst, frequency, data_rate, board, received };
            asked.push((answer, reply, sending));
        }
        waiting.spawn(wait(asked, from, acknowledgement, outcomes.clone()));
    }
    // The line ends when nobody can put anything in any more.
    drop(intake);
    while waiting.join_next().await.is_some() {}
}

type Asked<F> = (oneshot::Receiver<Answer>, oneshot::Receiver<Reply>, F);

async fn wait<F: FnOnce(Reply) -> Sending>(
    asked: Vec<Asked<F>>,
    to: SocketAddr,
    acknowledgement: Option<[u8; 4]>,
    outcomes: mpsc::Sender<Outcome>,
) {
    let mut committed = true;
    for (answer, mut reply, sending) in asked {
        // What is refused is not acknowledged, and neither is what the gateway stopped before.
        committed &= matches!(answer.await, Ok(Ok(())));
        // The reply comes before the answer.
        if let Ok(reply) = reply.try_recv() {
            let _ = outcomes.send(Outcome::Reply(sending(reply))).await;
        }
    }
    if committed {
        let _ = outcomes.send(Outcome::Committed { to, acknowledgement }).await;
    }
}
