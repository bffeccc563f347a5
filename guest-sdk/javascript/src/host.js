// The host's functions, whose errors are this library's.

import * as contract from "choreo:host/choreo@0.1.0";

import { failure } from "./error.js";

export { contract };

/** What the host answers; its refusal is thrown as an error of ours. */
export function ask(call) {
  try {
    return call();
  } catch (error) {
    const refused = error?.payload ?? error;
    if (refused?.cause?.tag === undefined || error?.call !== undefined) throw error;
    throw failure(refused);
  }
}

/** Gives a handle back; engines name the way to do so differently. */
export function drop(handle) {
  for (const way of [Symbol.dispose, Symbol.for("dispose")]) {
    if (way !== undefined && typeof handle[way] === "function") return void handle[way]();
  }
}
