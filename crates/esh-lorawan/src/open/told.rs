//! Fields of a data frame, for those who look at one.

use crate::{
    Direction, MacCommands,
    data::Data,
    session::{Crypted, Outline},
};
use esh_core::{
    Field, Layer,
    note::{Notes, at},
};

/// What the frame says as sent.
#[cold]
pub(super) fn sent(frame: &[u8], outline: &Outline, notes: &mut Notes<'_, '_>) {
    const LINK: Layer = Layer::Link;
    let Outline { direction, f_ctrl, opts_end, payload_at, end, .. } = *outline;
    notes.text(at(LINK, 1, 4, "DevAddr", "devaddr"), &outline.address, &"");
    notes.flag(at(LINK, 5, 1, "ADR", "adr"), f_ctrl.adr(), &"adaptive data rate");
    match direction {
        Direction::Up => {
            let meaning = "whether the device asks for an answer";
            notes.flag(at(LINK, 5, 0, "ADRACKReq", "adr_ack_req"), f_ctrl.adr_ack_req(), &meaning);
            notes.flag(at(LINK, 5, 0, "ACK", "ack"), f_ctrl.ack(), &"");
            notes.flag(at(LINK, 5, 0, "ClassB", "class_b"), f_ctrl.class_b(), &"");
        }
        Direction::Down => {
            notes.flag(at(LINK, 5, 0, "ACK", "ack"), f_ctrl.ack(), &"");
            let meaning = "whether more is waiting for the device";
            notes.flag(at(LINK, 5, 0, "FPending", "fpending"), f_ctrl.f_pending(), &meaning);
        }
    }
    notes.number(at(LINK, 6, 2, "FCnt", "fcnt16"), outline.f_cnt, &"the lower 16 bits");
    let part = |from: usize, to: usize| frame.get(from..to).unwrap_or_default();
    let options = part(Data::F_OPTS, opts_end);
    notes.octets(at(LINK, Data::F_OPTS, options.len(), "FOpts", "fopts_raw"), options, &"as sent");
    let port = at(LINK, opts_end, payload_at - opts_end, "FPort", "fport");
    match outline.f_port {
        Some(0) => notes.number(port, 0u8, &"MAC commands"),
        Some(number) => notes.number(port, number, &""),
        None => notes.null(port, &""),
    }
    let payload = part(payload_at, end);
    notes.octets(at(LINK, payload_at, payload.len(), "FRMPayload", "frm_raw"), payload, &"as sent");
    notes.octets(at(LINK, end, 4, "MIC", "mic"), &outline.mic, &"message integrity code");
}

/// What it says in plain; `mic_ok` is `None` where no key could tell.
#[cold]
pub(super) fn opened(
    frame: &[u8],
    outline: &Outline,
    counter: u32,
    mic_ok: Option<bool>,
    crypted: Crypted,
    notes: &mut Notes<'_, '_>,
) {
    const LAYER: Layer = Layer::Security;
    let Outline { direction, opts_end, payload_at, end, f_port, .. } = *outline;
    let part = |from: usize, to: usize| frame.get(from..to).unwrap_or_default();
    if let Some(fits) = mic_ok {
        let meaning = if fits { "the MIC fits" } else { "the MIC does not fit" };
        notes.flag(at(LAYER, end, 0, "MIC", "mic_ok"), fits, &meaning);
    }
    notes.number(at(LAYER, 6, 0, "frame counter", "fcnt"), counter, &"all 32 bits");
    let options = part(Data::F_OPTS, opts_end);
    if crypted.f_opts && !options.is_empty() {
        notes.octets(at(LAYER, Data::F_OPTS, 0, "FOpts", "fopts"), options, &"in plain");
        commands("fopts_mac", options, Data::F_OPTS, direction, notes);
    }
    if crypted.payload && f_port.is_some() {
        let payload = part(payload_at, end);
        notes.octets(at(LAYER, payload_at, payload.len(), "FRMPayload", "frm"), payload, &"in plain");
        if f_port == Some(0) {
            commands("frm_mac", payload, payload_at, direction, notes);
        }
    }
}

fn commands(key: &'static str, octets: &[u8], offset: usize, direction: Direction, notes: &mut Notes<'_, '_>) {
    const LAYER: Layer = Layer::Application;
    notes.array(at(LAYER, offset, 0, "MAC commands", key), |notes| {
        let mut offset = offset;
        for command in MacCommands::new(octets, direction) {
            let len = 1 + command.payload.len();
            notes.object(at(LAYER, offset, len, "MAC command", Field::ELEMENT), |notes| {
                let name = command.name.unwrap_or("unknown");
                notes.number(at(LAYER, offset, 1, "CID", "cid"), command.cid, &name);
                match command.name {
                    Some(name) => notes.text(at(LAYER, offset, 0, "name", "name"), &name, &""),
                    None => notes.null(at(LAYER, offset, 0, "name", "name"), &"a command that nobody has described"),
                }
                let meaning = if command.whole { "" } else { "cut off" };
                notes.octets(at(LAYER, offset + 1, len - 1, "command", "payload"), command.payload, &meaning);
            });
            offset += len;
        }
    });
}
