// Questions asked one after another, each seeing all that was said before. `--back K`
// drops the last K turns: the next question sees the shorter prefix, and none of it
// is encoded again. The same plan as src/lib.rs, with the same prompt and output.

import { prefill, decode } from "choreo:host/choreo@0.1.0";
import { system as SYSTEM } from "./prompts.js";

const USAGE = "no question: give each as one argument, and --back K to drop the last K turns";

export function run(args) {
  if (args.length === 0) throw USAGE;
  const system = say("system", SYSTEM, []);
  let history = [system];
  let transcript = "";
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--back") {
      const count = turns(args[++i]);
      history = history.slice(0, Math.max(1, history.length - 2 * count));
      transcript += `(back to turn ${(history.length - 1) / 2})\n`;
      continue;
    }
    const question = say("user", args[i], history);
    const answer = write([...history, question]);
    transcript += `User: ${args[i]}\nAssistant: ${answer.text}\n`;
    history = [...history, question, answer.id];
  }
  return transcript;
}

function turns(count) {
  if (count === undefined) throw "--back needs the number of turns to drop";
  if (!/^[0-9]+$/.test(count)) throw `--back takes a number of turns, not ${JSON.stringify(count)}`;
  return Number(count);
}

// A message with this text that sees the parents, one after another.
function say(role, text, parents) {
  const call = { role, name: null, part: "whole", text, labels: [], view: view(parents) };
  return asking(() => prefill([call]))[0];
}

// A message that the model writes.
function write(parents) {
  const options = {
    maxTokens: null, temperature: 0, topP: null, topK: null, minP: null,
    repetitionPenalty: null, seed: null, stop: [], constraint: null, topLogprobs: 0,
  };
  const call = {
    role: "assistant", name: null, part: "whole", header: "", labels: [],
    view: view(parents), options,
  };
  const [lane] = asking(() => decode([call]));
  if (lane.tag === "err") throw JSON.stringify(lane.val);
  return lane.val;
}

function view(parents) {
  const placed = parents.map((id) => ({ id, offset: null, refresh: null }));
  return { parents: placed, offset: null, maySee: null, onViolation: "fail" };
}

// The contract's errors are records, and a plan's error is a string.
function asking(call) {
  try {
    return call();
  } catch (error) {
    throw error instanceof Error ? error : JSON.stringify(error);
  }
}
