// Calls as the contract has them, from what a plan passes.

import { Check, maybe } from "./check.js";
import { parent } from "./message.js";

export const ROLES = ["system", "user", "assistant", "tool", "raw"];
export const PARTS = ["whole", "open", "middle", "close"];

const VIEW = ["role", "name", "parents", "offset", "maySee", "onViolation"];
const MESSAGE = [...VIEW, "part", "labels"];
const SAMPLING = [
  "maxTokens", "temperature", "topP", "topK", "minP", "repetitionPenalty", "seed", "stop", "constraint", "topLogprobs",
];

/** What all three kinds of call have. */
function speaker(check, { role, name, parents, offset, maySee, onViolation }, usual) {
  return {
    role: check.one("role", role ?? usual, ROLES),
    name: maybe(name, (name) => check.string("name", name)),
    view: {
      parents: check.list("parents", parents ?? []).map((value) => parent(check, value)),
      offset: maybe(offset, (offset) => check.whole("offset", offset)),
      maySee: maybe(maySee, (labels) => check.strings("maySee", labels)),
      onViolation: check.one("onViolation", onViolation ?? "fail", ["fail", "reencode"]),
    },
  };
}

/** What messages have that stay. */
function message(check, options, usual) {
  return {
    ...speaker(check, options, usual),
    part: check.one("part", options.part ?? "whole", PARTS),
    labels: check.strings("labels", options.labels ?? []),
  };
}

export function prefillCall(where, text, given) {
  const check = new Check(where);
  const options = check.options(given, MESSAGE);
  return { ...message(check, options, "user"), text: check.string("text", text) };
}

export function decodeCall(where, header, given) {
  const check = new Check(where);
  const options = check.options(given, [...MESSAGE, ...SAMPLING]);
  const whole = (name, most) => maybe(options[name], (value) => check.whole(name, value, most));
  const number = (name) => maybe(options[name], (value) => check.number(name, value));
  return {
    ...message(check, options, "assistant"),
    header: check.string("header", header),
    options: {
      maxTokens: whole("maxTokens"),
      temperature: number("temperature"),
      topP: number("topP"),
      topK: whole("topK"),
      minP: number("minP"),
      repetitionPenalty: number("repetitionPenalty"),
      seed: whole("seed"),
      stop: check.strings("stop", options.stop ?? []),
      constraint: maybe(options.constraint, (value) => constraint(check, value)),
      topLogprobs: whole("topLogprobs", 255) ?? 0,
    },
  };
}

export function scoreCall(where, header, candidates, given) {
  const check = new Check(where);
  const options = check.options(given, [...VIEW, "withEnd"]);
  return {
    ...speaker(check, options, "assistant"),
    header: check.string("header", header),
    candidates: check.strings("candidates", candidates),
    withEnd: check.boolean("withEnd", options.withEnd ?? false),
  };
}

/** `{ oneOf: [TEXT…] }`, `{ regex: TEXT }` or `{ jsonSchema: SCHEMA }`, a text or an object. */
function constraint(check, value) {
  const [kind, ...more] = Object.keys(Object(value));
  if (more.length === 0 && kind === "oneOf") {
    return { tag: "one-of", val: check.strings("constraint.oneOf", value.oneOf) };
  }
  if (more.length === 0 && kind === "regex") return { tag: "regex", val: check.string("constraint.regex", value.regex) };
  if (more.length === 0 && kind === "jsonSchema") {
    const schema = value.jsonSchema;
    const text = typeof schema === "object" && schema !== null ? JSON.stringify(schema) : schema;
    return { tag: "json-schema", val: check.string("constraint.jsonSchema", text) };
  }
  throw check.wrong("constraint", "{ oneOf: […] }, { regex: … } or { jsonSchema: … }", value);
}
