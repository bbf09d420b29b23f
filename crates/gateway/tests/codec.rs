//! Payload codecs of every form in use, with what they find around them.
#![cfg(feature = "codec")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use esh_gateway::codec::{Answer, Codec, Uplink};
use serde_json::Value;

fn ask(text: &str, bytes: &[u8], port: u8) -> Answer {
    Codec::new(text).decode_uplink(&Uplink { bytes, port, received_at: None, variables: None })
}

/// The value of an expression, as a codec would report it.
fn value(expression: &str) -> String {
    let answer = ask(&format!("function decodeUplink(input) {{ return {{ data: {expression} }}; }}"), &[1, 2, 255], 2);
    assert_eq!(answer.error, None, "{expression}");
    answer.data.unwrap()
}

#[test]
fn every_form_of_a_codec_is_called_in_its_own_way() {
    for text in [
        "function decodeUplink(input) { return { data: { port: input.fPort, sum: input.bytes[0] + input.bytes[1] } }; }",
        "const decodeUplink = ({ bytes, fPort }) => ({ data: { port: fPort, sum: bytes[0] + bytes[1] } });",
        "exports.decodeUplink = function (i) { return { data: { port: i.fPort, sum: i.bytes[0] + i.bytes[1] } }; };",
        "module.exports = { decodeUplink(i) { return { data: { port: i.fPort, sum: i.bytes[0] + i.bytes[1] } }; } };",
        "exports.default = { decodeUplink: (i) => ({ data: { port: i.fPort, sum: i.bytes[0] + i.bytes[1] } }) };",
        "var driver = (() => ({ decodeUplink: (i) => ({ data: { port: i.fPort, sum: i.bytes[0] + i.bytes[1] } }) }))();",
        "function Decoder(bytes, port) { return { port: port, sum: bytes[0] + bytes[1] }; }",
        "function Decoder(bytes, fport) { var decoded = {}; decoded.port = fport; decoded.sum = bytes[0] + bytes[1]; return decoded; }",
        "function Decoder(port, bytes) { return { port: port, sum: bytes[0] + bytes[1] }; }",
        "function Decode(fPort, bytes, variables) { return { port: fPort, sum: bytes[0] + bytes[1] }; }",
        "function Decode(a, b) { return { port: a, sum: b[0] + b[1] }; }",
        "function Decode(bytes, port) { return { port: port, sum: bytes[0] + bytes[1] }; }",
        // What is sloppy: a variable that nobody declared, octal numbers, `with`, a duplicate parameter.
        "function decodeUplink(input) { sum = input.bytes[0] + input.bytes[010 - 7]; with (input) { return { data: { port: fPort, sum: sum } }; } }",
        "function decodeUplink(input, a, a) { delete Object.prototype; return { data: { port: input.fPort, sum: input.bytes.slice(0, 2).reduce(function (a, b) { return a + b; }) } }; }",
        // A byte order mark, and other functions beside it.
        "\u{feff}function Decoder() { return 1; }\nfunction decodeUplink(i) { return { data: { port: i.fPort, sum: i.bytes[0] + i.bytes[1] } }; }",
    ] {
        let answer = ask(text, &[40, 2, 255], 7);
        assert_eq!((answer.error, answer.data.as_deref()), (None, Some(r#"{"port":7,"sum":42}"#)), "{text}");
    }
}

#[test]
fn what_is_no_codec_is_an_error_that_says_so() {
    for (text, reason, part) in [
        ("", "malformed", "no function decodeUplink, Decoder or Decode"),
        ("function decodeUplink(", "malformed", "SyntaxError"),
        ("import x from 'y'", "malformed", "SyntaxError"),
        ("throw new Error('at the start')", "malformed", "at the start"),
        ("function decodeUplink() {}", "malformed", "decodeUplink gives undefined where an object is due"),
        ("function decodeUplink() { return null }", "malformed", "gives null"),
        ("function decodeUplink() { return 7 }", "malformed", "gives number"),
        ("function decodeUplink() { return {} }", "malformed", "neither data nor errors"),
        ("function decodeUplink() { return { data: undefined } }", "malformed", "neither data nor errors"),
        ("function decodeUplink() { return { data: () => 1 } }", "malformed", "neither data nor errors"),
        ("function Decoder() { return null }", "malformed", "neither data nor errors"),
        ("async function decodeUplink() { return { data: 1 } }", "malformed", "a promise"),
        ("function decodeUplink() {\n  return missing.member }", "malformed", "missing is not defined (line 2)"),
        ("function decodeUplink() { throw 'a text' }", "malformed", "a text"),
        ("function decodeUplink() { throw { code: 7 } }", "malformed", "{\"code\":7}"),
        ("function decodeUplink() { throw undefined }", "malformed", "undefined"),
        ("function decodeUplink() { throw null }", "overflow", "threw null"),
        ("function decodeUplink() { throw Symbol('s') }", "malformed", "Symbol(s)"),
        (
            "function decodeUplink() { throw { toString() { throw 1 }, toJSON() { throw 2 } } }",
            "malformed",
            "cannot be told",
        ),
        ("function decodeUplink() { return { errors: ['one', { two: 2 }, 3] } }", "malformed", "one; {\"two\":2}; 3"),
        ("function decodeUplink() { return { errors: 'alone' } }", "malformed", "alone"),
        ("function decodeUplink() { const a = {}; a.a = a; return { data: a } }", "malformed", "circular"),
        ("function decodeUplink() { return { data: 'x'.repeat(1e5) } }", "too_long", "100002 where at most 65536"),
        (
            "function decodeUplink() { let a = 1; for (let i = 0; i < 65; i++) a = [a]; return { data: a } }",
            "too_long",
            "levels",
        ),
        ("function decodeUplink() { return require('fs') }", "malformed", "only \"buffer\" and \"crypto\" are here"),
    ] {
        let answer = ask(text, &[1], 1);
        let error = answer.error.unwrap_or_else(|| panic!("{text}: {:?}", answer.data));
        assert_eq!(error.reason.word(), reason, "{text}: {}", error.message);
        assert!(error.message.contains(part), "{text}: {}", error.message);
    }
}

#[test]
fn data_is_told_as_javascript_writes_it() {
    for (expression, text) in [
        ("0.1 + 0.2", "0.30000000000000004"),
        ("1e21", "1e+21"),
        ("123456789012", "123456789012"),
        ("5e-7", "5e-7"),
        ("[NaN, Infinity, -0, undefined, () => 1]", "[null,null,0,null,null]"),
        ("{ a: undefined, b: null, c: () => 1, d: NaN }", r#"{"b":null,"d":null}"#),
        ("18446744073709551615n", "\"18446744073709551615\""),
        ("new Date(86400000)", "\"1970-01-02T00:00:00.000Z\""),
        ("input.bytes", "[1,2,255]"),
        ("'\\ud800'", "\"\\ufffd\""),
        ("'\\u0000\\u2028'", "\"\\u0000\u{2028}\""),
        ("{ ['__proto__']: 1 }", r#"{"__proto__":1}"#),
        ("new Map([[1, 2]])", "{}"),
        ("Buffer.from([1, 2])", r#"{"type":"Buffer","data":[1,2]}"#),
    ] {
        assert_eq!(value(expression), text, "{expression}");
        assert!(serde_json::from_str::<Value>(text).is_ok());
    }
}

#[test]
fn the_input_is_that_of_the_standard() {
    let codec = Codec::new(
        "function decodeUplink(input) { return { data: { array: Array.isArray(input.bytes), time: input.recvTime, date: \
         input.recvTime instanceof Date, now: Date.now(), today: new Date(), variables: input.variables } }; }",
    );
    let uplink = Uplink {
        bytes: &[],
        port: 1,
        received_at: Some("2026-11-22T05:00:00.123Z".parse().unwrap()),
        variables: Some(r#"{"k":"v"}"#),
    };
    let answer = codec.decode_uplink(&uplink);
    let data: Value = serde_json::from_str(&answer.data.unwrap()).unwrap();
    let time = "2026-11-22T05:00:00.123Z";
    let wanted = serde_json::json!({"array": true, "time": time, "date": true, "now": 1_795_323_600_123_u64, "today": time,
        "variables": {"k": "v"}});
    assert_eq!(data, wanted);
    let unknown = codec.decode_uplink(&Uplink { received_at: None, variables: None, ..uplink });
    let data: Value = serde_json::from_str(&unknown.data.unwrap()).unwrap();
    assert_eq!((&data["time"], &data["now"], &data["variables"]), (&Value::Null, &0.into(), &serde_json::json!({})));
}

#[test]
fn warnings_are_kept_and_errors_leave_the_data() {
    let answer = ask(
        "function decodeUplink() { return { data: { a: 1 }, warnings: ['low'], errors: ['bad\\nline'] }; }",
        &[],
        1,
    );
    assert_eq!((answer.data.as_deref(), answer.warnings), (Some("{\"a\":1}"), vec!["low".to_owned()]));
    assert_eq!(answer.error.unwrap().message, "bad line");
    let nothing = ask("function decodeUplink() { return { data: 1, errors: ['', null], warnings: [''] }; }", &[], 1);
    assert_eq!((nothing.error, nothing.warnings), (None, Vec::new()));
}

#[test]
fn normalize_uplink_is_asked_with_the_data() {
    let codec = |body: &str| {
        let text = format!(
            "function decodeUplink() {{ return {{ data: {{ t: 21.5, at: new Date(0) }} }}; }} function normalizeUplink(input) {{ {body} }}"
        );
        ask(&text, &[], 1)
    };
    let one = codec("return { data: { air: { temperature: input.data.t } }, warnings: ['w'] };");
    assert_eq!(one.normalized.as_deref(), Some(r#"[{"air":{"temperature":21.5}}]"#));
    assert_eq!((one.warnings, one.error), (vec!["w".to_owned()], None));
    let many = codec("input.data.t = 0; return { data: [{ time: input.data.at }, {}] };");
    assert_eq!(many.normalized.as_deref(), Some(r#"[{"time":"1970-01-01T00:00:00.000Z"},{}]"#));
    assert_eq!(
        many.data.as_deref(),
        Some(r#"{"t":21.5,"at":"1970-01-01T00:00:00.000Z"}"#),
        "it cannot change the data"
    );
    assert_eq!(codec("return undefined;").normalized, None);
    assert_eq!(codec("return {};").normalized.as_deref(), Some("[]"));
    let thrown = codec("throw new Error('no');");
    assert!(thrown.data.is_some() && thrown.error.unwrap().message.contains("normalizeUplink: Error: no"));
}

#[test]
fn buffers_are_those_of_node() {
    for (expression, text) in [
        ("Buffer.from(input.bytes).readUInt16LE(0)", "513"),
        ("Buffer.from(input.bytes).readInt8(2)", "-1"),
        ("Buffer.from(input.bytes).readUintBE(0, 3)", "66303"),
        ("Buffer.from(input.bytes).readIntLE(0, 3)", "-65023"),
        ("Buffer.from('0000c03f', 'hex').readFloatLE()", "1.5"),
        ("Buffer.from('ffffffffffffffff', 'hex').readBigUInt64BE(0)", "\"18446744073709551615\""),
        ("Buffer.from('0a0B0', 'hex').toString('hex')", "\"0a0b\""),
        ("Buffer.from('AQL_', 'base64').toString('hex')", "\"0102ff\""),
        ("Buffer.from(input.bytes).toString('base64')", "\"AQL/\""),
        ("Buffer.from(input.bytes).toString('base64url')", "\"AQL_\""),
        ("Buffer.from('é').length", "2"),
        ("Buffer.from('é', 'latin1').toString('hex')", "\"e9\""),
        ("Buffer.from('é', 'utf16le').toString('hex')", "\"e900\""),
        ("Buffer.from([0xff, 0x41]).toString()", "\"\u{fffd}A\""),
        ("Buffer.from([0xe9]).toString('ascii')", "\"i\""),
        ("new Buffer([1, 2]).slice(1).length", "1"),
        ("Buffer([1, 2]).length", "2"),
        (
            "(() => { const b = Buffer.alloc(4); b.slice(2).writeUInt16BE(258, 0); return b.toString('hex'); })()",
            "\"00000102\"",
        ),
        (
            "(() => { const b = Buffer.alloc(3); return [b.writeIntLE(-2, 0, 3), b.toString('hex')]; })()",
            "[3,\"feffff\"]",
        ),
        ("Buffer.concat([Buffer.from([1]), new Uint8Array([2])]).equals(Buffer.from([1, 2]))", "true"),
        ("Buffer.isBuffer(Buffer.alloc(1)) && !Buffer.isBuffer(new Uint8Array(1))", "true"),
        ("Buffer.alloc(1) instanceof Uint8Array && Buffer.alloc(1) instanceof Buffer", "true"),
        ("require('buffer').Buffer === Buffer", "true"),
        ("Buffer.from('abcabc').indexOf('ca')", "2"),
        ("Buffer.alloc(4, 'ab').toString()", "\"abab\""),
        ("Buffer.from(input.bytes).subarray(-1)[0]", "255"),
        ("[...Buffer.from([3, 4])]", "[3,4]"),
        (
            "(() => { try { Buffer.from([1]).readUInt16LE(0); } catch (e) { return [e.name, e.code]; } })()",
            r#"["RangeError","ERR_BUFFER_OUT_OF_BOUNDS"]"#,
        ),
        (
            "(() => { try { Buffer.from([1, 2, 3]).readUInt16LE(2); } catch (e) { return [e.name, e.code]; } })()",
            r#"["RangeError","ERR_OUT_OF_RANGE"]"#,
        ),
        ("Buffer.from([1, 2, 3, 4]).swap16().toString('hex')", "\"02010403\""),
        ("Buffer.compare(Buffer.from([1]), Buffer.from([2]))", "-1"),
        ("Buffer.byteLength('é')", "2"),
    ] {
        assert_eq!(value(expression), text, "{expression}");
    }
}

#[test]
fn digests_and_ciphers_are_those_of_their_standards() {
    for (expression, text) in [
        // RFC 1321, FIPS 180-4, RFC 2202 and 4231.
        ("createHash('md5').update('abc').digest('hex')", "900150983cd24fb0d6963f7d28e17f72"),
        ("createHash('sha1').update('a').update('bc').digest('hex')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "createHash('SHA-256').update(Buffer.from('abc')).digest('hex')",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            "createHmac('sha1', 'Jefe').update('what do ya want for nothing?').digest('hex')",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (
            "createHmac('sha256', 'Jefe').update('what do ya want for nothing?').digest('hex')",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        // NIST SP 800-38A, F.1.1, F.1.2, F.1.5, F.2.1, F.2.2 and F.5.1, the first two blocks.
        (
            "run('createCipheriv', 'aes-128-ecb', K, null, P)",
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf",
        ),
        (
            "run('createDecipheriv', 'aes-128-ecb', K, null, '3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf')",
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        ),
        (
            "run('createCipheriv', 'aes-128-cbc', K, V, P)",
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
        ),
        (
            "run('createDecipheriv', 'aes-128-cbc', K, V, '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2')",
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51",
        ),
        (
            "run('createCipheriv', 'aes-128-ctr', K, 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', P)",
            "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
        ),
        (
            "run('createCipheriv', 'aes-192-ecb', '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b', null, P.slice(0, 32))",
            "bd334f1d6e45f25ff712a214571fa5cc",
        ),
        (
            "run('createCipheriv', 'aes-256-ecb', '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', null, P.slice(0, 32))",
            "f3eed1bdb5d2a03c064b5a7e3db181f8",
        ),
        // A whole message in pieces, with padding, both ways.
        ("both('aes-128-cbc', V, 37)", "same"),
        ("both('aes-128-ecb', null, 32)", "same"),
        ("both('aes-256-ctr', V, 19)", "same"),
        ("failing(() => createDecipheriv('aes-128-cbc', hex(K), hex(V)).final())", "wrong final block length"),
        (
            "failing(() => createCipheriv('des-ecb', hex(K), null))",
            "Unknown cipher: des-ecb; here are aes-128/192/256-ecb, -cbc and -ctr",
        ),
        (
            "failing(() => createHash('nonsense').update('').digest())",
            "Digest method not supported: here are md5, sha1, sha256, sha384 and sha512",
        ),
        ("failing(() => randomBytes(4))", "nothing is random here: equal input gives equal output"),
    ] {
        let codec = format!(
            "const {{ createHash, createHmac, createCipheriv, createDecipheriv, randomBytes }} = require('crypto');
            const K = '2b7e151628aed2a6abf7158809cf4f3c', V = '000102030405060708090a0b0c0d0e0f';
            const P = '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51';
            const hex = (text) => Buffer.from(text, 'hex');
            function run(kind, name, key, iv, text) {{
                const cipher = require('node:crypto')[kind](name, hex(key), iv && hex(iv)).setAutoPadding(false);
                return cipher.update(text, 'hex', 'hex') + cipher.final('hex');
            }}
            function both(name, iv, size) {{
                const key = Buffer.alloc(parseInt(name.slice(4)) / 8, 7), plain = Buffer.alloc(size, 'some text');
                const to = createCipheriv(name, key, iv && hex(iv));
                const secret = Buffer.concat([to.update(plain.slice(0, 5)), to.update(plain.slice(5)), to.final()]);
                const from = createDecipheriv(name, key, iv && hex(iv));
                const again = Buffer.concat([from.update(secret.slice(0, 17)), from.update(secret.slice(17)), from.final()]);
                return again.equals(plain) ? 'same' : again.toString('hex');
            }}
            function failing(body) {{ try {{ body(); }} catch (error) {{ return error.message; }} }}
            function decodeUplink() {{ return {{ data: {expression} }}; }}"
        );
        let answer = ask(&codec, &[], 1);
        assert_eq!((answer.error, answer.data), (None, Some(format!("\"{text}\""))), "{expression}");
    }
}

#[test]
fn times_are_of_utc_and_the_clock_stands() {
    for (expression, text) in [
        ("new Date(2020, 0, 2, 3, 4, 5)", "\"2020-01-02T03:04:05.000Z\""),
        ("new Date('2020-01-02T03:04:05')", "\"2020-01-02T03:04:05.000Z\""),
        ("new Date('2020-01-02 03:04:05')", "\"2020-01-02T03:04:05.000Z\""),
        ("new Date('2020-01-02')", "\"2020-01-02T00:00:00.000Z\""),
        ("new Date('2020-01-02T03:04:05+02:00')", "\"2020-01-02T01:04:05.000Z\""),
        ("new Date('2 Jan 2020 03:04:05')", "\"2020-01-02T03:04:05.000Z\""),
        ("Date.parse('Thu, 02 Jan 2020 03:04:05 GMT')", "1577934245000"),
        ("[new Date(NaN)]", "[null]"),
        ("new Date(1577934245000).getHours()", "3"),
        ("new Date(1577934245000).getTimezoneOffset()", "0"),
        ("(() => { const d = new Date(0); d.setHours(5); d.setDate(3); return d; })()", "\"1970-01-03T05:00:00.000Z\""),
        ("new Date(1577934245000).toString()", "\"Thu Jan 02 2020 03:04:05 GMT+0000 (Coordinated Universal Time)\""),
        ("new Date(1577934245000).toLocaleString()", "\"1/2/2020, 3:04:05 AM\""),
        ("new Date(1577934245000).toLocaleDateString()", "\"1/2/2020\""),
        ("String(new Date(NaN))", "\"Invalid Date\""),
        ("new Date(new Date(7)).getTime()", "7"),
        ("new Date(0) instanceof Date && Date.name === 'Date'", "true"),
        ("(class D extends Date {}).name + new (class D extends Date {})(5).getTime()", "\"D5\""),
        ("[Date.now(), new Date().getTime(), typeof Date()]", "[0,0,\"string\"]"),
        (
            "typeof performance + typeof setTimeout + typeof fetch + typeof process + typeof std + typeof os",
            "\"undefinedundefinedundefinedundefinedundefinedundefined\"",
        ),
    ] {
        assert_eq!(value(expression), text, "{expression}");
    }
}

#[test]
fn equal_input_gives_equal_output() {
    let codec = Codec::new("function decodeUplink() { return { data: [Math.random(), Math.random(), Date.now()] }; }");
    let uplink = Uplink { bytes: &[], port: 1, received_at: None, variables: None };
    let first = codec.decode_uplink(&uplink);
    assert_eq!(codec.decode_uplink(&uplink), first);
    let elsewhere = std::thread::spawn(move || {
        codec.decode_uplink(&Uplink { bytes: &[], port: 1, received_at: None, variables: None })
    });
    assert_eq!(elsewhere.join().unwrap(), first);
    let values: [f64; 3] = serde_json::from_str(&first.data.unwrap()).unwrap();
    assert!(values[0] != values[1] && values[..2].iter().all(|value| (0.0..1.0).contains(value)));
}

#[test]
fn a_command_becomes_octets_and_a_port() {
    let codec = Codec::new(
        "function decodeUplink() { return { data: {} }; }
        function encodeDownlink(input) {
            if (!(input.data.seconds > 0)) return { errors: ['seconds must be positive'] };
            return { bytes: [1, input.data.seconds >> 8, input.data.seconds & 255], fPort: 2, warnings: ['rarely'] };
        }",
    );
    let downlink = codec.encode_downlink(r#"{"seconds":3600}"#, None).unwrap();
    assert_eq!((downlink.bytes, downlink.port, downlink.warnings), (vec![1, 14, 16], 2, vec!["rarely".to_owned()]));
    assert_eq!(codec.encode_downlink(r#"{"seconds":0}"#, None).unwrap_err().message, "seconds must be positive");
    let error = |text: &str| Codec::new(text).encode_downlink("{}", None).unwrap_err().message;
    assert!(error("function decodeUplink() {}").contains("no function encodeDownlink"));
    assert!(
        error("function encodeDownlink() { return { bytes: [300], fPort: 1 } }").contains("no bytes from 0 to 255")
    );
    assert!(
        error("function encodeDownlink() { return { bytes: [3], fPort: 1.5 } }").contains("no fPort from 1 to 223")
    );
    assert!(
        error("function encodeDownlink() { return { bytes: Array(243).fill(0), fPort: 1 } }").contains("at most 242")
    );
    assert!(error("function encodeDownlink() { for (;;) {} }").contains("time"));
    let typed = Codec::new("function encodeDownlink() { return { bytes: Buffer.from([1, 2]), fPort: 85 } }");
    assert_eq!(typed.encode_downlink("{}", None).unwrap().bytes, [1, 2]);
}
