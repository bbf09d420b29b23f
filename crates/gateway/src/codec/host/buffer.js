// `require("buffer")`: octets as Node.js has them.
(function (native) {
  'use strict';

  // Octets and a text whose units are octets: what the native parts take and give.
  function pack(octets) {
    let text = '';
    for (let at = 0; at < octets.length; at += 4096) {
      text += String.fromCharCode.apply(null, Uint8Array.prototype.subarray.call(octets, at, at + 4096));
    }
    return text;
  }
  function unpack(text) {
    const octets = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at += 1) octets[at] = text.charCodeAt(at);
    return octets;
  }

  function encodingOf(name) {
    const lower = name === undefined || name === null ? 'utf8' : String(name).toLowerCase();
    switch (lower) {
      case 'utf8': case 'utf-8': return 'utf8';
      case 'hex': case 'base64': case 'base64url': case 'ascii': return lower;
      case 'latin1': case 'binary': return 'latin1';
      case 'ucs2': case 'ucs-2': case 'utf16le': case 'utf-16le': return 'utf16le';
      default: throw new TypeError(`Unknown encoding: ${name}`);
    }
  }

  function octetsOf(value, name) {
    const text = String(value);
    const encoding = encodingOf(name);
    switch (encoding) {
      case 'latin1': case 'ascii': return unpack(text);
      case 'utf16le': {
        const octets = new Uint8Array(text.length * 2);
        for (let at = 0; at < text.length; at += 1) {
          octets[2 * at] = text.charCodeAt(at);
          octets[2 * at + 1] = text.charCodeAt(at) >> 8;
        }
        return octets;
      }
      default: return unpack(native.fromText(text.toWellFormed(), encoding));
    }
  }

  function textOf(octets, name) {
    const encoding = encodingOf(name);
    switch (encoding) {
      case 'latin1': return pack(octets);
      case 'ascii': return pack(octets.map((octet) => octet & 127));
      case 'utf16le': {
        let text = '';
        for (let at = 0; at + 1 < octets.length; at += 2) text += String.fromCharCode(octets[at] | octets[at + 1] << 8);
        return text;
      }
      default: return native.toText(pack(octets), encoding);
    }
  }

  class Buffer extends Uint8Array {
    static from(value, encodingOrOffset, length) {
      if (typeof value === 'string') return wrap(octetsOf(value, encodingOrOffset));
      if (value instanceof ArrayBuffer) return new Buffer(value, encodingOrOffset, length);
      if (value !== null && typeof value === 'object') {
        if (value.type === 'Buffer' && Array.isArray(value.data)) return Buffer.from(value.data);
        if (ArrayBuffer.isView(value) || typeof value.length === 'number') {
          const buffer = new Buffer(Math.min(Math.max(Math.trunc(value.length) || 0, 0), LIMIT));
          for (let at = 0; at < buffer.length; at += 1) buffer[at] = value[at];
          return buffer;
        }
        const plain = value.valueOf();
        if (plain !== value && plain !== null) return Buffer.from(plain, encodingOrOffset, length);
      }
      throw new TypeError('The first argument must be a string, a buffer or an array');
    }

    static of(...octets) { return Buffer.from(octets); }
    static alloc(size, fill, encoding) {
      const buffer = new Buffer(sized(size));
      return fill === undefined || fill === 0 ? buffer : buffer.fill(fill, encoding);
    }
    static allocUnsafe(size) { return new Buffer(sized(size)); }
    static allocUnsafeSlow(size) { return new Buffer(sized(size)); }
    static isBuffer(value) { return value instanceof Buffer; }
    static isEncoding(name) {
      try { encodingOf(String(name)); return true; } catch { return false; }
    }
    static byteLength(value, encoding) {
      return typeof value === 'string' ? octetsOf(value, encoding).length : value.byteLength;
    }
    static concat(list, total) {
      let size = 0;
      for (let at = 0; at < list.length; at += 1) size += list[at].length;
      const buffer = new Buffer(total === undefined ? size : sized(total));
      let at = 0;
      for (const part of list) {
        const fits = part.length > buffer.length - at ? part.subarray(0, buffer.length - at) : part;
        buffer.set(fits, at);
        at += fits.length;
      }
      return buffer;
    }
    static compare(a, b) { return Buffer.from(a).compare(b); }

    get parent() { return this.buffer; }
    get offset() { return this.byteOffset; }

    toString(encoding, start, end) {
      const part = start === undefined && end === undefined ? this : this.subarray(start, end);
      return textOf(part, encoding);
    }
    toLocaleString(encoding, start, end) { return this.toString(encoding, start, end); }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    equals(other) { return this.compare(other) === 0; }
    compare(other) {
      const shared = Math.min(this.length, other.length);
      for (let at = 0; at < shared; at += 1) if (this[at] !== other[at]) return this[at] < other[at] ? -1 : 1;
      return Math.sign(this.length - other.length);
    }
    // A slice of a buffer is a view of it, unlike that of other arrays.
    slice(start, end) { return this.subarray(start, end); }
    subarray(start, end) {
      const plain = Uint8Array.prototype.subarray.call(this, start, end);
      return new Buffer(plain.buffer, plain.byteOffset, plain.length);
    }
    copy(target, targetStart = 0, start = 0, end = this.length) {
      const part = Uint8Array.prototype.subarray.call(this, start, end);
      const fits = part.subarray(0, Math.max(0, target.length - targetStart));
      target.set(fits, targetStart);
      return fits.length;
    }
    write(text, offset, length, encoding) {
      if (typeof offset === 'string') [offset, encoding] = [0, offset];
      else if (typeof length === 'string') [length, encoding] = [undefined, length];
      const at = offset === undefined ? 0 : offset;
      const octets = octetsOf(text, encoding);
      const room = Math.min(length === undefined ? this.length - at : length, this.length - at);
      const fits = octets.subarray(0, Math.max(0, room));
      this.set(fits, at);
      return fits.length;
    }
    fill(value, start, end, encoding) {
      if (typeof value !== 'string' && !ArrayBuffer.isView(value)) {
        return Uint8Array.prototype.fill.call(this, value, start, end);
      }
      if (typeof start === 'string') [start, end, encoding] = [undefined, undefined, start];
      const octets = typeof value === 'string' ? octetsOf(value, encoding) : value;
      const part = Uint8Array.prototype.subarray.call(this, start, end);
      for (let at = 0; at < part.length; at += 1) part[at] = octets.length === 0 ? 0 : octets[at % octets.length];
      return this;
    }
    indexOf(value, from, encoding) {
      if (typeof value === 'number') return Uint8Array.prototype.indexOf.call(this, value & 255, from);
      if (typeof from === 'string') [from, encoding] = [0, from];
      const wanted = typeof value === 'string' ? octetsOf(value, encoding) : value;
      const start = from === undefined ? 0 : from < 0 ? Math.max(0, this.length + from) : from;
      for (let at = start; at + wanted.length <= this.length; at += 1) {
        let same = 0;
        while (same < wanted.length && this[at + same] === wanted[same]) same += 1;
        if (same === wanted.length) return at;
      }
      return -1;
    }
    includes(value, from, encoding) { return this.indexOf(value, from, encoding) !== -1; }
    swap16() { return swapped(this, 2); }
    swap32() { return swapped(this, 4); }
    swap64() { return swapped(this, 8); }
    readUIntBE(offset, length) { return readUnsigned(this, offset, length, false); }
    readUIntLE(offset, length) { return readUnsigned(this, offset, length, true); }
    readIntBE(offset, length) { return readSigned(this, offset, length, false); }
    readIntLE(offset, length) { return readSigned(this, offset, length, true); }
    writeUIntBE(value, offset, length) { return writeWhole(this, value, offset, length, false); }
    writeUIntLE(value, offset, length) { return writeWhole(this, value, offset, length, true); }
    writeIntBE(value, offset, length) { return writeWhole(this, value, offset, length, false); }
    writeIntLE(value, offset, length) { return writeWhole(this, value, offset, length, true); }
  }

  const LIMIT = 16 * 1024 * 1024;

  function sized(size) {
    if (typeof size !== 'number' || !(size >= 0 && size <= LIMIT)) throw new RangeError(`no size of a buffer: ${size}`);
    return Math.trunc(size);
  }

  function wrap(octets) {
    return new Buffer(octets.buffer, octets.byteOffset, octets.length);
  }

  function within(buffer, offset, length) {
    const at = offset === undefined ? 0 : offset;
    if (typeof at !== 'number') throw new TypeError('The "offset" argument must be of type number');
    if (!Number.isInteger(at) || at < 0 || at + length > buffer.length) {
      const error = new RangeError(
        length > buffer.length
          ? 'Attempt to access memory outside buffer bounds'
          : `The value of "offset" is out of range. It must be >= 0 and <= ${buffer.length - length}. Received ${at}`,
      );
      error.code = length > buffer.length ? 'ERR_BUFFER_OUT_OF_BOUNDS' : 'ERR_OUT_OF_RANGE';
      throw error;
    }
    return at;
  }

  function wholeLength(length) {
    if (!Number.isInteger(length) || length < 1 || length > 6) throw new RangeError(`no length of a number: ${length}`);
    return length;
  }

  function readUnsigned(buffer, offset, length, little) {
    const at = within(buffer, offset, wholeLength(length));
    let value = 0;
    for (let n = 0; n < length; n += 1) value = value * 256 + buffer[little ? at + length - 1 - n : at + n];
    return value;
  }

  function readSigned(buffer, offset, length, little) {
    const value = readUnsigned(buffer, offset, length, little);
    const half = 2 ** (8 * length - 1);
    return value < half ? value : value - 2 * half;
  }

  function writeWhole(buffer, value, offset, length, little) {
    const at = within(buffer, offset, wholeLength(length));
    let rest = Number(value);
    for (let n = 0; n < length; n += 1) {
      buffer[little ? at + n : at + length - 1 - n] = ((rest % 256) + 256) % 256;
      rest = Math.floor(rest / 256);
    }
    return at + length;
  }

  function swapped(buffer, size) {
    if (buffer.length % size !== 0) throw new RangeError(`Buffer size must be a multiple of ${size * 8}-bits`);
    for (let at = 0; at < buffer.length; at += size) Uint8Array.prototype.subarray.call(buffer, at, at + size).reverse();
    return buffer;
  }

  // readInt16LE and its kin, as a DataView has them.
  for (const [name, kind, size] of [
    ['Int8', 'Int8', 1], ['UInt8', 'Uint8', 1], ['Int16', 'Int16', 2], ['UInt16', 'Uint16', 2], ['Int32', 'Int32', 4],
    ['UInt32', 'Uint32', 4], ['Float', 'Float32', 4], ['Double', 'Float64', 8], ['BigInt64', 'BigInt64', 8],
    ['BigUInt64', 'BigUint64', 8],
  ]) {
    const get = DataView.prototype[`get${kind}`];
    const set = DataView.prototype[`set${kind}`];
    for (const order of size === 1 ? [''] : ['LE', 'BE']) {
      const little = order === 'LE';
      const read = function (offset) {
        const at = within(this, offset, size);
        return get.call(new DataView(this.buffer, this.byteOffset, this.byteLength), at, little);
      };
      const write = function (value, offset) {
        const at = within(this, offset, size);
        set.call(new DataView(this.buffer, this.byteOffset, this.byteLength), at, value, little);
        return at + size;
      };
      for (const [verb, value] of [['read', read], ['write', write]]) {
        for (const spelt of new Set([name, name.replace('UInt', 'Uint')])) {
          Object.defineProperty(Buffer.prototype, `${verb}${spelt}${order}`, { value, writable: true, configurable: true });
        }
      }
    }
  }
  for (const [name, spelt] of [['UIntBE', 'UintBE'], ['UIntLE', 'UintLE']]) {
    for (const verb of ['read', 'write']) {
      const value = Buffer.prototype[verb + name];
      Object.defineProperty(Buffer.prototype, verb + spelt, { value, writable: true, configurable: true });
    }
  }

  // Old codecs call it without `new`.
  const callable = new Proxy(Buffer, {
    apply: (_, __, [value, ...more]) => (typeof value === 'number' ? Buffer.alloc(value) : Buffer.from(value, ...more)),
    construct: (_, [value, ...more], target) => {
      const isView = value instanceof ArrayBuffer || typeof value === 'number' || target !== callable;
      return isView ? Reflect.construct(Buffer, [value, ...more], target) : Buffer.from(value, ...more);
    },
  });
  Buffer.prototype.constructor = callable;
  return { module: { Buffer: callable, SlowBuffer: callable, kMaxLength: LIMIT, INSPECT_MAX_BYTES: 50 }, pack, unpack };
})
