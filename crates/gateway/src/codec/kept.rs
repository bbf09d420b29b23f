//! What a thread has compiled: an engine for each codec, the one that was asked last in front.

use super::engine::Engine;
use super::{Answer, CodecError, Downlink, Uplink};
use esh_core::Reason;
use std::cell::RefCell;
use std::sync::{Arc, Weak};

/// Engines kept by a thread, each of some 400 KB; a codec beyond them is compiled again when it is asked again.
const KEPT: usize = 64;

thread_local! {
    static ENGINES: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

struct Kept {
    text: Weak<str>,
    /// A codec that does not compile is not tried anew for each frame.
    engine: Result<Engine, CodecError>,
}

/// Whether this program can run codecs.
pub(super) const fn available() -> Result<(), CodecError> {
    Ok(())
}

pub(super) fn decode_uplink(text: &Arc<str>, uplink: &Uplink<'_>) -> Result<Answer, CodecError> {
    call(text, |engine| engine.decode_uplink(uplink))
}

pub(super) fn encode_downlink(text: &Arc<str>, data: &str, variables: Option<&str>) -> Result<Downlink, CodecError> {
    call(text, |engine| engine.encode_downlink(data, variables))
}

fn call<T>(text: &Arc<str>, mut body: impl FnMut(&mut Engine) -> Result<T, CodecError>) -> Result<T, CodecError> {
    ENGINES.with_borrow_mut(|engines| {
        let kept = find(engines, text);
        let engine = kept.engine.as_mut().map_err(|error| error.clone())?;
        let used = engine.used;
        let answer = body(engine);
        if !is_limit(&answer) {
            return answer;
        }
        // Its memory may be full of what it kept from earlier calls, and it may have been stopped in the middle of
        // anything: it is made anew. What an earlier call left behind shall not be this one's fault.
        let in_time = answer.as_ref().err() != Some(&CodecError::limit("time"));
        kept.engine = Engine::start(text);
        match &mut kept.engine {
            Ok(engine) if used && in_time => {
                let answer = body(engine);
                if is_limit(&answer) {
                    kept.engine = Engine::start(text);
                }
                answer
            }
            _ => answer,
        }
    })
}

fn is_limit<T>(answer: &Result<T, CodecError>) -> bool {
    matches!(answer, Err(CodecError { reason: Reason::Overflow, .. }))
}

/// What is compiled of a codec, in front of the others.
fn find<'e>(engines: &'e mut Vec<Kept>, text: &Arc<str>) -> &'e mut Kept {
    let at = engines.iter().position(|kept| std::ptr::addr_eq(kept.text.as_ptr(), Arc::as_ptr(text)));
    match at {
        Some(at) => engines.get_mut(..=at).unwrap_or_default().rotate_right(1),
        None => {
            engines.retain(|kept| kept.text.strong_count() > 0);
            engines.truncate(KEPT - 1);
            engines.insert(0, Kept { text: Arc::downgrade(text), engine: Engine::start(text) });
        }
    }
    #[expect(clippy::indexing_slicing, reason = "one was found or put there")]
    &mut engines[0]
}
