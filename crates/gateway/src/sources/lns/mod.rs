//! LoRa Basics Station as a source: the network server's end of its WebSocket protocol, with TLS or without.

mod config;
mod session;
mod tls;

pub use config::{Config, Keys, Secure};

use crate::protocols::lorawan::station::{Message, router};
use crate::quiet::Quiet;
use crate::sources::{Intake, net};
use crate::stop::Stop;
use esh_lorawan::Eui64;
use futures_util::{SinkExt, StreamExt};
use session::Session;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, tungstenite};
use tracing::{debug, info, warn};

/// Why a source of stations cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LnsError {
    /// Nobody can connect.
    #[error("cannot listen at {0}: {1}")]
    Listen(String, #[source] io::Error),
    /// The certificates.
    #[error("{0}")]
    Tls(String),
}

/// How long a station may take until it has said who it is.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The longest message.
const LONGEST: usize = 64 << 10;
/// Where a station asks for its server.
const DISCOVERY: &str = "/router-info";
/// Where it then finds it, its EUI behind.
const GATEWAY: &str = "/gateway/";

/// Takes stations until it is asked to stop.
///
/// # Errors
/// When it cannot listen, or its certificates cannot be read.
pub async fn run(config: Config, intake: Intake, mut stop: Stop) -> Result<(), LnsError> {
    let mut acceptor = config.secure.as_ref().map(tls::acceptor).transpose().map_err(LnsError::Tls)?;
    let listener = TcpListener::bind((config.listen.host.as_str(), config.listen.port)).await;
    let listener = listener.map_err(|error| LnsError::Listen(config.listen.to_string(), error))?;
    let name: Arc<str> = config.name.as_deref().unwrap_or("lns").into();
    info!(source = &*name, address = %config.listen, "listening");
    // A station asks first, over a connection of its own.
    let places = Arc::new(Semaphore::new(config.most.saturating_mul(2)));
    let config = Arc::new(config);
    let (mut tasks, mut quiet) = (JoinSet::new(), Quiet::default());
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.asked() => break,
            accepted = net::accept(&listener, &name) => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let now = Instant::now();
        quiet.due(now, |_, more| warn!(source = &*name, more, "more stations were refused"));
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            if quiet.may(&name, now) {
                warn!(source = &*name, %peer, "a station is refused: there are too many");
            }
            continue;
        };
        if let Some(secure) = &config.secure {
            match tls::acceptor(secure) {
                Ok(renewed) => acceptor = Some(renewed),
                Err(error) => warn!(source = &*name, error, "the certificates cannot be read, the old ones stay"),
            }
        }
        let guest = Guest { config: Arc::clone(&config), name: Arc::clone(&name), intake: intake.clone() };
        let (acceptor, stop) = (acceptor.clone(), stop.clone());
        tasks.spawn(async move {
            match guest.welcome(stream, acceptor, stop).await {
                Ok(()) => debug!(source = &*guest.name, %peer, "a station has gone"),
                Err(error) => debug!(source = &*guest.name, %peer, %error, "a station is lost"),
            }
            drop(place);
        });
    }
    drop(intake);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// One connection.
struct Guest {
    config: Arc<Config>,
    name: Arc<str>,
    intake: Intake,
}

/// What a station asks for when it connects.
#[derive(Debug, Default)]
struct Asked {
    path: String,
    host: String,
}

impl Guest {
    async fn welcome(
        &self,
        stream: TcpStream,
        acceptor: Option<tokio_rustls::TlsAcceptor>,
        stop: Stop,
    ) -> Result<(), Error> {
        // What answers a device is small and in a hurry.
        stream.set_nodelay(true)?;
        match acceptor {
            None => self.talk(stream, "ws", stop).await,
            Some(acceptor) => {
                let stream = timeout(HANDSHAKE, acceptor.accept(stream)).await.map_err(|_| late())??;
                self.talk(stream, "wss", stop).await
            }
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, scheme: &str, stop: Stop) -> Result<(), Error> {
        let mut asked = Asked::default();
        let limits = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
        #[expect(clippy::result_large_err, reason = "the library wants an answer whole")]
        let see = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            let host = request.headers().get("host").and_then(|host| host.to_str().ok());
            asked = Asked { path: request.uri().path().to_owned(), host: host.unwrap_or_default().to_owned() };
            Ok(response)
        };
        let socket = timeout(HANDSHAKE, accept_hdr_async_with_config(stream, see, Some(limits)));
        let mut socket = socket.await.map_err(|_| late())??;
        if asked.path == DISCOVERY {
            return self.discovery(&mut socket, scheme, &asked.host).await;
        }
        let digits = asked.path.strip_prefix(GATEWAY).filter(|digits| digits.len() == 16);
        let Some(station) = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()).map(Eui64) else {
            self.intake.counts.unreadable.add(1);
            return socket.close(None).await;
        };
        if !self.knows(station) {
            self.intake.counts.unreadable.add(1);
            return socket.close(None).await;
        }
        Session::new(&self.config, &self.name, &self.intake, station).run(socket, stop).await
    }

    fn knows(&self, station: Eui64) -> bool {
        self.config.gateways.as_ref().is_none_or(|known| known.contains(&station))
    }

    /// Tells a station where its server is: here.
    async fn discovery<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: &mut WebSocketStream<S>,
        scheme: &str,
        host: &str,
    ) -> Result<(), Error> {
        let asked = timeout(HANDSHAKE, socket.next()).await.map_err(|_| late())?;
        let Some(asked) = asked.transpose()? else { return Ok(()) };
        let answer = match Message::read(&asked.into_data()) {
            Some(Message::Discovery(station)) if self.knows(station) => {
                router(station, &format!("{scheme}://{host}{GATEWAY}{station}"))
            }
            _ => {
                self.intake.counts.unreadable.add(1);
                "{\"error\":\"not known here\"}".to_owned()
            }
        };
        socket.send(tungstenite::Message::Text(Utf8Bytes::from(answer))).await?;
        socket.close(None).await
    }
}

fn late() -> Error {
    Error::Io(io::ErrorKind::TimedOut.into())
}

impl Config {
    /// Whether stations could connect.
    pub(crate) async fn probe(&self) -> Result<String, String> {
        if let Some(secure) = &self.secure {
            tls::acceptor(secure)?;
        }
        crate::connect::free(self.listen.to_string().trim_start_matches("tcp://")).await
    }
}
