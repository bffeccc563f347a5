// Linked scripts do what their modules would: each plan runs as it is, and linked
// with its async functions as generators and this library's promises.

import assert from "node:assert/strict";
import { test } from "node:test";

import { link } from "../link/link.js";
import * as generators from "../src/generators.js";
import * as own from "../src/promise.js";

const native = { Promise: globalThis.Promise, queueMicrotask: globalThis.queueMicrotask };

/** What `run` of the modules gives, with promises of this library. */
function lowered(files, args) {
  const { text } = link({ main: "plan.js", files }, true);
  globalThis.Promise = own.Promise;
  globalThis.queueMicrotask = own.later;
  try {
    let end;
    const result = (0, eval)(text)({ decode: 1 }, { ...generators, look: () => 3 }).run(args);
    own.Promise.resolve(result).then((value) => (end = { value }), (error) => (end = { error: String(error) }));
    own.settle();
    return end;
  } finally {
    Object.assign(globalThis, native);
  }
}

/** The same with the engine's. */
async function plain(files, args) {
  const { text } = link({ main: "plan.js", files }, false);
  try {
    return { value: await (0, eval)(text)({ decode: 1 }, generators).run(args) };
  } catch (error) {
    return { error: String(error) };
  }
}

const SAME = {
  "order of jobs": `
    export async function run() {
      const seen = [];
      const later = async (name, turns) => { for (let i = 0; i < turns; i++) await null; seen.push(name); };
      await Promise.all([later("a", 3), later("b", 1), later("c", 2), Promise.resolve().then(() => seen.push("d"))]);
      queueMicrotask(() => seen.push("e"));
      await 0;
      return seen.join();
    }`,
  "this, arguments and methods": `
    class A {
      #x = 2;
      async get(y = 3) { await 0; return this.#x * y * arguments.length; }
      static async make() { return new this(); }
      async *["all" + 1](n) { for (let i = 0; i < n; i++) yield this.#x + i; }
      field = async () => this.#x;
    }
    const o = { async f() { return this.v; }, v: 7, async: 1, get g() { return this.async; } };
    export async function run() {
      const a = await A.make(), all = [];
      for await (const x of a.all1(3)) all.push(x);
      return JSON.stringify([await a.get(5), await a.get(1, 2), await a.field(), await o.f(), o.g, all]);
    }`,
  "arrows": `
    const f = async x => x + 1, g = async ({ a, b = 2 }, ...rest) => ({ a, b, rest });
    const h = async (x) => { const inner = () => x; return (await f(inner())) ** 2; };
    export async function run() { return JSON.stringify([await f(1), await g({ a: 1 }, 3), await h(2), await (async () => 5)()]); }`,
  "errors": `
    const fails = async () => { throw new RangeError("no"); };
    export async function run() {
      const seen = [];
      try { await fails(); } catch (error) { seen.push(error.name); } finally { seen.push("finally"); }
      const all = await Promise.allSettled([fails(), 1, Promise.reject(2)]);
      seen.push(...all.map(({ status }) => status));
      await fails().catch((error) => seen.push(error.message)).finally(() => seen.push("end"));
      seen.push(await Promise.race([new Promise(() => {}), 3]), await Promise.any([fails(), 4]));
      return seen.join();
    }`,
  "an error that nobody catches": `export async function run() { await 0; throw new TypeError("out"); }`,
  "async generators": `
    async function* count(n) { try { for (let i = 0; i < n; i++) { const got = yield i; if (got) yield got; } return "end"; } finally { await 0; } }
    async function* twice() { const end = yield* count(2); yield end; yield* [8, Promise.resolve(9)]; }
    export async function run() {
      const seen = [];
      for await (const x of twice()) seen.push(x);
      outer: for await (const x of count(9)) { for (const y of [1, 2]) { if (x === 1) continue outer; if (x === 3) break outer; seen.push(x + "." + y); } }
      let z; for await (z of [Promise.resolve(1), 2]) seen.push(z);
      for await (const [p, { q = 5 }] of [[1, {}]]) seen.push(p + q);
      const it = count(3); seen.push((await it.next()).value, (await it.next("g")).value, (await it.return("r")).value, (await it.next()).done);
      return seen.join();
    }`,
  "loops": `
    export async function run() {
      let n = 0;
      for (let i = 0; i < 9; i++) if (i % 2) continue; else n += i;
      for (const k in { a: 1, b: 2 }) n += k.length;
      for (const v of [1, 2]) for (;;) { n += v; break; }
      while (n < 40) n++; do n += 2; while (n < 50)
      a: for (;;) { for (;;) break a; }
      const f = []; for (let i = 0; i < 3; i++) f.push(() => i);
      return n + f.map((g) => g()).join();
    }`,
  "waiting inside of expressions": `
    const v = async (x) => x;
    export async function run() {
      const t = \`\${await v(1)}-\${await v(2)}\`;
      const { a = await v(3), ...r } = { b: 4 };
      const list = [await v(1), ...(await v([2, 3])), -(await v(4)), await v(5) + 1, typeof await v("s")];
      let i = 0; while (await v(i < 3)) i++;
      switch (await v(2)) { case await v(2): i += 10; }
      return [t, a, JSON.stringify(r), list, i, (await v({ x: { y: 1 } })).x.y, await (await v(async () => 6))(), (await
        v(7))].join(";");
    }`,
};

