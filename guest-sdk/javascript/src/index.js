// What the author of a plan imports: `import { decode, prefill } from "choreo"`.
// index.d.ts has the types and says what each function does.

import { log as write } from "choreo:host/log@0.1.0";

import { PARTS, ROLES, decodeCall, prefillCall, scoreCall } from "./call.js";
import { Check, maybe } from "./check.js";
import { Decoding } from "./decoding.js";
import { ChoreoError, failure } from "./error.js";
import { ask, contract } from "./host.js";
import { Decoded, Message, ids, placed } from "./message.js";

export * from "./error.js";
export { Decoded, Decoding, Message };

const LEVELS = ["debug", "info", "warn", "error"];

/** A list of calls, each made of an object whose fields in `apart` are no options. */
function list(name, calls, apart, make) {
  return new Check(name).list("the first argument", calls).map((call, index) => {
    const where = `${name}, call ${index} of the list`;
    if (typeof call !== "object" || call === null) throw new Check(where).wrong("a call", "an object", call);
    const options = { ...call };
    for (const field of apart) delete options[field];
    return make(where, call, options);
  });
}

export function prefill(text, options) {
  const call = prefillCall("prefill", text, options);
  return new Message(ask(() => contract.prefill([call]))[0]);
}

export function prefillAll(calls) {
  const made = list("prefillAll", calls, ["text"], (where, { text }, options) => prefillCall(where, text, options));
  return [...ask(() => contract.prefill(made))].map((id) => new Message(id));
}

export function decode(header, options) {
  const call = decodeCall("decode", header, options);
  try {
    return new Decoding(ask(() => contract.startDecode([call]))[0]);
  } catch (error) {
    if (error instanceof ChoreoError) return Decoding.failed(error);
    throw error;
  }
}

export function decodeNow(header, options) {
  return all([decodeCall("decodeNow", header, options)])[0];
}

const decodeCalls = (name, calls) =>
  list(name, calls, ["header"], (where, { header }, options) => decodeCall(where, header ?? "", options));

export function startAll(calls) {
  const made = decodeCalls("startAll", calls);
  return [...ask(() => contract.startDecode(made))].map((pending) => new Decoding(pending));
}

export function decodeEach(calls) {
  return each(decodeCalls("decodeEach", calls));
}

export function decodeAll(calls) {
  return all(decodeCalls("decodeAll", calls));
}

function each(calls) {
  const lanes = [...ask(() => contract.decode(calls))];
  return lanes.map(({ tag, val }, index) => (tag === "ok" ? new Decoded(val) : failure(val, index)));
}

function all(calls) {
  const lanes = each(calls);
  const failed = lanes.find((lane) => lane instanceof ChoreoError);
  if (failed) throw failed;
  return lanes;
}

export function waitAny(decodings, { until = "finished", timeoutMs } = {}) {
  const check = new Check("waitAny");
  check.one("until", until, ["text", "finished"]);
  return Decoding.ready(decodings, until, maybe(timeoutMs, (value) => check.whole("timeoutMs", value)));
}

export function score(header, candidates, options) {
  const call = scoreCall("score", header, candidates, options);
  return [...ask(() => contract.score([call]))[0]];
}

export function scoreAll(calls) {
  const made = list("scoreAll", calls, ["header", "candidates"], (where, { header, candidates }, options) =>
    scoreCall(where, header, candidates, options));
  return [...ask(() => contract.score(made))].map((scores) => [...scores]);
}

/** Of a list a list, of one message one answer. */
function about(name, messages, answer, shown = (found) => found) {
  const several = typeof messages === "object" && typeof messages?.[Symbol.iterator] === "function";
  const found = [...answer(ids(new Check(name), several ? messages : [messages]))].map(shown);
  return several ? found : found[0];
}

export function text(messages) {
  return about("text", messages, (ids) => ask(() => contract.text(ids)));
}

export function describe(messages) {
  return about("describe", messages, (ids) => ask(() => contract.describe(ids)), (found) => ({
    ...found,
    name: found.name ?? undefined,
    parents: [...found.parents].map(placed),
  }));
}

export function release(messages) {
  about("release", messages, (ids) => {
    ask(() => contract.release(ids));
    return [];
  });
}

export function countTokens(texts, given) {
  const check = new Check("countTokens");
  const { role = "user", part = "whole" } = check.options(given, ["role", "part"]);
  const checked = check.strings("texts", typeof texts === "string" ? [texts] : texts);
  const counts = [...ask(() => contract.countTokens(check.one("role", role, ROLES), check.one("part", part, PARTS), checked))];
  return typeof texts === "string" ? counts[0] : counts;
}

export function remaining() {
  return [...contract.remaining()].map(({ name, left }) => ({ name, left: Number(left) }));
}

export function limit(name, left) {
  const check = new Check("limit");
  check.string("name", name);
  if (!Number.isSafeInteger(left) || left < 0) throw check.wrong("left", "a whole number", left);
  // Engines differ in what a 64-bit number is to them.
  const wide = typeof contract.remaining()[0]?.left === "bigint";
  ask(() => contract.limit({ name, left: wide ? BigInt(left) : left }));
}

export function model() {
  const { name, context, roles } = contract.model();
  return { name, context, roles: [...roles] };
}

export function log(text, level = "info") {
  const check = new Check("log");
  write(check.one("level", level, LEVELS), check.string("text", text));
}
