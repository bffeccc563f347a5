// From a plan's files to a component.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { imports, link } from "../link/link.js";

const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

/** What components are built with, by the engine's name. */
const ENGINES = {
  quickjs: { lowered: true, start: "quickjs.js", componentize: quickjs },
  starlingmonkey: { lowered: false, start: "starlingmonkey.js", componentize: starlingmonkey },
};

/** Builds the plan's component. */
export function build({ plan, output, root, engine: name, work, wit }) {
  const engine = ENGINES[name];
  if (!engine) throw new Error(`error: no engine is called ${name}: take ${Object.keys(ENGINES).join(" or ")}`);
  const bundle = collect(plan, root ?? dirname(plan));
  const { text, lines, names } = link(bundle, engine.lowered);
  if (work !== undefined) writeInputs(work, Object.keys(bundle.files).map((file) => join(realpathSync(root ?? dirname(plan)), file)));
  if (!names.has("run")) throw new Error(`error: ${bundle.main} exports no \`run\`: export function run(args)`);
  within(work, (folder) => {
    cpSync(join(HERE, "src"), join(folder, "choreo"), { recursive: true });
    writeFileSync(join(folder, "plan.linked.js"), `export default ${text};\nexport const modules = ${JSON.stringify(lines)};\n`);
    cpSync(join(HERE, "tool", engine.start), join(folder, "start.js"));
    engine.componentize(folder, output, wit);
  });
}

/** Builds the component whose first argument is a bundle. */
export function buildRunner({ output, work, wit }) {
  if (work !== undefined) writeInputs(work, []);
  within(work, (folder) => {
    cpSync(join(HERE, "src"), join(folder, "choreo"), { recursive: true });
    cpSync(join(HERE, "link"), join(folder, "link"), { recursive: true });
    const acorn = dirname(require.resolve("acorn/package.json"));
    for (const file of ["package.json", "dist/acorn.mjs"]) cpSync(join(acorn, file), join(folder, "node_modules/acorn", file));
    cpSync(join(HERE, "runner", "runner.js"), join(folder, "start.js"));
    quickjs(folder, output, wit);
  });
}

/** The plan's module and all that it imports, by their names in the folder `root`. */
export function collect(plan, root) {
  const top = realpathSync(root);
  const named = (file) => relative(top, file).split(sep).join("/");
  const main = named(realpathSync(plan));
  if (main.startsWith("../")) throw new Error(`error: ${plan} is not in ${root}`);
  const files = {};
  const wanted = [{ file: main, kind: "module" }];
  for (const { file, kind } of wanted) {
    if (file === undefined || Object.hasOwn(files, file)) continue;
    const path = join(top, file);
    // One that is not there is told of when the modules are linked, with its place.
    if (!existsSync(path)) continue;
    files[file] = readFileSync(path, "utf8");
    if (kind === "module") wanted.push(...imports(file, files[file]));
  }
  return { main, files };
}

/** Says beside the component which of the plan's files it was built of. */
function writeInputs(work, files) {
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, "inputs.txt"), files.map((file) => `${file}\n`).join(""));
}

function within(work, use) {
  const folder = work === undefined ? mkdtempSync(join(tmpdir(), "choreo-")) : resolve(work);
  mkdirSync(folder, { recursive: true });
  try {
    use(folder);
  } finally {
    if (work === undefined) rmSync(folder, { recursive: true });
  }
}

const contract = (wit) => wit ?? [join(HERE, "wit"), join(HERE, "../../wit")].find((folder) => existsSync(folder));

function quickjs(folder, output, wit) {
  const tool = join(dirname(require.resolve("componentize-qjs/package.json")), "cli.mjs");
  // Without --sync the component asks for the asynchronous ABI, which hosts must opt into.
  const options = ["--sync", "--world", "plan", "--wit", contract(wit), "--module-root", folder, "--js", join(folder, "start.js")];
  succeed(tool, [...options, "--output", resolve(output)]);
}

/** The tool is large, and installed by those who want it. */
function starlingmonkey(folder, output, wit) {
  const name = "@bytecodealliance/componentize-js";
  const folders = createRequire(join(process.cwd(), "plan.js")).resolve.paths(name);
  const tool = folders.map((folder) => join(folder, name, "src/cli.js")).find((file) => existsSync(file));
  if (tool === undefined) throw new Error(`error: ${name} is not installed here: npm install ${name}@0.23.0`);
  const options = [join(folder, "start.js"), "--wit", contract(wit), "--world-name", "plan", "--out", resolve(output)];
  succeed(tool, [...options, "--disable", "random", "clocks", "http", "fetch-event"]);
}

function succeed(tool, options) {
  const { status, error } = spawnSync(process.execPath, [tool, ...options], { stdio: ["ignore", 2, 2] });
  if (error) throw error;
  if (status !== 0) throw new Error(`error: ${relative(process.cwd(), tool)} ended with code ${status}: see its messages above`);
}
