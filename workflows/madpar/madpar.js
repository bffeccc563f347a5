// Multi-agent debate in parallel: agents solve a problem apart, then each solves it
// again after reading everyone's last answer and its own earlier ones; the majority's
// last answer wins. The same plan as src/lib.rs, which says more.

import { decode } from "choreo";

import { Arguments, Problem, Sampling, Transcript, answer, majority } from "../shared/javascript/index.js";
import SOLVE from "./prompts/solve.txt" with { type: "text" };
import SUMMARISE from "./prompts/summarise.txt" with { type: "text" };
import UPDATE from "./prompts/update.txt" with { type: "text" };

const USAGE =
  "[--agents A] [--rounds R] [--summaries] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]";

export async function run(args) {
  const options = new Arguments(args, USAGE);
  const agents = options.whole("--agents", 3, 1, 64);
  const rounds = options.whole("--rounds", 2, 0, 64);
  const summaries = options.flag("--summaries");
  const sampling = new Sampling(options, 0.7);
  const problem = Problem.take(options);
  const transcript = new Transcript(problem);

  // One turn of every agent, all at once; `view` says what each of them sees.
  const turns = (view) => {
    const turn = (agent) => decode(`From Agent ${agent + 1}:\n`, { parents: view(agent), ...sampling });
    return Promise.all(Array.from({ length: agents }, (_, agent) => turn(agent)));
  };
  const solve = problem.instruction(SOLVE);
  let last = await turns(() => [solve]);
  transcript.turns("Answers", last);

  // Every agent's own turns before its last one, oldest first.
  const earlier = last.map(() => []);
  if (rounds > 0) {
    const update = problem.instruction(UPDATE);
    const summarise = summaries && problem.instruction(SUMMARISE);
    for (let round = 1; round <= rounds; round++) {
      transcript.section(`Round ${round}`);
      const everyone = last;
      let shared = everyone;
      if (summarise) {
        const summary = await decode("Summary:\n", { parents: [summarise, ...everyone], ...sampling });
        transcript.line(summary.text);
        shared = [summary];
      }
      // Without summaries an agent's last turn is among everyone's.
      const own = (agent) => (summarise ? [everyone[agent]] : []);
      last = await turns((agent) => [update, ...shared, ...earlier[agent], ...own(agent)]);
      everyone.forEach((turn, agent) => earlier[agent].push(turn));
      for (const { text } of last) transcript.line(text);
    }
  }

  const [winner, votes] = majority(last.map(({ text }) => answer(text)).filter((found) => found !== null));
  return transcript.answered(problem, winner, `${votes} of ${agents} agents`);
}
