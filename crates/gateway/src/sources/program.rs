//! Programs whose output is a source.

use std::{io, process::Stdio};
use tokio::process::{Child, ChildStdout, Command};

/// Starts a program; it ends with the source.
pub(super) fn start(program: &str, arguments: &[String]) -> io::Result<(Child, ChildStdout)> {
    let mut child =
        Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((child, output))
}
