// Three agents solve a problem apart; a fourth sees what they said and decides.

import { PlanError, decode, prefill } from "choreo";

export async function run([problem]: string[]): Promise<string> {
  if (problem === undefined) throw new PlanError("no problem: give one as the first argument");
  const system = (task: string) => prefill(`${task} Problem: ${problem}`, { role: "system" });
  const solve = system("You are one of several agents. Solve the problem step by step, then write the answer.");
  const decide = system(
    "Several agents have solved the problem below. Use their answers as advice only, and solve the problem again step by step.",
  );

  // All three are started before one is awaited: they run together, and none sees another.
  const agent = (number: number) => decode(`From Agent ${number}:\n`, { parents: [solve], maxTokens: 64, temperature: 0.7 });
  const opinions = await Promise.all([1, 2, 3].map(agent));

  // The opinions stand one after another. None of them is encoded again.
  const verdict = await decode("From Agent 4:\n", { parents: [decide, ...opinions], maxTokens: 64, temperature: 0 });
  return verdict.text;
}