for (const [name, source] of Object.entries(SAME)) {
  test(name, async () => assert.deepEqual(lowered({ "plan.js": source }, []), await plain({ "plan.js": source }, [])));
}

test("modules import one another's names, texts and values", () => {
  const files = {
    "plan.js": `import one, { two as zwei } from "./lib/a.js"; import * as all from "./lib/all.js"; import t from "./t.txt" with { type: "text" };
      import { n } from "./n.js"; import j from "./j.json" with { type: "json" }; import { decode } from "choreo";
      export const run = () => [one(), zwei, all.three, all.named.two, Object.keys(all).join("+"), t, n, j.x, decode, late()].join();
      import { late } from "./lib/a.js";`,
    "lib/a.js": `export default function () { return 1; } export const two = 2; export { late }; function late() { return up; } import { up } from "../up.js";`,
    "lib/all.js": `export * from "../three.js"; export * as named from "./a.js"; export const own = 0;`,
    "three.js": `export const [three, { four = 4 }] = [3, {}];`,
    "up.js": `export class Up {} export const up = "up";`,
    "n.js": `export { two as n } from "./lib/a.js"; export default class {}`,
    "t.txt": `"a"\n\${b}`,
    "j.json": `{"x": 5}`,
  };
  assert.deepEqual(lowered(files, []), { value: `1,2,3,2,four+named+own+three,"a"\n\${b},2,5,1,up` });
});

test("every line stays on its line", () => {
  const source = `import {\n  decode,\n} from "choreo";\nexport default 1;\nexport const run = async () => {\n  for await (\n    const x of [\n      1,\n    ]) {\n    await x;\n  }\n  HERE;\n};\n`;
  const { text, lines } = link({ main: "plan.js", files: { "plan.js": source } }, true);
  const [{ start }] = lines;
  const line = (code) => code.split("\n").findIndex((line) => line.includes("HERE"));
  assert.equal(line(text) - (start - 1), line(source));
});

const REFUSED = {
  'export const run = ;': "Unexpected token (plan.js:1:20)",
  '\nimport x from "lodash";': '"lodash" cannot be imported: a plan has "choreo" and files, as ./name.js (plan.js:2:1)',
  'import x from "./x.js";': '"./x.js" is not there (plan.js:1:1)',
  'import x from "../x.js";': '"../x.js" is outside of the plan\'s folder (plan.js:1:1)',
  'import { y } from "./other.js";': "other.js has no export y (plan.js:1:1)",
  'import "./round.js";': "modules import one another in a circle: plan.js, round.js, plan.js (round.js:1:1)",
  "await 1;": "await stands outside of a function: move it into `run` (plan.js:1:1)",
  'import("./other.js");': "a plan cannot import while it runs: import at the top of the file (plan.js:1:1)",
  "class A { async f() { super.f(); } }": "super cannot stand in an async method: call a method that is not async (plan.js:1:23)",
  "import.meta;": "a plan has no import.meta: its files are not files any more (plan.js:1:1)",
};

for (const [source, message] of Object.entries(REFUSED)) {
  test(`refused: ${source.trim()}`, () => {
    const files = { "plan.js": source, "other.js": "export const x = 1;", "round.js": 'import "./plan.js";' };
    assert.throws(() => link({ main: "plan.js", files }, true), { name: "SyntaxError", message });
  });
}
