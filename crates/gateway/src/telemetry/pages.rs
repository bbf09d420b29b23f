//! The pages where they are served now: with another configuration they move.

use super::{Server, View};
use crate::config::Http;
use std::io;
use std::net::SocketAddr;
use tokio::task::JoinSet;
use tracing::{error, info};

/// The pages, served or not.
#[derive(Debug)]
pub(crate) struct Pages {
    view: View,
    http: Option<Http>,
    serving: JoinSet<()>,
}

impl Pages {
    /// Serves them, where that is asked for.
    ///
    /// # Errors
    /// Where it cannot listen, and why.
    pub(crate) async fn start(http: Option<&Http>, view: View) -> Result<Self, (SocketAddr, io::Error)> {
        let mut pages = Self { view, http: None, serving: JoinSet::new() };
        if let Some(http) = http {
            let server = Server::bind(http.listen).await.map_err(|error| (http.listen, error))?;
            pages.serve(http, server);
        }
        Ok(pages)
    }

    /// From now on they are served so; `server` listens already where the address is another one.
    pub(crate) async fn change(&mut self, http: Option<&Http>, server: Option<Server>) {
        if self.http.as_ref() == http {
            return;
        }
        // Who asks just now asks again.
        self.serving.shutdown().await;
        self.http = None;
        let Some(http) = http else {
            info!("metrics and health are served no longer");
            return;
        };
        let server = match server {
            Some(server) => Ok(server),
            None => Server::bind(http.listen).await,
        };
        match server {
            Ok(server) => self.serve(http, server),
            Err(error) => error!(address = %http.listen, %error, "metrics and health are served no longer"),
        }
    }

    fn serve(&mut self, http: &Http, server: Server) {
        self.http = Some(http.clone());
        self.serving.spawn(server.run(self.view.clone()));
    }

    /// They are served no longer.
    pub(crate) async fn stop(mut self) {
        self.serving.shutdown().await;
    }
}
