//! What the gateway tells the manager that started it: the protocol of sd_notify(3), datagrams to `$NOTIFY_SOCKET`.
//!
//! Without that variable nothing is told. The watchdog is fed only while the line's thread and the runtime make progress:
//! when either hangs, the manager starts the gateway again, and nothing that was acknowledged is lost by it.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::{ffi::OsStrExt as _, net::SocketAddr, net::UnixDatagram};
use std::time::Duration;
use std::{env, ffi::OsStr, io, process};
use tracing::{debug, warn};

/// The manager, if there is one.
#[derive(Debug, Default)]
pub struct Service {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Service {
    /// The manager that the environment names.
    #[must_use]
    pub fn from_environment() -> Self {
        let Some(path) = env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else { return Self::default() };
        let text = |name| env::var(name).ok();
        let watchdog = watchdog(text("WATCHDOG_USEC").as_deref(), text("WATCHDOG_PID").as_deref());
        match connect(&path) {
            Ok(socket) => Self { socket: Some(socket), watchdog },
            Err(error) => {
                warn!(%error, "the service manager cannot be told how it goes");
                Self::default()
            }
        }
    }

    /// The gateway takes frames.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}", status.replace('\n', " ")));
    }

    /// It reads its configuration again; [`Self::ready`] says that it has.
    ///
    /// # Errors
    /// When the clock cannot be read.
    pub fn reloading(&self) -> io::Result<()> {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = Duration::try_from(now).map_err(io::Error::other)?.as_micros();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
        Ok(())
    }

    /// It stops.
    pub fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=what has been taken is delivered");
    }

    /// Feeds the watchdog for ever, as long as something moves: `beat` is another number each time it has.
    pub async fn feed(&self, mut beat: impl FnMut() -> u64) {
        let Some(period) = self.watchdog else { return std::future::pending().await };
        let mut last = None;
        loop {
            let now = beat();
            if last != Some(now) {
                self.tell("WATCHDOG=1");
            }
            last = Some(now);
            // Half the time is what the manual asks for; a third leaves room for a busy machine.
            tokio::time::sleep(period / 3).await;
        }
    }

    fn tell(&self, state: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(state.as_bytes())
        {
            debug!(%error, "the service manager does not listen");
        }
    }
}

/// How often the manager wants to hear, if it is this process it means.
fn watchdog(micros: Option<&str>, of: Option<&str>) -> Option<Duration> {
    let mine = of.is_none_or(|of| of.parse() == Ok(process::id()));
    let micros = micros?.parse().ok().filter(|micros| *micros > 0 && mine)?;
    Some(Duration::from_micros(micros))
}

/// A path, or behind `@` a name that is in no file system.
fn connect(path: &OsStr) -> io::Result<UnixDatagram> {
    let address = match path.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // A manager that does not read shall hold up nobody.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn the_watchdog_is_of_this_process() {
        let me = process::id().to_string();
        assert_eq!(watchdog(Some("3000000"), Some(&me)), Some(Duration::from_secs(3)));
        assert_eq!(watchdog(Some("3000000"), None), Some(Duration::from_secs(3)));
        for (micros, of) in [(None, None), (Some("0"), None), (Some("x"), None), (Some("3000000"), Some("1"))] {
            assert_eq!(watchdog(micros, of), None);
        }
    }

    #[test]
    fn a_manager_is_told_at_a_path_or_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("esh-test-{}", process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        for (manager, address) in [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (UnixDatagram::bind_addr(&abstract_name).unwrap(), format!("@{name}").into()),
        ] {
            manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let service = Service { socket: Some(connect(&address).unwrap()), watchdog: None };
            let hear = || {
                let mut buffer = [0; 200];
                let length = manager.recv(&mut buffer).unwrap();
                String::from_utf8(buffer[..length].to_vec()).unwrap()
            };
            service.ready("1 source\nand a sink");
            assert_eq!(hear(), "READY=1\nSTATUS=1 source and a sink");
            service.reloading().unwrap();
            let told = hear();
            let micros: u64 = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
            assert!(micros > 0);
            service.stopping();
            assert!(hear().starts_with("STOPPING=1\n"));
        }
        assert!(connect(OsStr::new("/nowhere/at/all")).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_move_is_not_fed() {
        let (manager, socket) = UnixDatagram::pair().unwrap();
        manager.set_nonblocking(true).unwrap();
        let service = Service { socket: Some(socket), watchdog: Some(Duration::from_secs(3)) };
        let beat = AtomicU64::new(0);
        let fed = || {
            let mut count = 0;
            while manager.recv(&mut [0; 100]).is_ok() {
                count += 1;
            }
            count
        };
        let moves = async {
            for moving in [true, false, true] {
                for _ in 0..10 {
                    beat.fetch_add(u64::from(moving), Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(900)).await;
                }
                let count = fed();
                assert_eq!(count > 1, moving, "{count}");
            }
        };
        tokio::select! {
            () = service.feed(|| beat.load(Ordering::Relaxed)) => {}
            () = moves => {}
        }
    }
}
