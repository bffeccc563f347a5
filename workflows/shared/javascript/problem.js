// The problem that agents solve.

import { PlanError, prefill } from "choreo";

// A problem and its answer a line, with a tab between.
import problems from "../../problems.txt" with { type: "text" };
import { fill } from "./prompt.js";

/** A problem in words. */
export class Problem {
  /** `expected`: the right answer, where it is known. */
  constructor(text, expected) {
    this.text = text;
    this.expected = expected;
  }

  /** The only word left of the arguments, or `--draw N`, the N-th held-out problem; else the first. */
  static take(args) {
    const heldOut = problems.trimEnd().split("\n");
    const drawn = args.value("--draw");
    const text = args.word();
    if (text !== undefined && drawn !== undefined) throw new PlanError("a problem and --draw: give one of them");
    if (text !== undefined) return new Problem(text);
    const number = /^\+?[0-9]+$/.test(drawn ?? "1") ? Number(drawn ?? "1") : 0;
    const line = heldOut[number - 1];
    if (line === undefined) {
      throw new PlanError(`--draw needs a number from 1 to ${heldOut.length}, not ${JSON.stringify(drawn)}`);
    }
    return new Problem(...line.split("\t"));
  }

  /** A system's message that puts the problem where the prompt has `{problem}`. */
  instruction(prompt) {
    return prefill(fill(prompt, { problem: this.text }), { role: "system" });
  }
}
