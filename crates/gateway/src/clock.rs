//! The clock of this machine, and whether it is set: `clock = "auto" | "trusted" | "untrusted"`.
//!
//! A clock that is not set marks its time stamps (`unsynchronised`) and nothing else: whatever waits, waits by the
//! monotonic clock. With `auto` these are asked, the first that has a word decides:
//!
//! | who | set | not set |
//! |---|---|---|
//! | the date | | before this program was written |
//! | systemd-timesyncd, in `/run/systemd/timesync` | `synchronized` is there | only the folder is there |
//! | chronyd, at its command port | a leap status | 3, not synchronised |
//! | an NTP server on this machine (ntpd, ntpd-rs) | a leap indicator and a stratum | 3, or a stratum of none |
//!
//! Where nobody has a word, as in a container whose host keeps the clock, the date alone decides: such a clock is taken
//! for set. Whoever knows better says `untrusted`. (The kernel's own flag is no better there, and a service that is kept
//! from setting the clock is kept from asking for it.)

use crate::capture::Stamp;
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use tracing::{info, warn};

/// How far the clock is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Config {
    /// As far as those say who set it.
    #[default]
    Auto,
    /// It is set, whatever anybody says.
    Trusted,
    /// It is not.
    Untrusted,
}

/// Now, by the clock of this machine.
pub(crate) fn now() -> Stamp {
    let at = jiff::Timestamp::now();
    let synchronised = match Word::from_number(WORD.load(Relaxed)) {
        Word::Trusted => true,
        Word::Unset => false,
        // The date is looked at each time: a clock that is set is so at once.
        Word::None | Word::Set => is_after_this_was_written(at),
    };
    Stamp { at: Some(at), synchronised }
}

/// Whether a moment may be that of a clock that was set: one that nobody has set starts in the past.
pub(crate) fn is_after_this_was_written(at: jiff::Timestamp) -> bool {
    at.as_second() >= WRITTEN
}

/// Whether the clock is set, for a page that shows it.
pub(crate) fn is_set() -> bool {
    now().synchronised
}

/// Asks once whether the clock is set. There is one clock, and one answer for all who ask for the time.
pub(crate) async fn look(config: Config) -> bool {
    let word = match config {
        Config::Trusted => Word::Trusted,
        Config::Untrusted => Word::Unset,
        Config::Auto => ask().await,
    };
    WORD.store(word as u8, Relaxed);
    is_set()
}

/// Keeps asking, and tells when the answer is another than `before`.
pub(crate) async fn watch(config: Config, mut before: bool) {
    loop {
        tokio::time::sleep(if before { SELDOM } else { OFTEN }).await;
        let set = look(config).await;
        if set != before {
            tell(set);
        }
        before = set;
    }
}

/// Says so in the log.
pub(crate) fn tell(set: bool) {
    if set {
        info!("the clock is set");
    } else {
        warn!("the clock is not set: time stamps are marked as unsynchronised");
    }
}

/// How often those are asked who set the clock.
const SELDOM: Duration = Duration::from_secs(60);
/// While it is not set.
const OFTEN: Duration = Duration::from_secs(5);
/// How long an answer may take: it comes from this machine.
const PATIENCE: Duration = Duration::from_millis(300);
/// 1 November 2025. A machine that has no clock of its own starts before.
const WRITTEN: i64 = 1_761_955_200;

static WORD: AtomicU8 = AtomicU8::new(Word::None as u8);

/// What somebody says of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    None,
    Set,
    Unset,
    /// The configuration says so.
    Trusted,
}

impl Word {
    const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Set,
            2 => Self::Unset,
            3 => Self::Trusted,
            _ => Self::None,
        }
    }

    const fn of(set: bool) -> Self {
        if set { Self::Set } else { Self::Unset }
    }
}

async fn ask() -> Word {
    if let Some(word) = timesyncd(Path::new("/run/systemd/timesync")) {
        return word;
    }
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if let Some(word) = chronyd(local(323)).await {
        return word;
    }
    ntpd(local(123)).await.unwrap_or(Word::None)
}

/// systemd-timesyncd(8): the folder is there while the service runs, the file once it has set the clock.
fn timesyncd(folder: &Path) -> Option<Word> {
    folder.is_dir().then(|| Word::of(folder.join("synchronized").exists()))
}

/// chronyd's command port, protocol version 6: a request for "tracking", the reply to which has the leap status.
async fn chronyd(at: SocketAddr) -> Option<Word> {
    const TRACKING: u8 = 33;
    const TRACKING_REPLY: [u8; 2] = [0, 5];
    // A request is as long as its reply, so that nobody can use the port to flood somebody else.
    let mut request = [0; 104];
    let [version, kind, _, _, _, command, ..] = &mut request;
    (*version, *kind, *command) = (6, 1, TRACKING);
    let reply = exchange(at, &request).await?;
    let succeeded = reply.get(..2)? == [6, 2] && reply.get(6..10)? == [TRACKING_REPLY[0], TRACKING_REPLY[1], 0, 0];
    let leap = reply.get(54..56).filter(|_| succeeded)?;
    Some(Word::of(leap != [0, 3]))
}

