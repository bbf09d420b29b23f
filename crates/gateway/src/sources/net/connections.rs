//! Who connects to a source.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

/// The next one who connects to this source.
pub(in crate::sources) async fn accept(listener: &TcpListener, source: &str) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                // Such as too many open files: it passes, and until then accepting again at once would only burn time.
                warn!(source, %error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
