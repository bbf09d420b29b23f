//! Scripts that do what no codec should: each is an answer, in bounded time and memory.
#![cfg(feature = "codec")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use esh_gateway::codec::{Answer, Codec, Uplink};

/// What a codec whose function has that body makes of one octet.
fn decode(body: &str) -> Answer {
    let codec = Codec::new(&format!("function decodeUplink(input) {{\n{body}\n}}"));
    codec.decode_uplink(&Uplink { bytes: &[7], port: 1, received_at: None, variables: None })
}

/// The reason and the message of what must not succeed.
fn refused(body: &str) -> (&'static str, String) {
    let answer = decode(body);
    let Some(error) = answer.error else { panic!("{body}: {:?}", answer.data.map(|data| data.len())) };
    (error.reason.word(), error.message)
}

#[test]
fn what_takes_too_much_is_stopped() {
    for body in [
        // Time.
        "for (;;) {}",
        "for (;;) { try { for (;;) {} } catch (e) {} finally { for (;;) {} } }",
        "try { for (;;) {} } finally { return { data: {} } }",
        "while (true) { input = [input] && 1 }",
        "return { data: { toJSON() { for (;;) {} } } }",
        "return { get data() { for (;;) {} } }",
        "return { data: {}, errors: new Proxy([], { get() { for (;;) {} } }) }",
        "return { data: /(a+)+$/.test('a'.repeat(40) + 'b') }",
        "return { data: /(?=((a|b)+))\\1c/.exec('ab'.repeat(5000)) }",
        "return { data: [].indexOf.call({ length: 2 ** 53 - 1 }, 1) }",
        "return { data: [].includes.call({ length: 2 ** 53 - 1 }, 1) }",
        "return { data: [].lastIndexOf.call({ length: 2 ** 53 - 1 }, 1) }",
        "return { data: [].every.call({ length: 2 ** 53 - 1 }, Boolean) }",
        "return { data: [].reverse.call({ length: 2 ** 53 - 1 }) }",
        "return { data: [].copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1) }",
        "return { data: [].unshift.call({ length: 2 ** 53 - 3 }, 1) }",
        "return { data: [].shift.call({ length: 2 ** 53 - 1 }) }",
        "return { data: [].splice.call({ length: 2 ** 53 - 1 }, 0, 1) }",
        "return { data: [].reduce.call({ length: 2 ** 53 - 1 }, Boolean) }",
        "return { data: [].findLast.call({ length: 2 ** 53 - 1 }, (x) => x) }",
        "return { data: [].slice.call({ length: 2 ** 53 - 1 }, 0, 2 ** 31).length }",
        "return { data: [].concat.call(Object.assign([], { length: 2 ** 32 - 1 })).length }",
        "const a = []; a.length = 2 ** 32 - 1; return { data: a.sort().length }",
        "const a = []; a.length = 2 ** 32 - 1; return { data: a.flat().length }",
        "const a = []; a.length = 2 ** 32 - 1; return { data: a.toString().length }",
        "const a = []; a.length = 2 ** 32 - 1; return { data: a.indexOf(1) }",
        "const a = []; a.length = 2 ** 32 - 1; return { data: a }",
        "const s = 'a'.repeat(4e6); return { data: s.indexOf('a'.repeat(2e6) + 'b') }",
        "const s = 'a'.repeat(4e6); return { data: s.lastIndexOf('b' + 'a'.repeat(2e6)) }",
        "const s = 'a'.repeat(4e6); return { data: s.includes('a'.repeat(2e6) + 'b') }",
        "const s = 'a'.repeat(4e6); return { data: s.split('a'.repeat(2e6) + 'b').length }",
        "const s = 'a'.repeat(4e6); return { data: s.replaceAll('a'.repeat(2e6) + 'b', '').length }",
        "const s = 'a'.repeat(4e6); return { data: s.replace('a'.repeat(2e6) + 'b', '').length }",
        "return { data: String((2n ** 1000000n) ** 1n).length }",
        "let n = 3n ** 600000n; return { data: String(n * n * n) }",
        "return { data: String(BigInt('9'.repeat(300000)) % 7n) }",
        "return { data: String.raw({ raw: { length: 2 ** 53 - 1 } }) }",
        "return { data: Object.keys(new Uint8Array(8e6)).length }",
        "return { data: Buffer.alloc(8e6).indexOf(Buffer.alloc(4e6, 1)) }",
        "return { data: new Uint8Array(8e6).sort((a, b) => a - b).length }",
        "return { data: require('crypto').createHash('sha256').update('x'.repeat(6e6)).digest('hex') + 1 }",
        "return { data: JSON.parse('['.repeat(1e6)) }",
        "return { data: eval('('.repeat(1e6)) }",
        "return { data: new Function('for(;;);')() }",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
        "return { data: parseFloat('9'.repeat(8e6)) }",
        "return { data: Number('0x' + 'f'.repeat(7e6)) }",
        "return { data: (1.5).toString(2).padEnd(8e6).normalize('NFKD').length }",
        "return { data: 'ǆ'.repeat(2e6).toLocaleUpperCase().localeCompare('ǆ'.repeat(2e6)) }",
        "return { data: encodeURIComponent('é'.repeat(2e6)).length + decodeURIComponent('%41'.repeat(2e6)).length + 1 }",
    ] {
        if std::env::var("ESH_ONE").is_ok_and(|one| !body.contains(&one)) { continue; }
        let began = std::time::Instant::now();
        let answer = decode(body);
        eprintln!("{:>9.0?} {:<70} {:?} {:?}", began.elapsed(), body, answer.error.map(|error| error.message), answer.data.map(|data| data.chars().take(30).collect::<String>()));
    }
}
