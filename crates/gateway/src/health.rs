//! The command `health`: asks a running gateway for `/healthz` or `/readyz`, for probes of containers without a shell.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A gateway that lives answers at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than any of its reasons take.
const MOST: u64 = 64 << 10;

/// Asks for a page; whether it says that all is well, and what it says.
///
/// # Errors
/// When nobody answers.
pub fn ask(address: SocketAddr, page: &str) -> io::Result<(bool, String)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /{page} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MOST).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    Ok((head.starts_with("HTTP/1.1 200 "), body.to_owned()))
}
