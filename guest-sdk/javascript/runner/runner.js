// Runs plans as they are: the first argument is a bundle of the script and of what it
// imports, `{"main": "plan.js", "files": {"plan.js": "…"}}`; the others are the plan's.

import * as generators from "./choreo/generators.js";
import * as sdk from "./choreo/index.js";
import { PlanError } from "./choreo/index.js";
import { looker, ownPromises, runToEnd } from "./choreo/run.js";
import { link } from "./link/link.js";

ownPromises();

export function run([bundle, ...args]) {
  const lines = { modules: [], in: (file) => file.startsWith("<") };
  return runToEnd(() => {
    const { text, lines: modules, names, main } = linked(JSON.parse(bundle));
    if (!names.has("run")) throw new PlanError(`${main} exports no \`run\`: export function run(args)`);
    lines.modules = modules;
    // Not in this module's scope: a script sees the globals and what it imports.
    return (0, eval)(text)(sdk, { ...generators, look: looker(lines) }).run(args);
  }, lines);
}

function linked(bundle) {
  try {
    return { ...link(bundle, true), main: bundle.main };
  } catch (error) {
    // A mistake in a script, whose place is in the message.
    if (error instanceof SyntaxError) throw new PlanError(`SyntaxError: ${error.message}`);
    throw error;
  }
}
