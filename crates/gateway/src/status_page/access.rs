//! Who may look. Without a token everybody on this machine, with one whoever has it; never a page of somebody else in
//! the browser of someone who may.

use crate::secret::{Secret, SecretError};
use crate::telemetry::config::Config;
use blake2::digest::{Digest, FixedOutput, KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac256};
use hyper::header::{AUTHORIZATION, AsHeaderName, COOKIE, HOST, HeaderMap, ORIGIN};
use std::fmt::Write as _;
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// The fewest characters of a token: nobody tries all of them.
const SHORTEST: usize = 16;
/// How long a browser stays logged in, in seconds.
const STAY: u64 = 30 * 86_400;

/// Who may look.
#[derive(Debug)]
pub(crate) struct Access {
    /// What the cookie is called: cookies of other gateways on the same host have other names.
    cookie: String,
    token: Option<Token>,
}

/// The hash of a token; its key makes cookies. It shows nothing.
struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why nobody could ever look in.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The token is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It can be guessed, or no header can hold it.
    #[error(
        "the token of [http] is to be {SHORTEST} or more characters of ASCII without spaces, such as `openssl rand -hex 24` gives"
    )]
    Token,
}

/// Why somebody may not look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The token is missing or wrong, or the cookie is too old.
    Token,
    /// The name the browser asked for is not one of this machine: another site may have led it here.
    Host,
    /// A page of another site asks.
    Site,
}

impl Denied {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Token => "a token is missing: send `Authorization: Bearer` and the token of [http]\n",
            Self::Host => "without a token only names of this machine, such as localhost, are answered to\n",
            Self::Site => "another site may not ask\n",
        }
    }
}

impl Access {
    /// Reads the token.
    ///
    /// # Errors
    /// When it is not there, or is none.
    pub(crate) fn new(gateway: &str, config: &Config) -> Result<Self, AccessError> {
        let token = config.token.as_ref().map(Secret::read).transpose()?;
        let token = token.map(|token| {
            let text = token.expose();
            let fits = text.len() >= SHORTEST && text.bytes().all(|octet| octet.is_ascii_graphic());
            if fits { Ok(Token::of(text)) } else { Err(AccessError::Token) }
        });
        Ok(Self { cookie: format!("esh-{gateway}"), token: token.transpose()? })
    }

    /// Whether a token is asked for.
    pub(crate) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether the browser, if it is one, asks by itself: not because of a page of another site, nor because another
    /// site's name was made to lead here. `navigates` is for the page itself, to which a link may lead.
    pub(crate) fn same_site(&self, headers: &HeaderMap, navigates: bool) -> Result<(), Denied> {
        let hosts = || texts(headers, HOST);
        if self.token.is_none() && !hosts().all(|host| host.is_some_and(is_here)) {
            return Err(Denied::Host);
        }
        let host = hosts().next().flatten().unwrap_or_default();
        let same = |origin: &str| origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host));
        if !texts(headers, ORIGIN).all(|origin| origin.is_some_and(same)) {
            return Err(Denied::Site);
        }
        let asks = |site: Option<&str>| matches!(site, Some("same-origin" | "none"));
        let moves = navigates && texts(headers, "sec-fetch-mode").any(|mode| mode == Some("navigate"));
        if moves || texts(headers, "sec-fetch-site").all(asks) { Ok(()) } else { Err(Denied::Site) }
    }

    /// Whether whoever asks may look.
    pub(crate) fn admits(&self, headers: &HeaderMap, now: u64) -> Result<(), Denied> {
        let Some(token) = &self.token else { return Ok(()) };
        let cookies = texts(headers, COOKIE).flatten().flat_map(|cookies| cookies.split(';'));
        let named = cookies.filter_map(|cookie| cookie.trim().strip_prefix(self.cookie.as_str())?.strip_prefix('='));
        if bearer(headers).is_some_and(|found| token.is(found)) || { named }.any(|cookie| token.made(cookie, now)) {
            Ok(())
        } else {
            Err(Denied::Token)
        }
    }

    /// A cookie for whoever brings the token: what a browser shows from then on.
    pub(crate) fn login(&self, headers: &HeaderMap, now: u64) -> Result<String, Denied> {
        let brought = |token: &&Token| bearer(headers).is_some_and(|found| token.is(found));
        let token = self.token.as_ref().filter(brought).ok_or(Denied::Token)?;
        Ok(self.set_cookie(&token.cookie(now + STAY), STAY))
    }

    /// No cookie any more.
    pub(crate) fn logout(&self) -> String {
        self.set_cookie("", 0)
    }

    fn set_cookie(&self, value: &str, stay: u64) -> String {
        format!("{}={value}; Path=/; Max-Age={stay}; HttpOnly; SameSite=Strict", self.cookie)
    }
}

impl Token {
    fn of(text: &str) -> Self {
        Self(Blake2s256::digest(text).into())
    }

    /// Compared by their hashes, which takes as long for every token.
    fn is(&self, found: &str) -> bool {
        self.0.ct_eq(&Self::of(found).0).into()
    }

    /// A cookie that is good until then: another token makes all of them worthless.
    fn cookie(&self, until: u64) -> String {
        let mut cookie = format!("{until}.");
        for octet in self.seal(until) {
            // Writing to a string cannot fail.
            let _ = write!(cookie, "{octet:02x}");
        }
        cookie
    }

    /// Whether a cookie was made by this token and is still good.
    fn made(&self, cookie: &str, now: u64) -> bool {
        let until = cookie.split_once('.').and_then(|(until, _)| until.parse().ok());
        let Some(until) = until.filter(|until| (now..=now + STAY).contains(until)) else { return false };
        self.cookie(until).as_bytes().ct_eq(cookie.as_bytes()).into()
    }

