//! From lines to captures, and from what became of them to answers.

use super::config::Config;
use super::parse::{Line, LineError};
use super::reader::{Event, LastLine, LineReader};
use crate::capture::{Capture, Framing, Stamp};
use crate::sources::{Answer, Intake, now};
use crate::stop::Stop;
use esh_core::Protocol;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

/// What every input of a source needs to know.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    intake: Intake,
    pub(super) name: Arc<str>,
    protocol: Protocol,
    format: Option<Framing>,
    pub(super) ack: bool,
    longest: usize,
    pub(super) patience: Duration,
    /// Whether a frame has come.
    pub(super) spoken: Arc<AtomicBool>,
}

/// How an input came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The gateway shall stop.
    Stopped,
    /// The other side has nothing more.
    Input,
    /// A line had begun and did not end.
    Stalled,
}

/// What is to be said about a line.
#[derive(Debug)]
enum Pending {
    /// The line tells when it has been taken.
    Asked(oneshot::Receiver<Answer>),
    /// It was refused at once.
    Refused(LineError),
}

/// The most lines whose answers are waited for. A client that does not read its answers is not read from any further.
const PENDING: usize = 1024;

impl Feed {
    pub(super) fn new(config: &Config, intake: Intake) -> Self {
        Self {
            intake,
            name: config.name.as_deref().unwrap_or("lines").into(),
            protocol: config.protocol,
            format: config.format,
            ack: config.ack,
            longest: config.longest,
            patience: config.patience.0,
            spoken: Arc::default(),
        }
    }

    /// The same for one client of several.
    pub(super) fn of_client(&self) -> Self {
        Self { spoken: Arc::default(), ..self.clone() }
    }

    /// The input was lost, and is tried again.
    pub(super) fn lost(&self) {
        self.intake.counts.reconnects.add(1);
    }

    /// Takes lines that nobody waits for, such as those of a file.
    pub(super) async fn take(&self, input: impl AsyncRead + Unpin, stop: &mut Stop) -> io::Result<Ended> {
        let mut reader = LineReader::new(input, self.longest, None, LastLine::Whole);
        self.lines(&mut reader, stop, None, true).await
    }

    /// Takes the lines of a connection and answers them where it is asked to. A line that does not end ends the
    /// connection, unless it `persists`: then only the line is dropped.
    pub(super) async fn converse<R, W>(&self, input: R, output: W, persists: bool, stop: &mut Stop) -> io::Result<Ended>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut reader = LineReader::new(input, self.longest, Some(self.patience), LastLine::Cut);
        if !self.ack {
            return self.lines(&mut reader, stop, None, persists).await;
        }
        let (sender, receiver) = mpsc::channel(PENDING);
        let read = async {
            // The sender is dropped when nothing more is read; the answers end after the last one.
            let sender = sender;
            self.lines(&mut reader, stop, Some(&sender), persists).await
        };
        let write = answer(output, receiver);
        tokio::pin!(read, write);
        tokio::select! {
            // Whoever closes only its own direction still wants the answers.
            ended = &mut read => { write.await?; ended }
            written = &mut write => { written?; Ok(Ended::Input) }
        }
    }

    async fn lines<R: AsyncRead + Unpin>(
        &self,
        reader: &mut LineReader<R>,
        stop: &mut Stop,
        answers: Option<&mpsc::Sender<Pending>>,
        persists: bool,
    ) -> io::Result<Ended> {
        loop {
            let event = tokio::select! {
                biased;
                () = stop.asked() => return Ok(Ended::Stopped),
                event = reader.next() => event?,
            };
            let capture = match event {
                Event::Line(line) => self.capture(line),
                Event::Refused(error) => Err(error),
                Event::End(cut) => {
                    if cut > 0 {
                        debug!(source = &*self.name, octets = cut, "the input ended within a line, which is dropped");
                    }
                    return Ok(Ended::Input);
                }
                Event::Stalled if persists => {
                    reader.drop_begun();
                    continue;
                }
                Event::Stalled => return Ok(Ended::Stalled),
            };
            match &capture {
                Ok(_) => self.spoken.store(true, Ordering::Relaxed),
                Err(_) => self.intake.counts.unreadable.add(1),
            }
            let pending = match (capture, answers) {
                (Ok(capture), None) => {
                    if !self.intake.put(capture).await {
                        return Ok(Ended::Stopped);
                    }
                    continue;
                }
                (Err(error), None) => {
                    debug!(source = &*self.name, %error, "a line is refused");
                    continue;
                }
                (Ok(capture), Some(_)) => Pending::Asked(self.intake.ask(capture).await),
                (Err(error), Some(_)) => Pending::Refused(error),
            };
            if let Some(answers) = answers
                && answers.send(pending).await.is_err()
            {
                return Ok(Ended::Input);
            }
        }
    }

    fn capture(&self, line: &[u8]) -> Result<Capture, LineError> {
        let line = Line::parse(self.protocol, line)?;
        Ok(Capture {
            octets: line.octets.into(),
            protocol: self.protocol,
            framing: line.framing.or(self.format),
            received_at: match line.received_at {
                Some(at) => Stamp { at: Some(at), synchronised: line.synchronised },
                None => now(),
            },
            source: Arc::clone(&self.name),
            rssi: line.rssi,
            radio: None,
        })
    }
}

/// Writes one answer for each line, in order, many at once when many are ready.
async fn answer(output: impl AsyncWrite + Unpin, mut pending: mpsc::Receiver<Pending>) -> io::Result<()> {
    let mut output = BufWriter::new(output);
    let mut more = Vec::with_capacity(64);
    while pending.recv_many(&mut more, 64).await > 0 {
        for pending in more.drain(..) {
            match pending {
                Pending::Refused(error) => output.write_all(format!("refused {error}\n").as_bytes()).await?,
                Pending::Asked(mut answer) => {
                    let answer = match answer.try_recv() {
                        Ok(answer) => Ok(answer),
                        Err(oneshot::error::TryRecvError::Closed) => Err(()),
                        Err(oneshot::error::TryRecvError::Empty) => {
                            // Nothing is to wait in the buffer while this one is waited for.
                            output.flush().await?;
                            answer.await.map_err(drop)
                        }
                    };
                    match answer {
                        Ok(Ok(())) => output.write_all(b"ok\n").await?,
                        Ok(Err(error)) => output.write_all(format!("refused {error}\n").as_bytes()).await?,
                        Err(()) => output.write_all(b"refused stopping\n").await?,
                    }
                }
            }
        }
        output.flush().await?;
    }
    output.flush().await
}
