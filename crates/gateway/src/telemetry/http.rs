//! The pages over HTTP. Whoever asks slowly, or asks much, disturbs nobody but others who ask.

use super::{View, text};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

/// The most connections at once; more are closed unheard.
const CONNECTIONS: usize = 64;
/// The most octets of a request's head.
const HEAD: usize = 8 << 10;
/// How long a connection may take, from its first octet to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listens, and does not answer yet.
#[derive(Debug)]
pub(crate) struct Server(TcpListener);

impl Server {
    /// Listens at an address.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        info!(%address, "metrics and health are served");
        Ok(Self(listener))
    }

    /// Answers until it is dropped.
    pub(crate) async fn run(self, view: View) {
        let view = Arc::new(view);
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.0.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, _)) if connections.len() < CONNECTIONS => {
                    connections.spawn(timeout(PATIENCE, serve(stream, Arc::clone(&view))));
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

async fn serve(stream: TcpStream, view: Arc<View>) {
    let answer = service_fn(|request| {
        let response = answer(&request, &view);
        async { Ok::<_, Infallible>(response) }
    });
    let mut server = http1::Builder::new();
    // A request a connection: nobody holds a place for nothing.
    server.keep_alive(false).max_buf_size(HEAD).max_headers(64);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), answer).await {
        debug!(%error, "a request for the pages is lost");
    }
}

fn answer(request: &Request<Incoming>, view: &View) -> Response<String> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, text::CONTENT_TYPE, view.metrics()),
        (&Method::GET | &Method::HEAD, "/healthz") => state(match view.is_alive() {
            true => Vec::new(),
            false => vec!["the line does not run".to_owned()],
        }),
        (&Method::GET | &Method::HEAD, "/readyz") => state(view.obstacles()),
        (_, "/metrics" | "/healthz" | "/readyz") => (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, PLAIN, "there are /metrics, /healthz and /readyz\n".to_owned()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";

/// What is in the way, a line each.
fn state(obstacles: Vec<String>) -> (StatusCode, &'static str, String) {
    if obstacles.is_empty() {
        return (StatusCode::OK, PLAIN, "ok\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, PLAIN, obstacles.join("\n") + "\n")
}
