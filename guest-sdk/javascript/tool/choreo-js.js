#!/usr/bin/env node
// Builds plans, and the component that runs scripts.

import { parseArgs } from "node:util";

import { build, buildRunner } from "./build.js";

const USAGE = `usage: choreo-js build PLAN.js [-o PLAN.wasm] [--root FOLDER] [--engine quickjs|starlingmonkey]
       choreo-js runner -o RUNNER.wasm

build makes a component of a plan, which exports \`run\`, and of the files that it
imports; these are in FOLDER, which is the plan's own folder unless it is named.
runner makes the component that runs plans as they are.`;

const OPTIONS = {
  output: { type: "string", short: "o" },
  root: { type: "string" },
  work: { type: "string" },
  wit: { type: "string" },
  engine: { type: "string", default: "quickjs" },
  help: { type: "boolean", short: "h" },
};

async function main() {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const [verb, plan, ...more] = positionals;
  if (values.help) return console.log(USAGE);
  if (verb === "build" && plan !== undefined && more.length === 0) {
    const output = values.output ?? plan.replace(/\.m?js$/, "") + ".wasm";
    return build({ ...values, plan, output });
  }
  if (verb === "runner" && plan === undefined && values.output) return buildRunner(values);
  throw new Error(USAGE);
}

main().catch((error) => {
  console.error(error instanceof SyntaxError ? `error: ${error.message}` : error.message);
  process.exitCode = 1;
});