    fn seal(&self, until: u64) -> [u8; 32] {
        let mut seal = <Blake2sMac256 as KeyInit>::new((&self.0).into());
        Mac::update(&mut seal, b"esh status page cookie");
        Mac::update(&mut seal, &until.to_be_bytes());
        seal.finalize_fixed().into()
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The values of a header; `None` for one that is no text.
fn texts(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = Option<&str>> {
    headers.get_all(name).into_iter().map(|value| value.to_str().ok())
}

/// Whether a `Host` names this machine, whatever its port: a tunnel may have another.
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000;

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        let pairs = list.iter().map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        pairs.collect()
    }

    fn open() -> Access {
        Access { cookie: "esh-g".into(), token: None }
    }

    fn closed() -> Access {
        Access { cookie: "esh-g".into(), token: Some(Token::of("0123456789abcdef")) }
    }

    #[test]
    fn only_names_of_this_machine_are_answered_to_without_a_token() {
        for host in ["localhost", "LocalHost:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080"] {
            assert_eq!(open().same_site(&headers(&[("host", host)]), false), Ok(()), "{host}");
        }
        for host in
            ["gateway.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "[::2]", "0.0.0.0", "", "\u{e4}"]
        {
            assert_eq!(open().same_site(&headers(&[("host", host)]), true), Err(Denied::Host), "{host}");
            assert_eq!(closed().same_site(&headers(&[("host", host)]), true), Ok(()), "{host}");
        }
        assert_eq!(open().same_site(&headers(&[]), false), Ok(()), "no browser");
        let two = headers(&[("host", "localhost"), ("host", "evil.example")]);
        assert_eq!(open().same_site(&two, false), Err(Denied::Host));
    }

    #[test]
    fn another_site_may_lead_here_and_may_not_ask() {
        let cross = [("host", "localhost:8"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        assert_eq!(open().same_site(&headers(&cross), true), Ok(()));
        assert_eq!(open().same_site(&headers(&cross), false), Err(Denied::Site));
        for (name, value, expected) in [
            ("sec-fetch-site", "same-origin", Ok(())),
            ("sec-fetch-site", "none", Ok(())),
            ("sec-fetch-site", "same-site", Err(Denied::Site)),
            ("origin", "http://localhost:8", Ok(())),
            ("origin", "http://localhost:9", Err(Denied::Site)),
            ("origin", "http://evil.example", Err(Denied::Site)),
            ("origin", "null", Err(Denied::Site)),
        ] {
            for access in [open(), closed()] {
                let found = access.same_site(&headers(&[("host", "localhost:8"), (name, value)]), true);
                assert_eq!(found, expected, "{name}: {value}");
            }
        }
    }

    #[test]
    fn a_token_or_a_cookie_that_it_made_lets_in() {
        let access = closed();
        let right = headers(&[("authorization", "bearer 0123456789abcdef")]);
        assert_eq!(access.admits(&right, NOW), Ok(()));
        for wrong in
            ["Bearer 0123456789abcdeF", "Bearer", "Basic 0123456789abcdef", "Bearer 0123456789abcdef0", "\u{e4}"]
        {
            assert_eq!(access.admits(&headers(&[("authorization", wrong)]), NOW), Err(Denied::Token), "{wrong}");
            assert_eq!(access.login(&headers(&[("authorization", wrong)]), NOW), Err(Denied::Token), "{wrong}");
        }
        let set = access.login(&right, NOW).unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains("0123456789abcdef"), "{set}");
        let cookie = set.split(';').next().unwrap();
        let brought = format!("a=b; {cookie}; c=d");
        let brought = headers(&[("cookie", brought.as_str())]);
        assert_eq!(access.admits(&brought, NOW + STAY), Ok(()));
        assert_eq!(access.admits(&brought, NOW + STAY + 1), Err(Denied::Token), "too old");
        assert_eq!(access.admits(&brought, NOW - 1), Err(Denied::Token), "not made yet");
        let other = Access { cookie: "esh-g".into(), token: Some(Token::of("fedcba9876543210")) };
        assert_eq!(other.admits(&brought, NOW), Err(Denied::Token), "another token");
        let longer = cookie.replacen(&(NOW + STAY).to_string(), &(NOW + STAY - 1).to_string(), 1);
        assert_eq!(access.admits(&headers(&[("cookie", longer.as_str())]), NOW), Err(Denied::Token), "made up");
        assert_eq!(open().admits(&headers(&[]), NOW), Ok(()));
        assert_eq!(open().login(&right, NOW), Err(Denied::Token), "there is nothing to log in to");
        assert!(!format!("{access:?}").contains("0123"));
    }

    proptest! {
        /// Whatever stands in the headers, nobody comes in without the token.
        #[test]
        fn nothing_else_lets_in(bearer in "\\PC{0,40}", cookie in "(esh-g=)?[0-9]{0,12}[.]?[0-9a-f]{0,64}") {
            prop_assume!(bearer.trim() != "0123456789abcdef");
            let bearer = format!("Bearer {bearer}");
            let list = headers(&[("authorization", bearer.as_str()), ("cookie", cookie.as_str())]);
            prop_assert_eq!(closed().admits(&list, NOW), Err(Denied::Token));
        }

        /// A host that is answered to is an address of this machine or its name.
        #[test]
        fn hosts_are_read_without_a_panic(host in "\\PC{0,40}") {
            if is_here(&host) {
                prop_assert!(host.to_lowercase().contains("localhost") || host.contains("127.") || host.contains("::"));
            }
        }
    }
}
