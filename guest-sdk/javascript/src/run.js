// A plan's `run` from the outside: one call that gives a text or throws one.

import { remaining } from "choreo:host/choreo@0.1.0";
import { log } from "choreo:host/log@0.1.0";

import { console } from "./console.js";
import { Decoding, awaiting } from "./decoding.js";
import { PlanError } from "./error.js";
import * as own from "./promise.js";

/** Turns of an engine's own promises after which nothing goes on but by waiting. */
const TURNS = 64;

globalThis.console ??= console;

/** Has this library's promises stand for the engine's. */
export function ownPromises() {
  globalThis.Promise = own.Promise;
  globalThis.queueMicrotask = own.later;
}

/** Has the engine's own promises wait for the host. */
export function enginePromises() {
  let waiting = false;
  awaiting.notice = async () => {
    if (waiting) return;
    waiting = true;
    for (let turn = 0; turn < TURNS; turn++) await null;
    waiting = false;
    if (Decoding.wait()) awaiting.notice();
  };
}

/** Calls the plan, and waits for what it gives. Throws a text. */
export function runToEnd(call, lines) {
  try {
    let end = { value: call() };
    if (end.value instanceof own.Promise) {
      const promise = end.value;
      end = undefined;
      promise.then((value) => (end = { value }), (error) => (end = { error, failed: true }));
      for (;;) {
        own.settle();
        if (end !== undefined) break;
        if (!Decoding.wait()) throw new PlanError("`run` waits for a promise that nothing will settle");
      }
      if (end.failed) throw end.error;
    }
    return text(end.value);
  } catch (error) {
    throw told(error, lines);
  }
}

/** The same where promises are the engine's. */
export async function runWithEngine(call, lines) {
  try {
    return text(await call());
  } catch (error) {
    throw told(error, lines);
  }
}

function text(result) {
  if (typeof result === "string") return result.toWellFormed();
  if (typeof result?.then === "function") {
    throw new PlanError("`run` gave a promise of the engine, which never goes on here: build the plan with `choreo-js build`");
  }
  throw new PlanError(`\`run\` gave ${result === undefined ? "nothing" : typeof result}, not a string`);
}

/** An error in one line, with its place; the way to it goes to the run's log. */
function told(error, lines) {
  if (typeof error === "string") return error;
  if (!(error instanceof Error)) return `the plan threw ${JSON.stringify(error) ?? String(error)}`;
  if (error instanceof PlanError) return error.message;
  const way = frames(error.stack ?? "", lines);
  if (way.length > 1) log("info", way.map(({ name, place }) => `  at ${name} (${place})`).join("\n"));
  // A mistake in a script's text says its place itself.
  const place = way.length > 0 && !/\(\S+:\d+:\d+\)$/.test(error.message) ? ` (${way[0].place})` : "";
  return `${error.name === "Error" ? "" : `${error.name}: `}${error.message}${place}`.toWellFormed();
}

/** Turns of loops after which the plan's processor time is looked at. */
const LOOK = 20_000;
/** Milliseconds of it, of which a plan that goes on through them is told. */
const LITTLE = 50;

/** What loops call now and then: says once where the plan is when its time is nearly over. */
export function looker(lines) {
  let told = false;
  return () => {
    if (told) return LOOK;
    const left = remaining().find(({ name }) => name === "cpu-ms")?.left ?? LITTLE;
    if (left < LITTLE) {
      told = true;
      const way = frames(new Error().stack ?? "", lines).map(({ name, place }) => `  at ${name} (${place})`);
      log("warn", `the plan's processor time is nearly over, in a loop:\n${way.join("\n")}`);
    }
    return LOOK;
  };
}

/** The frames that are in the plan's own files. */
function frames(stack, lines) {
  const found = [];
  for (const line of stack.split("\n")) {
    const [, name, file, at, column] =
      /^\s*at (?:(.*?) \()?([^()]*):(\d+):(\d+)\)?$/.exec(line) ?? /^(.*?)@(.*):(\d+):(\d+)$/.exec(line) ?? [];
    if (file === undefined || !lines.in(file)) continue;
    const module = lines.modules.find(({ start, count }) => at >= start && at < start + count);
    if (module === undefined) continue;
    // A module's first line has what binds its imports before it.
    const place = `${module.file}:${at - module.start + 1}${at - module.start > 0 ? `:${column}` : ""}`;
    found.push({ name: name?.replace("$$", "") || "<anonymous>", place });
  }
  return found;
}
