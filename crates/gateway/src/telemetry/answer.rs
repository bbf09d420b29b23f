//! What is answered to whom.

use super::http::Progress;
use super::number::seconds;
use super::text;
use crate::status_page::{self, Denied, Page};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, SET_COOKIE,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::{convert::Infallible, sync::Arc};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const PATHS: &str = "there are /, /metrics, /healthz and /readyz\n";

/// Answers a request; what is streamed tells of its `progress`.
pub(super) async fn answer(request: &Request<Incoming>, page: &Arc<Page>, progress: Progress) -> Response<Body> {
    let (headers, path) = (request.headers(), request.uri().path());
    // Whoever watches over the gateway may always ask how it is.
    if let "/healthz" | "/readyz" = path {
        if !reads(request) {
            return only("GET, HEAD");
        }
        return state(match path {
            "/readyz" => page.view.obstacles(),
            _ if page.view.is_alive() => Vec::new(),
            _ => vec!["the line does not run".to_owned()],
        });
    }
    let asset = status_page::asset(path);
    let refused = |denied| {
        page.view.counts.denied.add(1);
        refused(denied)
    };
    if let Err(denied) = page.access.same_site(headers, asset.is_some() && reads(request)) {
        return refused(denied);
    }
    if let Some((kind, content)) = asset {
        return if reads(request) { whole(StatusCode::OK, kind, content) } else { only("GET, HEAD") };
    }
    match path {
        "/api/login" | "/api/logout" if request.method() != Method::POST => return only("POST"),
        "/api/login" => {
            return page.access.login(headers, seconds()).map_or_else(refused, |cookie| with_cookie(&cookie));
        }
        "/api/logout" => return with_cookie(&page.access.logout()),
        _ => {}
    }
    if let Err(denied) = page.access.admits(headers, seconds()) {
        return refused(denied);
    }
    if !reads(request) {
        return only("GET, HEAD");
    }
    if path == "/api/live" {
        return match page.live(progress) {
            Some(pieces) => response(StatusCode::OK, "text/event-stream", Body::Pieces(pieces)),
            None => whole(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "too many watch\n"),
        };
    }
    let Some(asked) = Asked::of(path) else { return whole(StatusCode::NOT_FOUND, PLAIN, PATHS) };
    let page = Arc::clone(page);
    // It may read the disk, or a thousand reports.
    match spawn_blocking(move || asked.answer(&page)).await.ok().flatten() {
        Some((kind, body)) => whole(StatusCode::OK, kind, body),
        None => whole(StatusCode::NOT_FOUND, PLAIN, "it is not kept any more\n"),
    }
}

/// What only those may see who may look.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Metrics,
    Status,
    Meters,
    Meter(u64),
    Frames,
    Frame(u64),
}

impl Asked {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/metrics" => Self::Metrics,
            "/api/status" => Self::Status,
            "/api/meters" => Self::Meters,
            "/api/frames" => Self::Frames,
            _ => match path.strip_prefix("/api/")?.split_once('/')? {
                ("meters", number) => Self::Meter(number.parse().ok()?),
                ("frames", number) => Self::Frame(number.parse().ok()?),
                _ => return None,
            },
        })
    }

    fn answer(self, page: &Page) -> Option<(&'static str, Bytes)> {
        let json = match self {
            Self::Metrics => return Some((text::CONTENT_TYPE, page.view.metrics().into())),
            Self::Status => page.status(),
            Self::Meters => page.meters(),
            Self::Meter(number) => page.meter(number)?,
            Self::Frames => page.frames(),
            Self::Frame(number) => page.frame(number)?,
        };
        Some((JSON, json.into()))
    }
}

fn reads(request: &Request<Incoming>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// What is in the way, a line each.
fn state(obstacles: Vec<String>) -> Response<Body> {
    if obstacles.is_empty() {
        return whole(StatusCode::OK, PLAIN, "ok\n");
    }
    whole(StatusCode::SERVICE_UNAVAILABLE, PLAIN, obstacles.join("\n") + "\n")
}

fn refused(denied: Denied) -> Response<Body> {
    let status = if denied == Denied::Token { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
    let mut response = whole(status, PLAIN, denied.words());
    if denied == Denied::Token {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn only(methods: &'static str) -> Response<Body> {
    let mut response = whole(StatusCode::METHOD_NOT_ALLOWED, PLAIN, format!("only {methods}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

fn with_cookie(cookie: &str) -> Response<Body> {
    let mut response = whole(StatusCode::OK, PLAIN, "ok\n");
    // A gateway's name, a number and hexadecimal digits: always a value.
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    response(status, kind, Body::Whole(Some(body.into())))
}

fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, status_page::POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Body {
    /// All of it.
    Whole(Option<Bytes>),
    /// As it comes.
    Pieces(mpsc::Receiver<Bytes>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Pieces(pieces) => pieces.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
