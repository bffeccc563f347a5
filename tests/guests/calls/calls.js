// Asks for the texts of a list of messages, again and again. The same plan as src/lib.rs.

import { PlanError, prefill, text } from "choreo";

export function run(args) {
  if (args.length !== 2) throw new PlanError("give two numbers: calls, messages");
  const [calls, count] = args.map(Number);
  const messages = Array(count).fill(prefill("one"));
  let bytes = 0;
  for (let call = 0; call < calls; call++) {
    for (const one of text(messages)) bytes += one.length;
  }
  return `${bytes} bytes`;
}
