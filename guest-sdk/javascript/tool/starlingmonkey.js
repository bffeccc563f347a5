// The component's module: a linked plan on StarlingMonkey, with its own promises.

import * as generators from "./choreo/generators.js";
import * as sdk from "./choreo/index.js";
import { enginePromises, runWithEngine } from "./choreo/run.js";
import program, { modules } from "./plan.linked.js";

enginePromises();
const lines = { modules, in: (file) => file.endsWith("plan.linked.js") };

export function run(args) {
  return runWithEngine(() => program(sdk, generators).run(args), lines);
}
