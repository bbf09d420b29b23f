// `require("crypto")`: the digests and AES modes that codecs use, as Node.js has them. Nothing random.
(function (native, Buffer, pack, unpack) {
  'use strict';
  const aes = (key, blocks, encrypts) => unpack(native.aes(pack(key), pack(blocks), encrypts));
  const BLOCK = 16;
  const octets = (value, encoding) => (typeof value === 'string' ? Buffer.from(value, encoding) : Buffer.from(value));
  const given = (buffer, encoding) => (encoding === undefined ? buffer : buffer.toString(encoding));

  class Digest {
    #parts = [];
    #finish;
    constructor(finish) { this.#finish = finish; }
    update(data, encoding) {
      this.#parts.push(octets(data, encoding));
      return this;
    }
    digest(encoding) {
      return given(Buffer.from(this.#finish(Buffer.concat(this.#parts))), encoding);
    }
  }

  // CBC, CTR and ECB of NIST SP 800-38A over the cipher's blocks.
  class Cipher {
    #key; #mode; #chain; #encrypts;
    #pads = true;
    #pending = Buffer.alloc(0);
    constructor(algorithm, key, iv, encrypts) {
      const [, bits, mode] = /^aes-?(128|192|256)-(ecb|cbc|ctr)$/i.exec(algorithm) || [];
      if (mode === undefined) throw new Error(`Unknown cipher: ${algorithm}; here are aes-128/192/256-ecb, -cbc and -ctr`);
      this.#key = octets(key);
      this.#mode = mode.toLowerCase();
      this.#encrypts = encrypts;
      if (this.#key.length * 8 !== Number(bits)) throw new RangeError('Invalid key length');
      const vector = iv === null || iv === undefined ? Buffer.alloc(0) : octets(iv);
      if (vector.length !== (this.#mode === 'ecb' ? 0 : BLOCK)) throw new TypeError('Invalid initialization vector');
      this.#chain = Buffer.from(vector);
    }
    setAutoPadding(pads = true) {
      this.#pads = Boolean(pads);
      return this;
    }
    update(data, encoding, outputEncoding) {
      const all = Buffer.concat([this.#pending, octets(data, encoding)]);
      let whole = all.length - (all.length % BLOCK);
      // The last block of what is decrypted may hold the padding.
      if (!this.#encrypts && this.#pads && this.#mode !== 'ctr' && whole === all.length && whole > 0) whole -= BLOCK;
      this.#pending = Buffer.from(all.subarray(whole));
      return given(this.#blocks(all.subarray(0, whole)), outputEncoding);
    }
    final(encoding) {
      const rest = this.#pending;
      this.#pending = Buffer.alloc(0);
      return given(this.#last(rest), encoding);
    }
    #last(rest) {
      if (this.#mode === 'ctr') {
        return this.#blocks(Buffer.concat([rest, Buffer.alloc(BLOCK)], BLOCK)).subarray(0, rest.length);
      }
      if (this.#encrypts && this.#pads) {
        const fill = BLOCK - rest.length;
        return this.#blocks(Buffer.concat([rest, Buffer.alloc(fill, fill)]));
      }
      if (rest.length === 0 && !this.#pads) return rest;
      if (rest.length !== BLOCK) throw new Error('wrong final block length');
      const plain = this.#blocks(rest);
      if (!this.#pads) return plain;
      const fill = plain[BLOCK - 1];
      if (fill < 1 || fill > BLOCK || plain.subarray(BLOCK - fill).some((octet) => octet !== fill)) {
        throw new Error('bad decrypt');
      }
      return plain.subarray(0, BLOCK - fill);
    }
    #blocks(input) {
      if (input.length === 0) return Buffer.alloc(0);
      if (this.#mode === 'ecb') return Buffer.from(aes(this.#key, input, this.#encrypts));
      const output = Buffer.alloc(input.length);
      if (this.#mode === 'cbc' && !this.#encrypts) output.set(aes(this.#key, input, false));
      for (let at = 0; at < input.length; at += BLOCK) {
        const block = input.subarray(at, at + BLOCK);
        const into = output.subarray(at, at + BLOCK);
        if (this.#mode === 'ctr') {
          into.set(aes(this.#key, this.#chain, true));
          mix(into, block);
          for (let digit = BLOCK - 1; digit >= 0; digit -= 1) {
            this.#chain[digit] += 1;
            if (this.#chain[digit] !== 0) break;
          }
        } else if (this.#encrypts) {
          mix(this.#chain, block);
          into.set(aes(this.#key, this.#chain, true));
          this.#chain = Buffer.from(into);
        } else {
          mix(into, this.#chain);
          this.#chain = Buffer.from(block);
        }
      }
      return output;
    }
  }

  function mix(into, other) {
    for (let at = 0; at < into.length; at += 1) into[at] ^= other[at];
  }

  const nothingRandom = () => {
    throw new Error('nothing is random here: equal input gives equal output');
  };

  return {
    createHash: (name) => new Digest((data) => unpack(native.digest(String(name), pack(data)))),
    createHmac: (name, key) => {
      const secret = octets(key);
      return new Digest((data) => unpack(native.hmac(String(name), pack(secret), pack(data))));
    },
    createCipheriv: (algorithm, key, iv) => new Cipher(algorithm, key, iv, true),
    createDecipheriv: (algorithm, key, iv) => new Cipher(algorithm, key, iv, false),
    getHashes: () => ['md5', 'sha1', 'sha256', 'sha384', 'sha512'],
    timingSafeEqual: (a, b) => Buffer.from(a).equals(Buffer.from(b)),
    randomBytes: nothingRandom,
    randomInt: nothingRandom,
    randomUUID: nothingRandom,
  };
})
