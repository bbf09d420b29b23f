// What a payload codec finds around it, TS013-1.0.0 and the habits of the network servers before it: `exports`, `module`,
// `require`, `Buffer`, a silent `console`, and a clock that stands. It has no file, no network and no timer.
//
// The value of this script is a function of the native parts. It gives those that the gateway calls: they hold on to the
// built-in functions as they were before any codec ran.
(function (native, makeBuffer, makeCrypto) {
  'use strict';
  const { stringify, parse } = JSON;
  const { isArray } = Array;
  const RealError = Error;

  // The clock of a call: the time at which the frame came. Equal input gives equal output.
  let now = 0;
  steadyDate(() => now);

  // Random numbers are the same ones in every call.
  let seed = 1;
  Math.random = function random() {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) / 4294967296;
  };

  BigInt.prototype.toJSON = function toJSON() {
    return this.toString();
  };

  const { module: buffer, pack, unpack } = makeBuffer(native);
  const modules = { buffer, crypto: makeCrypto(native, buffer.Buffer, pack, unpack) };
  const silent = () => undefined;
  const module = { exports: {} };
  Object.assign(globalThis, {
    Buffer: buffer.Buffer,
    console: { log: silent, info: silent, warn: silent, error: silent, debug: silent, trace: silent, table: silent },
    exports: module.exports,
    global: globalThis,
    module,
    require: function require(name) {
      const found = modules[String(name).replace(/^node:/, '')];
      if (found === undefined) throw new RealError(`require("${name}"): only "buffer" and "crypto" are here`);
      return found;
    },
  });

  let decode, legacy, normalize, encode;

  // Takes the functions that the codec has defined: as globals, as its exports, or in an object `driver`.
  function bind(globals) {
    const places = [globals, module.exports, globalThis.exports, module.exports && module.exports.default, globals.driver];
    const find = (name) => {
      for (const place of places) {
        if (place !== null && place !== undefined && typeof place[name] === 'function') return place[name];
      }
      return undefined;
    };
    normalize = find('normalizeUplink');
    encode = find('encodeDownlink');
    decode = find('decodeUplink');
    if (decode !== undefined) return;
    const older = ['Decoder', 'Decode'].find((name) => find(name) !== undefined);
    if (older === undefined) return;
    const call = find(older);
    // Decoder(bytes, port) and Decode(fPort, bytes, variables) are the usual orders; names of parameters say otherwise.
    const names = /^[^(]*\(\s*([^,)]*),?\s*([^,)]*)/.exec(String(call)) || ['', '', ''];
    const isPort = (name) => /port/i.test(name);
    const portFirst = isPort(names[1]) || (older === 'Decode' && !isPort(names[2]));
    legacy = portFirst
      ? (bytes, port, variables) => call(port, bytes, variables)
      : (bytes, port, variables) => call(bytes, port, variables);
  }

  function begin(time) {
    now = time === undefined ? 0 : time;
    seed = 0x2545f491;
  }

  // JSON texts: data, errors, warnings, the normalized payload; undefined where there is none.
  function decodeUplink(bytes, fPort, time, variables) {
    begin(time);
    const told = variables === undefined ? {} : parse(variables);
    const errors = [];
    const warnings = [];
    let data;
    if (decode !== undefined) {
      const input = { bytes, fPort, variables: told };
      if (time !== undefined) input.recvTime = new Date(time);
      const output = answer(decode(input), 'decodeUplink');
      data = output.data;
      list(output.errors, errors);
      list(output.warnings, warnings);
    } else if (legacy !== undefined) {
      data = legacy(bytes, fPort, told);
    } else {
      throw new RealError('the codec has no function decodeUplink, Decoder or Decode');
    }
    const text = stringify(data);
    if ((text === undefined || text === 'null') && errors.length === 0) {
      errors.push('the codec gives neither data nor errors');
    }
    let normalized;
    if (normalize !== undefined && errors.length === 0) {
      try {
        const output = normalize({ data: parse(text) });
        if (output !== null && output !== undefined) {
          list(output.errors, errors);
          list(output.warnings, warnings);
          const found = output.data;
          normalized = stringify(isArray(found) ? found : found === undefined || found === null ? [] : [found]);
        }
      } catch (error) {
        errors.push(`normalizeUplink: ${tell(error)}`);
      }
    }
    return [text, texts(errors), texts(warnings), normalized];
  }

  // JSON texts: octets, port, errors, warnings.
  function encodeDownlink(data, variables) {
    begin(undefined);
    if (encode === undefined) throw new RealError('the codec has no function encodeDownlink');
    const output = answer(
      encode({ data: parse(data), variables: variables === undefined ? {} : parse(variables) }),
      'encodeDownlink',
    );
    const bytes = output.bytes === undefined ? undefined : stringify(Array.from(output.bytes));
    const errors = [];
    const warnings = [];
    list(output.errors, errors);
    list(output.warnings, warnings);
    return [bytes, stringify(output.fPort), texts(errors), texts(warnings)];
  }

  function answer(output, name) {
    if (output === null || typeof output !== 'object') {
      throw new TypeError(`${name} gives ${output === null ? 'null' : typeof output} where an object is due`);
    }
    if (typeof output.then === 'function') throw new TypeError(`${name} gives a promise; it must answer at once`);
    return output;
  }

  // Some list an empty text where nothing is wrong.
  const isNothing = (told) => told === undefined || told === null || told === false || told === '';

  function list(told, into) {
    if (isNothing(told)) return;
    if (!isArray(told)) into.push(tell(told));
    else for (let at = 0; at < told.length && at < 16; at += 1) if (!isNothing(told[at])) into.push(tell(told[at]));
  }

  const texts = (told) => (told.length === 0 ? undefined : stringify(told));

  // An exception, or whatever a codec has thrown or listed, in words.
  function tell(told) {
    try {
      if (typeof told === 'string') return told;
      if (told instanceof RealError) {
        const place = /codec:(\d+)/.exec(String(told.stack));
        const line = place === null ? '' : ` (line ${place[1]})`;
        return `${told.name}: ${told.message}${line}`;
      }
      const text = typeof told === 'object' ? stringify(told) : undefined;
      return text === undefined ? String(told) : text;
    } catch {
      return 'something that cannot be told in words';
    }
  }

  // The time zone is UTC, whatever that of the machine is, and the present is `clock()`.
  function steadyDate(clock) {
    const Real = Date;
    const of = Real.prototype;
    const parseReal = Real.parse;
    for (const part of ['Date', 'Day', 'FullYear', 'Hours', 'Milliseconds', 'Minutes', 'Month', 'Seconds']) {
      of[`get${part}`] = of[`getUTC${part}`];
      if (part !== 'Day') of[`set${part}`] = of[`setUTC${part}`];
    }
    // A text without a zone is a local one: of UTC here.
    const isoTime = /^\s*[+-]?\d{4,6}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?\s*$/;
    const isoDate = /^\s*[+-]?\d{4,6}(?:-\d\d(?:-\d\d)?)?\s*$/;
    const zoned = /(?:Z|UT|UTC|GMT|[ECMP][SD]T|[+-]\d\d:?\d\d)\s*(?:\(.*\))?\s*$/i;
    const parseText = (text) => {
      if (isoTime.test(text)) return parseReal(`${text.trim()}Z`);
      if (isoDate.test(text) || zoned.test(text)) return parseReal(text);
      const time = parseReal(`${text} UTC`);
      return time === time ? time : parseReal(text);
    };
    function Steady(...parts) {
      if (new.target === undefined) return new Real(clock()).toString();
      let time;
      if (parts.length === 0) time = clock();
      else if (parts.length > 1) time = Real.UTC(...parts);
      else if (parts[0] instanceof Real) time = Real.prototype.valueOf.call(parts[0]);
      else {
        const [part] = parts;
        const value = part !== null && typeof part === 'object' ? toPrimitive(part) : part;
        time = typeof value === 'string' ? parseText(value) : value;
      }
      return Reflect.construct(Real, [time], new.target);
    }
    const toPrimitive = (value) => {
      const plain = value.valueOf();
      return plain !== null && typeof plain === 'object' ? String(value) : plain;
    };
    Object.defineProperty(Steady, 'name', { value: 'Date' });
    Object.defineProperty(Steady, 'length', { value: 7 });
    Object.defineProperty(Steady, 'prototype', { value: of, writable: false });
    const define = (object, functions) => {
      for (const name of Object.keys(functions)) {
        Object.defineProperty(object, name, { value: functions[name], writable: true, configurable: true });
      }
    };
    define(Steady, { now: () => clock(), parse: (text) => parseText(String(text)), UTC: Real.UTC });
    const two = (number) => String(number).padStart(2, '0');
    const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
    const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
    const valid = (date, text) => (date.getTime() === date.getTime() ? text() : 'Invalid Date');
    const year = (date) => String(date.getUTCFullYear()).padStart(4, '0');
    const dateText = (date) =>
      `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${two(date.getUTCDate())} ${year(date)}`;
    const clockText = (date) => `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
    const zone = 'GMT+0000 (Coordinated Universal Time)';
    const localDate = (date) => `${date.getUTCMonth() + 1}/${date.getUTCDate()}/${date.getUTCFullYear()}`;
    const localTime = (date) => {
      const hours = date.getUTCHours();
      const rest = `${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
      return `${hours % 12 || 12}:${rest} ${hours < 12 ? 'AM' : 'PM'}`;
    };
    define(of, {
      constructor: Steady,
      getTimezoneOffset() { return this.getTime() * 0; },
      getYear() { return this.getUTCFullYear() - 1900; },
      toString() { return valid(this, () => `${dateText(this)} ${clockText(this)} ${zone}`); },
      toDateString() { return valid(this, () => dateText(this)); },
      toTimeString() { return valid(this, () => `${clockText(this)} ${zone}`); },
      toLocaleString() { return valid(this, () => `${localDate(this)}, ${localTime(this)}`); },
      toLocaleDateString() { return valid(this, () => localDate(this)); },
      toLocaleTimeString() { return valid(this, () => localTime(this)); },
    });
    globalThis.Date = Steady;
  }

  return { bind, decodeUplink, encodeDownlink, tell };
})
