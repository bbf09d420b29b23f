//! A UDP socket that takes many datagrams at once, knows to which address each was sent, and answers from there.

use crate::config::Udp;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Room for datagrams that wait in the kernel while the gateway is busy.
const WAITING: usize = 4 << 20;
/// The longest datagram. The kernel may hand over several short ones of a peer in one piece.
const LONGEST: usize = 65_536;
/// How many pieces are taken at once.
const PIECES: usize = if BATCH_SIZE < 16 { BATCH_SIZE } else { 16 };

/// The socket, and the datagrams that it took last.
pub(in crate::sources) struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
    buffer: Vec<u8>,
    about: [RecvMeta; PIECES],
    taken: usize,
}

/// A datagram.
#[derive(Clone, Copy, Debug)]
pub(in crate::sources) struct Datagram<'a> {
    /// Who sent it.
    pub(in crate::sources) from: SocketAddr,
    /// The address it was sent to, where the system says.
    pub(in crate::sources) to: Option<IpAddr>,
    pub(in crate::sources) octets: &'a [u8],
}

impl Datagram<'_> {
    /// Whether it was sent to many.
    pub(in crate::sources) fn is_for_many(&self) -> bool {
        self.to.is_some_and(|to| match to.to_canonical() {
            IpAddr::V4(to) => to.is_multicast() || to.is_broadcast(),
            IpAddr::V6(to) => to.is_multicast(),
        })
    }
}

impl Socket {
    /// Opens it.
    pub(in crate::sources) async fn bind(udp: &Udp) -> io::Result<Self> {
        let socket = UdpSocket::bind((udp.host.as_str(), udp.port)).await?;
        let state = UdpSocketState::new((&socket).into())?;
        // What the system allows is enough, or has to be.
        let _ = state.set_recv_buffer_size((&socket).into(), WAITING);
        Ok(Self { socket, state, buffer: vec![0; PIECES * LONGEST], about: [RecvMeta::default(); PIECES], taken: 0 })
    }

    /// Waits for datagrams; they can be had from [`Self::datagrams`] then.
    pub(in crate::sources) async fn receive(&mut self) -> io::Result<()> {
        self.taken = 0;
        let Self { socket, state, buffer, about, taken } = self;
        let count = socket
            .async_io(Interest::READABLE, || {
                let mut pieces = buffer.chunks_mut(LONGEST).map(IoSliceMut::new);
                let mut pieces: [IoSliceMut<'_>; PIECES] =
                    std::array::from_fn(|_| pieces.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
                state.recv((&*socket).into(), &mut pieces, about)
            })
            .await?;
        *taken = count;
        Ok(())
    }

    /// What was received last.
    pub(in crate::sources) fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        let pieces = self.buffer.chunks(LONGEST).zip(&self.about).take(self.taken);
        pieces.flat_map(|(piece, about)| {
            let octets = piece.get(..about.len).unwrap_or_default();
            // An empty datagram is one, too, but says nothing.
            octets.chunks(about.stride.max(1)).map(|octets| Datagram { from: about.addr, to: about.dst_ip, octets })
        })
    }

    /// Sends a datagram, from the address to which its peer has sent. One that the system does not take now is lost, as
    /// any other may be.
    pub(in crate::sources) fn send(&self, to: SocketAddr, from: Option<IpAddr>, octets: &[u8]) {
        let transmit = Transmit { destination: to, ecn: None, contents: octets, segment_size: None, src_ip: from };
        let sent = self.socket.try_io(Interest::WRITABLE, || self.state.try_send((&self.socket).into(), &transmit));
        if let Err(error) = sent {
            tracing::debug!(%to, %error, "a datagram was not sent");
        }
    }
}
