// What several plans of this repository share: their arguments, the held-out
// problems, the texts of prompts, what is read out of a model's answer, and the
// transcript that a plan returns. The same as `plan_shared` in Rust.

export { answer, number } from "./answer.js";
export { Arguments } from "./arguments.js";
export { Problem } from "./problem.js";
export { fill } from "./prompt.js";
export { Sampling } from "./sampling.js";
export { Transcript } from "./transcript.js";
export { majority } from "./votes.js";
