// Messages that are being decoded while the plan goes on, and the one place where a
// plan waits for them: all that are awaited wait together.

import { Check } from "./check.js";
import { ask, contract, drop } from "./host.js";
import { Decoded } from "./message.js";

/** Decodings that somebody awaits. */
const awaited = new Set();

/** Called when there is something to wait for; an engine with promises of its own sets it. */
export const awaiting = { notice() {} };

/**
 * A message being decoded. `await` gives the finished message, `for await` its text
 * in pieces, whose whole is the text, header included.
 */
export class Decoding {
  #pending;
  /** Pieces that have come and were not read. */
  #pieces = [];
  /** How it ended: `{ value }` or `{ error }`. */
  #end;
  #finished;
  #settle;
  /** Readers that wait for a piece. */
  #readers = [];

  constructor(pending) {
    this.#pending = pending;
  }

  /** One that could not start. */
  static failed(error) {
    const decoding = new Decoding();
    decoding.#end = { error };
    return decoding;
  }

  /** The finished message, as a promise. */
  finished() {
    if (this.#finished === undefined) {
      this.#finished = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
      if (this.#end) this.#tell();
      else this.#wait();
    }
    return this.#finished;
  }

  then(fulfilled, rejected) {
    return this.finished().then(fulfilled, rejected);
  }

  catch(rejected) {
    return this.finished().catch(rejected);
  }

  finally(done) {
    return this.finished().finally(done);
  }

  [Symbol.asyncIterator]() {
    return { next: () => this.#piece(), [Symbol.asyncIterator]() { return this; } };
  }

  #piece() {
    if (this.#pieces.length > 0) return Promise.resolve({ value: this.#pieces.shift(), done: false });
    if (this.#end) return this.#end.error ? Promise.reject(this.#end.error) : Promise.resolve({ value: undefined, done: true });
    this.#wait();
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
  }

  /** New text since the last read, or null at the end. The plan stands still until there is some. */
  read() {
    if (this.#pieces.length > 0) return this.#pieces.shift();
    if (!this.#end) {
      const text = ask(() => this.#pending.read());
      if (text !== null && text !== undefined) return text;
      this.finish();
    }
    if (this.#end.error) throw this.#end.error;
    return null;
  }

  /** The finished message. The plan stands still until it is there. */
  finish() {
    return this.#complete(() => this.#pending.finish());
  }

  /** Ends the message now and keeps what it has. */
  cancel() {
    return this.#complete(() => this.#pending.cancel());
  }

  /** Gives it up: it is cancelled, and cannot be named. */
  [Symbol.dispose ?? Symbol.for("dispose")]() {
    if (!this.#end) this.#ends({ error: new Error("the decoding was given up") });
  }

  #complete(last) {
    if (!this.#end) {
      try {
        const found = ask(last);
        this.#ends({ value: new Decoded(found) });
      } catch (error) {
        this.#ends({ error });
      }
    }
    if (this.#end.error) throw this.#end.error;
    return this.#end.value;
  }

  #ends(end) {
    this.#end = end;
    awaited.delete(this);
    drop(this.#pending);
    if (this.#settle) this.#tell();
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (end.error) reject(end.error);
      else resolve({ value: undefined, done: true });
    }
  }

  #tell() {
    if (this.#end.error) this.#settle.reject(this.#end.error);
    else this.#settle.resolve(this.#end.value);
  }

  #wait() {
    awaited.add(this);
    awaiting.notice();
  }

  /** What the host says is ready is taken. */
  #advance(until) {
    try {
      if (until === "finished") return void this.finish();
      const text = ask(() => this.#pending.read());
      if (text === null || text === undefined) return void this.finish();
      const reader = this.#readers.shift();
      if (reader) reader.resolve({ value: text, done: false });
      else this.#pieces.push(text);
      if (!this.#settle && this.#readers.length === 0) awaited.delete(this);
    } catch (error) {
      // Whoever awaits it is told.
      if (!this.#end) this.#ends({ error });
    }
  }

  /** Waits until something that is awaited can go on. False: nothing is awaited. */
  static wait() {
    const all = [...awaited];
    if (all.length === 0) return false;
    const until = all.some((decoding) => decoding.#readers.length > 0) ? "text" : "finished";
    const pendings = all.map((decoding) => decoding.#pending);
    for (const index of ask(() => contract.waitAny(pendings, until, null))) all[index].#advance(until);
    return true;
  }

  /** The indexes of those that have new text, or have finished; see the contract. */
  static ready(decodings, until, timeout) {
    const check = new Check("waitAny");
    const list = check.list("decodings", decodings);
    const foreign = list.find((decoding) => !(decoding instanceof Decoding));
    if (foreign !== undefined) throw check.wrong("decodings", "what decode has given", foreign);
    const ended = list.flatMap((decoding, index) => (decoding.#end || decoding.#pieces.length > 0 ? [index] : []));
    if (ended.length > 0) return ended;
    const pendings = list.map((decoding) => decoding.#pending);
    return [...ask(() => contract.waitAny(pendings, until, timeout))];
  }
}
