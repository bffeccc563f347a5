// Questions asked one after another, each seeing all that was said before. `--back K`
// drops the last K turns: the next question sees the shorter prefix, and none of it
// is encoded again. The same plan as src/lib.rs, with the same prompt and output.

import { PlanError, decode, prefill } from "choreo";

import SYSTEM from "./prompts/system.txt" with { type: "text" };

const USAGE = "no question: give each as one argument, and --back K to drop the last K turns";

export async function run(args) {
  if (args.length === 0) throw new PlanError(USAGE);
  const system = prefill(SYSTEM, { role: "system" });
  // A question and its answer each.
  const turns = [];
  let transcript = "";
  for (let at = 0; at < args.length; at++) {
    if (args[at] === "--back") {
      turns.length = Math.max(0, turns.length - count(args[++at]));
      transcript += `(back to turn ${turns.length})\n`;
      continue;
    }
    const history = [system, ...turns.flat()];
    const question = prefill(args[at], { parents: history });
    const answer = await decode("", { parents: [...history, question], temperature: 0 });
    transcript += `User: ${args[at]}\nAssistant: ${answer.text}\n`;
    turns.push([question, answer]);
  }
  return transcript;
}

function count(turns) {
  if (turns === undefined) throw new PlanError("--back needs the number of turns to drop");
  if (!/^[0-9]+$/.test(turns)) throw new PlanError(`--back takes a number of turns, not ${JSON.stringify(turns)}`);
  return Number(turns);
}
