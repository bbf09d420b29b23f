//! What the fuzz target of DTLS holds to be true of any datagrams. The ordinary tests replay the seeds with the same.

use esh_core::Key;
use esh_gateway::dtls::{Event, Identity, Path, Server};

/// Datagrams, each behind its length. A hello that is asked for a cookie comes again with it, so what follows meets a
/// handshake that has begun. Whoever does not know the key has no session, and is never sent more than came.
pub(crate) fn dtls_record(octets: &[u8]) {
    let keys = |_: &str| Some((Key::new(&[7; 16]).unwrap(), Identity::from("somebody")));
    let path = Path { peer: "192.0.2.1:5684".parse().unwrap(), local: None };
    let mut server = Server::new(4).unwrap();
    let (mut rest, mut now) = (octets, 0);
    while let Some((len, behind)) = rest.split_first() {
        let (datagram, behind) = behind.split_at(behind.len().min(usize::from(*len)));
        rest = behind;
        now += 100;
        let mut again = Some(datagram.to_vec());
        while let Some(datagram) = again.take() {
            let mut events = Vec::new();
            server.receive(now, path, &mut datagram.clone(), &keys, &mut events);
            let mut sent = 0;
            for event in &events {
                match event {
                    Event::Send(to, octets) => {
                        assert_eq!(*to, path);
                        sent += octets.len();
                        again = again.or_else(|| with_cookie(&datagram, octets));
                    }
                    Event::Failed(..) => {}
                    other => panic!("{other:?}"),
                }
            }
            // Those who have not shown that they hear us; a hello with a cookie has.
            assert!(sent <= datagram.len().max(512), "{sent} octets for {}", datagram.len());
        }
        assert_eq!(server.sessions(), 0);
    }
}

/// A hello without a cookie, with the one that was asked for.
fn with_cookie(hello: &[u8], request: &[u8]) -> Option<Vec<u8>> {
    let (is_request, cookie) = (request.get(13)? == &3, request.get(28..44)?);
    // Record and handshake header, version, random, session id, and no cookie.
    let at = 13 + 12 + 2 + 32;
    let at = at + 1 + usize::from(*hello.get(at)?);
    if !is_request || hello.get(at)? != &0 {
        return None;
    }
    let mut whole = hello.get(..at)?.to_vec();
    whole.push(16);
    whole.extend(cookie);
    whole.extend(hello.get(at + 1..)?);
    for place in [11, 14 + 1, 22 + 1] {
        let length = u16::from_be_bytes([whole[place], whole[place + 1]]).wrapping_add(16).to_be_bytes();
        whole[place..place + 2].copy_from_slice(&length);
    }
    Some(whole)
}
