//! Scripts that do what no codec should: each gets an answer, and the next call a good one.
#![cfg(feature = "codec")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use esh_gateway::codec::{Answer, Codec, Uplink};

/// An uplink of these octets, on port 1.
fn ask(codec: &Codec, bytes: &[u8]) -> Answer {
    codec.decode_uplink(&Uplink { bytes, port: 1, received_at: None, variables: None })
}

/// A codec that does something with no octets, and answers as it should with some.
fn only_without_octets(body: &str) -> Codec {
    Codec::new(&format!(
        "function decodeUplink(input) {{ if (input.bytes.length > 0) return {{ data: input.bytes }};\n{body}\n}}"
    ))
}

/// Each is refused for one of these reasons, and the codec goes on.
fn refused(bodies: &[&str], reasons: &[&str]) {
    for body in bodies {
        let codec = only_without_octets(body);
        for bytes in [&[7][..], &[], &[8]] {
            let answer = ask(&codec, bytes);
            match answer.error {
                None => assert_eq!(answer.data, Some(format!("[{}]", bytes.first().unwrap())), "{body}"),
                Some(error) => {
                    assert!(bytes.is_empty(), "{body} {bytes:?}: {error}");
                    assert!(reasons.contains(&error.reason.word()), "{body}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_loop_without_an_end_is_ended() {
    refused(
        &[
            "for (;;) {}",
            "for (;;) { try { for (;;) {} } catch (error) {} finally { for (;;) {} } }",
            "try { for (;;) {} } finally { return { data: {} }; }",
            "return { data: { toJSON() { for (;;) {} } } };",
            "return { get data() { for (;;) {} } };",
            "throw { get stack() { for (;;) {} }, toJSON() { for (;;) {} } };",
            "const error = new Error(); Object.defineProperty(error, 'name', { get() { for (;;) {} } }); throw error;",
            "return { data: 1, errors: { length: 1, toJSON() { for (;;) {} } } };",
            "return { data: /(a+)+$/.test('a'.repeat(40) + 'b') };",
            "return { data: new Function('for (;;);')() };",
            "return { data: (0, eval)('for (;;);') };",
            "return { data: [...(function* () { for (;;) yield* []; })()] };",
        ],
        &["overflow"],
    );
}

#[test]
fn loops_of_built_in_functions_are_ended_or_refused() {
    refused(
        &[
            "return { data: [].indexOf.call({ length: 2 ** 53 - 1 }, 1) };",
            "return { data: [].every.call({ length: 2 ** 53 - 1 }, Boolean) };",
            "return { data: [].reverse.call({ length: 2 ** 53 - 1 }) };",
            "return { data: [].copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1) };",
            "return { data: [].unshift.call({ length: 2 ** 53 - 3 }, 1) };",
            "return { data: [].splice.call({ length: 2 ** 53 - 1 }, 0, 1) };",
            "return { data: [].slice.call({ length: 2 ** 53 - 1 }, 0, 9) };",
            "return { data: [].join.call({ length: 2 ** 53 - 1 }) };",
            "return { data: [].concat(Object.assign([], { length: 2 ** 32 - 1 })).length };",
            "const a = []; a.length = 2 ** 32 - 1; return { data: a.sort().length };",
            "const a = []; a.length = 2 ** 32 - 1; return { data: [a].flat().length };",
            "const a = []; a.length = 2 ** 32 - 1; return { data: String(a).length };",
            "const a = []; a.length = 2 ** 32 - 1; return { data: a.values().drop(1e10).next() };",
            "const s = 'a'.repeat(4e6); return { data: s.indexOf('a'.repeat(2e6) + 'b') };",
            "const s = 'a'.repeat(4e6); return { data: s.split('a'.repeat(2e6) + 'b').length };",
            "const s = 'a'.repeat(4e6); return { data: s.replace('a'.repeat(2e6) + 'b', '').length };",
            "const s = 'a'.repeat(4e6); return { data: s.replaceAll({ toString: () => 'a'.repeat(2e6) + 'b' }, '').length };",
            "return { data: String.raw({ raw: { length: 2 ** 53 - 1 } }) };",
            "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
        ],
        &["overflow", "malformed"],
    );
}

#[test]
fn too_much_memory_is_refused() {
    refused(
        &[
            "const all = []; for (;;) all.push(new Array(1000).fill(all.length));",
            "let text = 'x'; for (;;) text += text;",
            "return { data: new Uint8Array(1e9).length };",
            "return { data: Buffer.alloc(16e6).toString('hex') };",
            "const all = []; for (;;) try { all.push('x'.repeat(1e5) + all.length); } catch (error) { all.push(error); }",
            "return { data: Array.from({ length: 1e8 }, (_, at) => ({ at })) };",
            "return { data: 'x'.repeat(2 ** 30) };",
            "const a = []; a.length = 2 ** 32 - 1; return { data: a };",
            "return { data: 'x'.repeat(1e5) };",
            "return { data: Array.from({ length: 1e5 }, (_, at) => at) };",
            "return { errors: Array.from({ length: 1e5 }, () => 'x'.repeat(1e6)) };",
        ],
        &["overflow", "too_long", "malformed"],
    );
}

#[test]
fn deep_recursion_is_refused() {
    refused(
        &[
            "function deeper() { return deeper() + 1; } return { data: deeper() };",
            "const o = { get o() { return this.o; } }; return { data: o.o };",
            "return { data: JSON.parse('['.repeat(1e6)) };",
            "return { data: eval('('.repeat(1e5)) };",
            "let a = {}; for (let at = 0; at < 1e5; at += 1) a = { a }; return { data: a };",
            "let a = []; for (let at = 0; at < 100; at += 1) a = [a]; return { data: a };",
            "return { data: new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('') };",
        ],
        &["overflow", "too_long", "malformed"],
    );
}

#[test]
fn what_a_codec_breaks_is_its_own() {
    for broken in [
        "Array.prototype.push = Array.prototype.slice = Array.from = null;",
        "JSON.stringify = JSON.parse = () => { throw 1; };",
        "Object.prototype.toJSON = function () { return 'changed'; };",
        "Object.defineProperty(Object.prototype, 'errors', { get() { return ['from the prototype']; } });",
        "Object.defineProperty(Object.prototype, 'fPort', { set() { throw 1; }, get() { return 9; } });",
        "Array.prototype[Symbol.iterator] = null; Error = null; Date = null; Reflect.construct = null;",
        "String.prototype.replace = RegExp.prototype.exec = null; BigInt.prototype.toJSON = null;",
        "globalThis.exports = module.exports = null; globalThis.require = null; delete globalThis.console;",
        "Object.freeze(globalThis); Object.freeze(Object.prototype); Object.freeze(Array.prototype);",
        "for (const name of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[name]; } catch {}",
    ] {
        let text = format!("function decodeUplink(input) {{ return {{ data: {{ a: input.bytes[0] }} }}; }} {broken}");
        let codec = Codec::new(&text);
        // It gets an answer, whatever it is: the same one each time, and JSON.
        let first = ask(&codec, &[7]);
        assert_eq!(ask(&codec, &[7]), first, "{broken}");
        if let Some(data) = &first.data {
            assert!(serde_json::from_str::<serde_json::Value>(data).is_ok(), "{broken}: {data}");
        }
        // Other codecs of the thread do not know of it.
        assert_eq!(ask(&only_without_octets(""), &[1, 2]).data.as_deref(), Some("[1,2]"), "{broken}");
    }
}

#[test]
fn what_a_codec_keeps_does_not_fill_its_memory_for_ever() {
    let codec = Codec::new(
        "var kept = []; function decodeUplink(input) { kept.push('x'.repeat(200000) + kept.length); return { data: input.bytes }; }",
    );
    for at in 0..200 {
        let answer = ask(&codec, &[at]);
        assert_eq!((answer.error, answer.data), (None, Some(format!("[{at}]"))));
    }
}

#[test]
fn a_codec_that_does_not_start_says_why_every_time() {
    for (text, part) in [
        ("for (;;) {}", "time"),
        ("const all = []; for (;;) all.push(new Array(1000).fill(0));", "memory"),
        ("(function deeper() { deeper(); })();", "stack"),
        ("\u{0} function decodeUplink() {}", ""),
    ] {
        let codec = Codec::new(text);
        for _ in 0..2 {
            let message = ask(&codec, &[]).error.unwrap_or_else(|| panic!("{text}")).message;
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}

#[test]
fn many_codecs_and_many_calls_take_bounded_memory() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap()
    };
    let round = |from: u32| {
        for at in from..from + 150 {
            let codec = Codec::new(&format!("function decodeUplink(i) {{ return {{ data: {{ at: {at}, i }} }}; }}"));
            for _ in 0..20 {
                assert!(ask(&codec, &[1, 2, 3]).error.is_none());
            }
        }
    };
    round(0);
    let before = resident();
    round(1000);
    round(2000);
    let after = resident();
    // A leak of these 300 would be more than 100 MB.
    assert!(after < before + 30_000, "{before} kB, then {after} kB");
}
