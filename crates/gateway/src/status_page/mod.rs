//! The status page: one small page, embedded, that shows the line at a glance, the meters, the frames that could not be
//! decoded with their octets explained, and telegrams as they come.
//!
//! | path | what |
//! |---|---|
//! | `/`, `/page.css`, `/page.js`, `/icon.svg` | the page itself, which holds no data and is everybody's |
//! | `/api/status` | the line: sources, decode, queue, sinks, and what is in the way |
//! | `/api/meters`, `/api/meters/N` | the meters, shortly; one of them with all readings, points and its frame explained |
//! | `/api/frames`, `/api/frames/N` | the frames that could not be decoded; one of them explained |
//! | `/api/live` | server-sent events: `telegram`, `more` (so many were left out), `status` every two seconds, `again` at the end |
//! | `/api/login`, `/api/logout` | a token for a cookie, and back |
//!
//! Ids and frames come from strangers' radios: JSON is all that leaves here, and the page makes text of it, never markup.

mod access;
mod api;
mod live;

pub use access::AccessError;
pub(crate) use access::{Access, Denied};

use crate::keys::SharedKeys;
use crate::telemetry::{History, View};
use live::LIVES;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// What the page is made of: path, type, content.
const ASSETS: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("page.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("page.js")),
    ("/icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

/// What the browser may do with the page: load from here, and nothing else.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Type and content of a part of the page.
pub(crate) fn asset(path: &str) -> Option<(&'static str, &'static str)> {
    ASSETS.iter().find(|(of, ..)| *of == path).map(|(_, kind, content)| (*kind, *content))
}

/// Everything behind the page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) view: View,
    pub(crate) access: Access,
    keys: SharedKeys,
    history: Mutex<History>,
    lives: Arc<Semaphore>,
}

impl Page {
    /// Frames are explained with these keys; from now on the line keeps what came lately.
    pub(crate) fn new(view: View, access: Access, keys: SharedKeys) -> Self {
        view.counts.line.recent.wanted.set(true);
        Self { view, access, keys, history: Mutex::default(), lives: Arc::new(Semaphore::new(LIVES)) }
    }

    /// Takes points of what came since the last time.
    pub(crate) fn look(&self) {
        self.history().look(&self.view.counts.line.recent);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_names_nothing_outside_of_it() {
        let octets: usize = ASSETS.iter().map(|(.., content)| content.len()).sum();
        assert!(octets <= 40_000, "{octets}");
        for (path, _, content) in ASSETS {
            let content = content.replace("http://www.w3.org/", "");
            for word in
                ["http://", "https://", "//cdn", "innerHTML", "outerHTML", "insertAdjacent", "eval(", "document.write"]
            {
                assert!(!content.contains(word), "{word} in {path}");
            }
        }
        let page = asset("/").unwrap().1;
        for word in [" style=", " onclick=", "<style", "<script>"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(asset("/page.html").is_none());
    }
}
