// The component's module: a linked plan on QuickJS, whose own promises never go on.

import * as generators from "./choreo/generators.js";
import * as sdk from "./choreo/index.js";
import { looker, ownPromises, runToEnd } from "./choreo/run.js";
import program, { modules } from "./plan.linked.js";

ownPromises();
const lines = { modules, in: (file) => file.endsWith("plan.linked.js") };

export function run(args) {
  return runToEnd(() => program(sdk, { ...generators, look: looker(lines) }).run(args), lines);
}
