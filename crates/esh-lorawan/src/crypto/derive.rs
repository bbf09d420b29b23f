//! Session keys out of root keys: TS001-1.0.4, 6.2.5; TS001-1.1, 6.1.1.3 and 6.2.5.

use super::Cipher;
use crate::{Eui64, JoinAccept};
use zeroize::Zeroizing;

/// What tells the derived keys apart: the first octet of the block that is encrypted.
#[derive(Clone, Copy)]
enum Kind {
    /// NwkSKey, FNwkSIntKey.
    Forwarding = 1,
    Application = 2,
    Serving = 3,
    Encryption = 4,
    JoinEncryption = 5,
    JoinIntegrity = 6,
}

/// Keys of a session.
pub(crate) struct Derived {
    /// Forwarding (NwkSKey in 1.0), serving, encryption; in 1.0 they are one.
    pub(crate) network: Zeroizing<[[u8; 16]; 3]>,
    /// The application's, where the key it comes from is known.
    pub(crate) application: Option<Zeroizing<[u8; 16]>>,
}

/// The keys of the session that a join accept begins. `network` is the AppKey of 1.0 or the NwkKey of 1.1,
/// `application` the AppKey of 1.1, where it is known.
pub(crate) fn session_keys(
    accept: &JoinAccept,
    join_eui: Eui64,
    dev_nonce: u16,
    network: &Cipher,
    application: Option<&Cipher>,
) -> Derived {
    let [j0, j1, j2, _] = accept.join_nonce.to_le_bytes();
    let [n0, n1, n2, _] = accept.net_id.to_le_bytes();
    let [d0, d1] = dev_nonce.to_le_bytes();
    if !accept.dl_settings.opt_neg() {
        let derive = |kind: Kind| network.encrypt([kind as u8, j0, j1, j2, n0, n1, n2, d0, d1, 0, 0, 0, 0, 0, 0, 0]);
        return Derived {
            network: Zeroizing::new([derive(Kind::Forwarding); 3]),
            application: Some(Zeroizing::new(derive(Kind::Application))),
        };
    }
    let [e0, e1, e2, e3, e4, e5, e6, e7] = join_eui.to_air();
    let derive = |from: &Cipher, kind: Kind| {
        from.encrypt([kind as u8, j0, j1, j2, e0, e1, e2, e3, e4, e5, e6, e7, d0, d1, 0, 0])
    };
    Derived {
        network: Zeroizing::new([Kind::Forwarding, Kind::Serving, Kind::Encryption].map(|kind| derive(network, kind))),
        application: application.map(|application| Zeroizing::new(derive(application, Kind::Application))),
    }
}

/// JSIntKey and JSEncKey of 1.1, out of the NwkKey.
pub(crate) fn join_server_keys(network: &Cipher, device: Eui64) -> (Cipher, Zeroizing<[u8; 16]>) {
    let [e0, e1, e2, e3, e4, e5, e6, e7] = device.to_air();
    let derive =
        |kind: Kind| Zeroizing::new(network.encrypt([kind as u8, e0, e1, e2, e3, e4, e5, e6, e7, 0, 0, 0, 0, 0, 0, 0]));
    (Cipher::new(&derive(Kind::JoinIntegrity)), derive(Kind::JoinEncryption))
}
