//! Whether a source of lines would have something to read from: what `check --connect` tries.

use super::{Config, Input};
use crate::config::Tcp;
use crate::connect::{PATIENCE, free};
use rustix::fs::{Access, access};
use std::path::{Path, PathBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

impl Config {
    /// Tries its input without reading from it.
    pub(crate) async fn probe(&self) -> Result<String, String> {
        match &self.input {
            Input::Listen(tcp) => free(tcp.to_string().trim_start_matches("tcp://")).await,
            Input::Connect(tcp) => lets_in(tcp).await,
            Input::File(path) => match std::fs::File::open(path) {
                Ok(_) => Ok(format!("{} can be read", path.display())),
                Err(error) => Err(format!("cannot read {}: {error}", path.display())),
            },
            Input::Command(words) => {
                let program = words.first().map(String::as_str).unwrap_or_default();
                match executable(program) {
                    Some(path) => Ok(format!("{} can be run", path.display())),
                    None => Err(format!("there is no program {program}")),
                }
            }
            Input::Stdin => Ok("reads the standard input".to_owned()),
            Input::Serial { device, .. } => serial(device),
        }
    }
}

/// Whether a server lets us in.
pub(in crate::sources) async fn lets_in(tcp: &Tcp) -> Result<String, String> {
    let connecting = TcpStream::connect((tcp.host.as_str(), tcp.port));
    match timeout(PATIENCE, connecting).await {
        Ok(Ok(_)) => Ok(format!("{tcp} lets us in")),
        Ok(Err(error)) => Err(format!("no connection to {tcp}: {error}")),
        Err(_) => Err(format!("{tcp} does not answer within {} s", PATIENCE.as_secs())),
    }
}

/// Where a program is.
fn executable(program: &str) -> Option<PathBuf> {
    let runs = |path: &PathBuf| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(runs);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(runs)
}

/// Whether a serial port is there. It is not opened: the gateway that runs may have it.
pub(in crate::sources) fn serial(device: &Path) -> Result<String, String> {
    use std::os::unix::fs::FileTypeExt;
    let shown = device.display();
    let about = std::fs::metadata(device).map_err(|error| format!("no serial port {shown}: {error}"))?;
    if !about.file_type().is_char_device() {
        return Err(format!("{shown} is no serial port"));
    }
    match access(device, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => Ok(format!("{shown} is there")),
        Err(error) => Err(format!("{shown} may not be used: {error} (is the user in the group of the device?)")),
    }
}
