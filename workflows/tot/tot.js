// Tree of thoughts of one level: B solutions are proposed apart, V voters read all of
// them and name the best, and the winner is finished. The same plan as src/lib.rs,
// which says more; here each step is one list call.

import { decodeAll, decodeNow } from "choreo";

import { Arguments, Problem, Sampling, Transcript, answer, majority, number } from "../shared/javascript/index.js";
import FINISH from "./prompts/finish.txt" with { type: "text" };
import PROPOSE from "./prompts/propose.txt" with { type: "text" };
import VOTE from "./prompts/vote.txt" with { type: "text" };

const USAGE =
  "[--branches B] [--voters V] [--choice text|constrained] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]";

/** A vote's header. */
const BEST = "Best choice: ";

export function run(args) {
  const options = new Arguments(args, USAGE);
  const branches = options.whole("--branches", 8, 1, 64);
  const voters = options.whole("--voters", 4, 0, 64);
  const choice = options.choice("--choice", ["text", "constrained"]);
  const sampling = new Sampling(options, 0.7);
  const problem = Problem.take(options);
  const transcript = new Transcript(problem);
  const numbers = Array.from({ length: branches }, (_, index) => index + 1);

  const propose = problem.instruction(PROPOSE);
  const proposals = decodeAll(
    numbers.map((number) => ({ header: `Solution ${number}:\n`, parents: [propose], ...sampling })),
  );
  transcript.turns("Solutions", proposals);

  const vote = problem.instruction(VOTE);
  const constraint = choice === "constrained" ? { oneOf: numbers.map(String) } : undefined;
  const ballot = { header: BEST, parents: [vote, ...proposals], constraint, ...sampling };
  const ballots = decodeAll(Array(voters).fill(ballot));
  transcript.turns("Votes", ballots);
  const [winner, how] = elect(ballots, branches);

  const finish = problem.instruction(FINISH);
  const last = decodeNow("Final answer:\n", { parents: [finish, proposals[winner - 1]], ...sampling });
  transcript.section(`Solution ${winner} is finished`);
  transcript.line(last.text);
  return transcript.answered(problem, answer(last.text) ?? undefined, how);
}

/** The number of the solution that most voters name, from 1, and how it came about. */
function elect(ballots, branches) {
  const [winner, votes] = majority(ballots.map(({ text }) => named(text, branches)).filter((found) => found !== null));
  if (winner === undefined) return [1, "solution 1, without a vote"];
  return [winner, `solution ${winner}, ${votes} of ${ballots.length} votes`];
}

/** The solution that a vote names: the first number in it, if there is such a solution. */
function named(ballot, branches) {
  const first = number(ballot.startsWith(BEST) ? ballot.slice(BEST.length) : ballot) ?? "";
  return /^[0-9]+$/.test(first) && first >= 1 && first <= branches ? Number(first) : null;
}
