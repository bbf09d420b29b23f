// The engine looks at its clock between steps of a script and in most of its own loops. The built-in functions here have
// loops in which it does not: what would let them run for hours is refused, so that the clock is always looked at.
(function () {
  'use strict';
  const { isArray } = Array;
  const { apply } = Reflect;
  const ofArray = Array.prototype;
  const ofString = String.prototype;
  const objectToString = Object.prototype.toString;

  // Elements of an array, and steps of a search in a text.
  const ELEMENTS = 1e6;
  const STEPS = 1e8;

  function define(object, name, value) {
    Object.defineProperty(value, 'name', { value: name });
    Object.defineProperty(object, name, { value, writable: true, configurable: true });
  }

  function within(array) {
    if (array.length > ELEMENTS) throw new RangeError(`an array of ${array.length} elements is too long for this`);
    return array;
  }

  // What is like an array becomes one, element by element.
  function copied(like) {
    const array = [];
    const from = Object(like);
    const length = Math.trunc(Number(from.length)) || 0;
    for (let at = 0; at < length; at += 1) if (at in from) array[at] = from[at];
    if (length > array.length) array.length = Math.min(length, ELEMENTS + 1);
    return array;
  }

  for (const name of ['slice', 'join']) {
    const native = ofArray[name];
    define(ofArray, name, function (...told) {
      return apply(native, within(isArray(this) ? this : copied(this)), told);
    });
  }
  for (const name of ['reverse', 'copyWithin', 'unshift', 'shift', 'splice', 'sort', 'fill']) {
    const native = ofArray[name];
    define(ofArray, name, function (...told) {
      if (!isArray(this)) throw new TypeError(`${name} is for arrays alone`);
      return apply(native, within(this), told);
    });
  }
  const { concat } = ofArray;
  define(ofArray, 'concat', function (...told) {
    if (isArray(this)) within(this);
    for (let at = 0; at < told.length; at += 1) if (isArray(told[at])) within(told[at]);
    return apply(concat, this, told);
  });
  define(ofArray, 'toString', function () {
    return this !== null && this !== undefined && typeof this.join === 'function' ? this.join() : apply(objectToString, this, []);
  });
  define(ofArray, 'toLocaleString', function () {
    let text = '';
    for (let at = 0; at < this.length; at += 1) {
      const value = this[at];
      text += (at === 0 ? '' : ',') + (value === null || value === undefined ? '' : value.toLocaleString());
    }
    return text;
  });
  function flatten(from, depth, into) {
    for (let at = 0; at < from.length; at += 1) {
      if (!(at in from)) continue;
      const value = from[at];
      if (depth > 0 && isArray(value)) flatten(value, depth - 1, into);
      else into.push(value);
    }
    return into;
  }
  define(ofArray, 'flat', function (depth = 1) {
    return flatten(this, Number(depth) || 0, []);
  });
  const { map } = ofArray;
  define(ofArray, 'flatMap', function (each, thisValue) {
    return flatten(apply(map, this, [each, thisValue]), 1, []);
  });

  function searched(text, wanted) {
    if (text.length * wanted.length > STEPS) throw new RangeError('a search in so long a text is refused');
    return wanted;
  }
  for (const name of ['indexOf', 'lastIndexOf', 'includes']) {
    const native = ofString[name];
    define(ofString, name, function (wanted, ...told) {
      if (this === null || this === undefined || wanted instanceof RegExp) return apply(native, this, [wanted, ...told]);
      const text = typeof this === 'string' ? this : String(this);
      return apply(native, text, [searched(text, String(wanted)), ...told]);
    });
  }
  for (const [name, symbol] of [['split', Symbol.split], ['replace', Symbol.replace], ['replaceAll', Symbol.replace]]) {
    const native = ofString[name];
    define(ofString, name, function (wanted, ...told) {
      const itself = wanted === undefined || (wanted !== null && typeof wanted === 'object' && typeof wanted[symbol] === 'function');
      if (this === null || this === undefined || itself) return apply(native, this, [wanted, ...told]);
      const text = typeof this === 'string' ? this : String(this);
      return apply(native, text, [searched(text, String(wanted)), ...told]);
    });
  }
  define(String, 'raw', function ({ raw }, ...values) {
    let text = '';
    for (let at = 0; at < raw.length; at += 1) {
      text += String(raw[at]) + (at + 1 < raw.length && at < values.length ? String(values[at]) : '');
    }
    return text;
  });

  // Younger than the codecs that are published, and with loops of the same kind.
  if (typeof Iterator === 'function') {
    for (const name of Object.getOwnPropertyNames(Iterator.prototype)) {
      if (name !== 'constructor') delete Iterator.prototype[name];
    }
    delete globalThis.Iterator;
  }
  // A proxy may say that it has another length each time it is asked.
  delete globalThis.Proxy;
})
