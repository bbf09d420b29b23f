//! The pages where they are served now: with another configuration they move.

use super::config::Config;
use super::{Counts, Server, View};
use crate::keys::SharedKeys;
use crate::queue::log::Gauge;
use crate::status_page::{Access, AccessError, Page};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinSet;
use tracing::{error, info};

/// Why the pages cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// It cannot listen there.
    #[error("cannot listen at {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// It cannot be told who may look.
    #[error(transparent)]
    Access(#[from] AccessError),
}

/// The pages, served or not.
#[derive(Debug)]
pub(crate) struct Pages {
    gateway: String,
    counts: Arc<Counts>,
    queue: Gauge,
    keys: SharedKeys,
    config: Option<Config>,
    serving: JoinSet<()>,
}

impl Pages {
    /// Pages that nobody sees yet.
    pub(crate) fn new(gateway: &str, counts: Arc<Counts>, queue: Gauge, keys: SharedKeys) -> Self {
        Self { gateway: gateway.to_owned(), counts, queue, keys, config: None, serving: JoinSet::new() }
    }

    /// Serves them, where that is asked for.
    ///
    /// # Errors
    /// Where it cannot listen, or not be told who may look.
    pub(crate) async fn start(&mut self, config: Option<&Config>) -> Result<(), PagesError> {
        match config {
            Some(config) => self.serve(config, None).await,
            None => Ok(()),
        }
    }

    /// From now on they are served so; `server` listens already where the address is another one.
    pub(crate) async fn change(&mut self, config: Option<&Config>, server: Option<Server>) {
        if self.config.as_ref() == config {
            return;
        }
        // Who asks just now asks again.
        self.serving.shutdown().await;
        self.config = None;
        let Some(config) = config else {
            info!("pages, metrics and health are served no longer");
            return;
        };
        if let Err(error) = self.serve(config, server).await {
            error!(address = %config.listen, %error, "pages, metrics and health are served no longer");
        }
    }

    async fn serve(&mut self, config: &Config, server: Option<Server>) -> Result<(), PagesError> {
        let access = Access::new(&self.gateway, config)?;
        let server = match server {
            Some(server) => server,
            None => Server::bind(config.listen).await.map_err(|error| PagesError::Listen(config.listen, error))?,
        };
        let view = View::new(&self.gateway, Arc::clone(&self.counts), self.queue.clone());
        self.config = Some(config.clone());
        self.serving.spawn(server.run(Page::new(view, access, self.keys.clone())));
        Ok(())
    }

    /// They are served no longer.
    pub(crate) async fn stop(mut self) {
        self.serving.shutdown().await;
    }
}