/// RFC 5905, clause 7.3: the leap indicator and the stratum of a server's reply to a client.
async fn ntpd(at: SocketAddr) -> Option<Word> {
    const CLIENT: u8 = 4 << 3 | 3;
    const SERVER: u8 = 4;
    let mut request = [0; 48];
    let [first, ..] = &mut request;
    *first = CLIENT;
    let reply = exchange(at, &request).await?;
    let (flags, stratum) = (reply.first()?, reply.get(1).filter(|_| reply.len() >= 48)?);
    (flags & 7 == SERVER).then(|| Word::of(flags >> 6 != 3 && (1..16).contains(stratum)))
}

async fn exchange(at: SocketAddr, request: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?;
    socket.connect(at).await.ok()?;
    socket.send(request).await.ok()?;
    let mut reply = vec![0; 512];
    let length = timeout(PATIENCE, socket.recv(&mut reply)).await.ok()?.ok()?;
    reply.truncate(length);
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_timesyncd_says_whether_it_has_set_the_clock() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("timesync");
        assert_eq!(timesyncd(&run), None);
        std::fs::create_dir(&run).unwrap();
        assert_eq!(timesyncd(&run), Some(Word::Unset));
        std::fs::write(run.join("synchronized"), "").unwrap();
        assert_eq!(timesyncd(&run), Some(Word::Set));
    }

    /// Answers one request as it is told to.
    async fn server(answer: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut request = vec![0; 512];
            let (length, from) = socket.recv_from(&mut request).await.unwrap();
            request.truncate(length);
            socket.send_to(&answer(request), from).await.unwrap();
        });
        at
    }

    #[tokio::test]
    async fn the_leap_indicator_of_an_ntp_server_decides() {
        for (flags, stratum, expected) in [
            (0x24, 2, Some(Word::Set)),
            (0x64, 1, Some(Word::Set)),
            (0xe4, 0, Some(Word::Unset)),
            (0xe4, 2, Some(Word::Unset)),
            (0x24, 16, Some(Word::Unset)),
            // A client's packet is no answer.
            (0x23, 2, None),
        ] {
            let at = server(move |request| {
                assert_eq!((request.len(), request[0]), (48, 0x23));
                let mut reply = vec![0; 48];
                reply[..2].copy_from_slice(&[flags, stratum]);
                reply
            });
            assert_eq!(ntpd(at.await).await, expected, "{flags:02x} {stratum}");
        }
        for rubbish in [vec![], vec![0x24], vec![0x24; 47]] {
            assert_eq!(ntpd(server(|_| rubbish).await).await, None);
        }
    }

    #[tokio::test]
    async fn rubbish_at_the_port_of_chronyd_is_no_word() {
        for rubbish in [vec![], vec![6, 2], vec![6; 104], vec![0; 104]] {
            assert_eq!(chronyd(server(|_| rubbish).await).await, None);
        }
        // Nobody there.
        assert_eq!(chronyd((Ipv4Addr::LOCALHOST, 9).into()).await, None);
    }

    /// A real chronyd of one's own, that leaves the clock alone: before and after it has a reference.
    #[tokio::test]
    async fn a_real_chronyd_is_believed() {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        let Some(program) = folders.map(|folder| folder.join("chronyd")).find(|file| file.is_file()) else {
            println!("skipped: no chronyd");
            return;
        };
        for (reference, expected) in [("", Word::Unset), ("local stratum 8\n", Word::Set)] {
            let folder = tempfile::tempdir().unwrap();
            let free = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
            let (port, at) = (free.port(), folder.path().display());
            let text = format!(
                "{reference}port 0\ncmdport {port}\nbindcmdaddress 127.0.0.1\nbindcmdaddress /\npidfile {at}/pid\n"
            );
            std::fs::write(folder.path().join("conf"), text).unwrap();
            let mut child = std::process::Command::new(&program)
                .args(["-x", "-d", "-U", "-u", "root", "-f"])
                .arg(folder.path().join("conf"))
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let mut word = None;
            for _ in 0..100 {
                word = chronyd(free).await;
                if word.is_some() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let ended = child.try_wait().unwrap();
            let _ = child.kill();
            child.wait().unwrap();
            if word.is_none() && ended.is_some() {
                println!("skipped: chronyd does not run here");
                return;
            }
            assert_eq!(word, Some(expected), "{reference}");
        }
    }
}
