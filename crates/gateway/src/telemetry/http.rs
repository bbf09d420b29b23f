//! What is served over HTTP. Whoever asks slowly, or asks much, disturbs nobody but others who ask.

use super::answer::answer;
use crate::status_page::Page;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::{debug, info, warn};

/// The most connections at once; more are closed unheard.
const CONNECTIONS: usize = 64;
/// The most octets of a request's head, and of an answer that wait in a connection.
const HEAD: usize = 8 << 10;
/// How long a connection may take, from its first octet to the end of the answer; a stream, from one piece to the next.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_OF_STREAMS: Duration = Duration::from_secs(20);
/// How often points are taken for the plots of the page.
const LOOK: Duration = Duration::from_secs(2);

/// Listens, and does not answer yet.
#[derive(Debug)]
pub(crate) struct Server(TcpListener);

impl Server {
    /// Listens at an address.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        info!(%address, "the status page, metrics and health are served");
        Ok(Self(listener))
    }

    /// Answers until it is dropped.
    pub(crate) async fn run(self, page: Page) {
        let page = Arc::new(page);
        let mut connections = JoinSet::new();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let accepted = tokio::select! {
                accepted = self.0.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                _ = looks.tick() => {
                    page.look();
                    continue;
                }
            };
            match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS => {
                    connections.spawn(serve(stream, Arc::clone(&page)));
                }
                Ok((_, peer)) => debug!(%peer, "too many ask for the pages"),
                Err(error) => {
                    // Such as too many open files: it passes.
                    warn!(%error, "cannot accept who asks for the pages");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// What keeps a connection: when its time is over unless it makes progress.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<watch::Sender<Instant>>);

impl Progress {
    /// A piece of a stream was taken.
    pub(crate) fn made(&self) {
        self.0.send_replace(Instant::now() + PATIENCE_OF_STREAMS);
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, page: Arc<Page>) {
    let (until, over) = watch::channel(Instant::now() + PATIENCE);
    let progress = Progress(Arc::new(until));
    let answer = service_fn(|request| {
        let (page, progress) = (Arc::clone(&page), progress.clone());
        async move { Ok::<_, Infallible>(answer(&request, &page, progress).await) }
    });
    let mut server = http1::Builder::new();
    // A request a connection: nobody holds a place for nothing.
    server.keep_alive(false).max_buf_size(HEAD).max_headers(64);
    tokio::select! {
        served = server.serve_connection(TokioIo::new(stream), answer) => if let Err(error) = served {
            debug!(%error, "a request for the pages is lost");
        },
        () = passed(over) => debug!("whoever asks for the pages is too slow"),
    }
}

/// Waits until a moment has passed that is put off again and again.
async fn passed(over: watch::Receiver<Instant>) {
    loop {
        let until = *over.borrow();
        if until <= Instant::now() {
            return;
        }
        sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SharedKeys;
    use crate::queue::Queue;
    use crate::record::{Id, Kind, Record};
    use crate::status_page::Access;
    use crate::telemetry::config::Config;
    use crate::telemetry::{Counts, View};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    /// A page, and a connection to it on which somebody watches.
    async fn watched(folder: &tempfile::TempDir) -> (Arc<Page>, DuplexStream, JoinHandle<()>) {
        let opened = Queue::open(
            folder.path(),
            &crate::queue::Config::default(),
            &crate::queue::parked::Config::default(),
            &["out"],
        )
        .unwrap();
        let counts = Arc::new(Counts::new());
        let view = View::new("g", counts, opened.handle.gauge());
        let config = Config { listen: "127.0.0.1:0".parse().unwrap(), token: None };
        let page = Arc::new(Page::new(view, Access::new("g", &config).unwrap(), SharedKeys::default()));
        let (mut here, there) = duplex(4096);
        let serving = tokio::spawn(serve(there, Arc::clone(&page)));
        here.write_all(b"GET /api/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        (page, here, serving)
    }

    fn heard(page: &Page) {
        let report = format!(
            "{{\"received_at\":null,\"meter\":null,\"security\":{{}},\"readings\":[],\"alarms\":[],\"source\":null,\
             \"error\":null,\"frame\":\"\",\"filling\":\"{}\"}}",
            " ".repeat(600)
        );
        let record = Record {
            kind: Kind::Readings,
            protocol: None,
            meter: Some("m".into()),
            id: Id(1),
            received_at: None,
            report: report.into(),
        };
        page.view.counts.line.recent.put(record, None, None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_is_let_go_and_whoever_reads_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (page, mut reading, kept) = watched(&folder).await;
        let there = tempfile::tempdir().unwrap();
        let (other, still, let_go) = watched(&there).await;
        let begun = Instant::now();
        let mut octets = vec![0; 64 << 10];
        let mut told = 0;
        while !let_go.is_finished() {
            assert!(begun.elapsed() < Duration::from_secs(300), "it waits for whoever takes nothing");
            for _ in 0..8 {
                heard(&page);
                heard(&other);
            }
            told += timeout(Duration::from_secs(30), reading.read(&mut octets)).await.unwrap().unwrap();
        }
        assert!(begun.elapsed() >= PATIENCE_OF_STREAMS && !kept.is_finished() && told > 10_000);
        drop(still);
        // Whoever leaves gives the place back.
        drop(reading);
        timeout(Duration::from_secs(30), kept).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_lasts_for_ten_minutes_and_says_when_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (_page, mut reading, served) = watched(&folder).await;
        let begun = Instant::now();
        let mut text = Vec::new();
        timeout(Duration::from_secs(700), reading.read_to_end(&mut text)).await.unwrap().unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(600));
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200") && text.contains("event: again\ndata: null\n\n"), "{text}");
        assert!((290..=310).contains(&text.matches("event: status").count()));
        served.await.unwrap();
    }
}
