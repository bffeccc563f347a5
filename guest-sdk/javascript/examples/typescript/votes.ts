// Voters choose between answers, each held to one of them; texts are shown as they come.

import { BudgetError, type Decoded, type DecodeOptions, PlanError, decode, prefill, score } from "choreo";

type Vote = { answer: string; logprob: number };

export async function run(args: string[]): Promise<string> {
  const [question, ...answers] = args;
  if (question === undefined || answers.length < 2) throw new PlanError("give a question and two answers or more");
  const asked = prefill(question);
  const options: DecodeOptions = { parents: [asked], temperature: 1.5, constraint: { oneOf: answers } };

  const voters = [1, 2, 3, 4, 5].map((voter) => follow(voter, options));
  const votes = await Promise.all(voters);
  const likely: Vote[] = score("", answers, { parents: [asked] }).map(({ logprob }, index) => ({
    answer: answers[index]!,
    logprob,
  }));
  likely.sort((one, other) => other.logprob - one.logprob);
  return `${votes.map(({ text }) => text).join(", ")}; the likeliest: ${likely[0]!.answer}`;
}

async function follow(voter: number, options: DecodeOptions): Promise<Decoded> {
  const vote = decode("", options);
  try {
    for await (const piece of vote) console.log(`voter ${voter}: ${piece}`);
    return await vote;
  } catch (error) {
    if (error instanceof BudgetError) throw new PlanError(`${error.what}: ${error.left} left`);
    throw error;
  }
}
