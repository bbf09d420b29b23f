//! The pseudo-random function of TLS 1.2 with SHA-256, RFC 5246, clause 5, and what pre-shared keys put into it,
//! RFC 4279, clause 2.

use ring::hmac;
use zeroize::{Zeroize, Zeroizing};

/// A master secret.
pub(super) type Master = Zeroizing<[u8; 48]>;

/// Fills `into` with `PRF(secret, label, seed)`.
pub(super) fn prf(secret: &[u8], label: &[u8], seed: &[&[u8]], into: &mut [u8]) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let keyed = |first: &[u8], more: &[&[u8]]| {
        let mut context = hmac::Context::with_key(&key);
        context.update(first);
        more.iter().for_each(|part| context.update(part));
        context.sign()
    };
    let labelled: Vec<&[u8]> = std::iter::once(label).chain(seed.iter().copied()).collect();
    let mut a = keyed(&[], &labelled);
    for part in into.chunks_mut(32) {
        let output = keyed(a.as_ref(), &labelled);
        part.iter_mut().zip(output.as_ref()).for_each(|(to, from)| *to = *from);
        a = keyed(a.as_ref(), &[]);
    }
}

/// The premaster secret of a pre-shared key.
pub(super) fn premaster(psk: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = (psk.len() as u16).to_be_bytes();
    let mut secret = Zeroizing::new(Vec::with_capacity(4 + 2 * psk.len()));
    secret.extend(length);
    secret.extend(std::iter::repeat_n(0, psk.len()));
    secret.extend(length);
    secret.extend(psk);
    secret
}

/// The keys of both directions; RFC 5246, clause 6.3.
pub(super) struct KeyBlock(pub(super) [u8; 40]);

impl KeyBlock {
    pub(super) fn new(master: &Master, server_random: &[u8], client_random: &[u8]) -> Self {
        let mut block = Self([0; 40]);
        prf(&master[..], b"key expansion", &[server_random, client_random], &mut block.0);
        block
    }
}

impl Drop for KeyBlock {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_what_others_get() {
        // The published vector for P_SHA256 of the IETF TLS list, 2007.
        let octets = |hex: &str| crate::sources::lines::octets(hex.as_bytes()).unwrap();
        let secret = octets("9bbe436ba940f017b17652849a71db35");
        let seed = octets("a0ba9f936cda311827a6f796ffd5198c");
        let mut output = [0; 100];
        prf(&secret, b"test label", &[&seed], &mut output);
        let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af\
                        0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701\
                        87347b66";
        assert_eq!(output[..], octets(expected));
    }

    #[test]
    fn a_premaster_secret_has_as_many_zeros_as_the_key_is_long() {
        assert_eq!(premaster(&[1, 2, 3])[..], [0, 3, 0, 0, 0, 0, 3, 1, 2, 3]);
    }
}
