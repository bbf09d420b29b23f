//! Lines that hold payloads for codecs.

use crate::codec::{Answer, Codec, CodecError, Uplink};
use crate::sources::lines::{Line, LineError};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The codec of lines that name none.
#[derive(Clone, Debug)]
pub struct DefaultCodec {
    /// The codec.
    pub codec: Codec,
    /// FPort of lines that name none.
    pub port: Option<u8>,
}

/// Codecs that lines name, by their files. One that cannot be read is not tried for every line.
#[derive(Debug, Default)]
pub(super) struct Codecs(HashMap<PathBuf, Result<Codec, CodecError>>);

/// Beyond so many files all are forgotten: they are only read once more.
const CODECS: usize = 256;

impl Codecs {
    fn get(&mut self, file: &Path) -> &Result<Codec, CodecError> {
        if self.0.len() >= CODECS && !self.0.contains_key(file) {
            self.0.clear();
        }
        self.0.entry(file.to_owned()).or_insert_with(|| Codec::load(file))
    }
}

/// What a codec makes of a line; `None` for a line that holds a frame.
pub(super) fn answer(
    default: Option<&DefaultCodec>,
    codecs: &mut Codecs,
    line: &Line<'_>,
) -> Option<Result<(u8, Answer), LineError>> {
    let script = line.script.as_deref();
    let named = script.and_then(|script| script.codec.as_deref());
    if named.is_none() && default.is_none() {
        return None;
    }
    let port = script.and_then(|script| script.port).or_else(|| default.and_then(|default| default.port));
    let Some(port) = port else { return Some(Err(LineError::Member("fPort", "there, and --port does not say it"))) };
    let codec = match (named, default) {
        (Some(file), _) => codecs.get(file).as_ref().map_err(Clone::clone),
        (None, default) => Ok(&default?.codec),
    };
    let variables = script.and_then(|script| script.variables.as_deref());
    let uplink = Uplink { bytes: &line.octets, port, received_at: line.received_at, variables };
    Some(Ok((
        port,
        match codec {
            Ok(codec) => codec.decode_uplink(&uplink),
            Err(error) => Answer { error: Some(error), ..Answer::default() },
        },
    )))
}
