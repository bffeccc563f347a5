// One module's source as part of a script: imports and exports become plain
// statements, and, where the engine's own promises are of no use, async functions
// become generators (src/generators.js runs them) and loops are looked at. Every line
// stays on its line.

import { parse } from "acorn";

/** A place in a source: `plan.js:3:5`. */
export function place(file, { line, column }) {
  return `${file}:${line}:${column + 1}`;
}

/** A mistake in a script, with its place. */
export function mistake(message, file, loc) {
  return new SyntaxError(`${message} (${place(file, loc)})`);
}

/** The module's syntax tree. */
export function read(file, source) {
  try {
    return parse(source, { ecmaVersion: "latest", sourceType: "module", locations: true, allowHashBang: true });
  } catch (error) {
    if (!error.loc) throw error;
    throw mistake(error.message.replace(/ \(\d+:\d+\)$/, ""), file, error.loc);
  }
}

const newlines = (text) => "\n".repeat(text.split("\n").length - 1);

/** Renders syntax trees of one file. `lowered`: whether async functions become generators. */
export class Renderer {
  /** What encloses the node in hand: "async", "generator" (an async one), "plain", or null at the top. */
  #within = null;
  #names = 0;

  constructor(file, source, lowered) {
    this.file = file;
    this.source = source;
    this.lowered = lowered;
  }

  fail(message, node) {
    throw mistake(message, this.file, node.loc.start);
  }

  slice(start, end) {
    return this.source.slice(start, end);
  }

  /** The node's source, with what must change changed. */
  node(node) {
    const special = this[node.type];
    const text = special?.call(this, node);
    return text ?? this.plain(node, node.start, node.end);
  }

  /** The source between two offsets, the node's children rendered. */
  plain(node, start, end) {
    let text = "";
    let at = start;
    for (const child of children(node)) {
      if (child.start < at || child.end > end) continue;
      text += this.slice(at, child.start) + this.node(child);
      at = child.end;
    }
    return text + this.slice(at, end);
  }

  #inside(what, render) {
    const before = this.#within;
    this.#within = what;
    const text = render();
    this.#within = before;
    return text;
  }

  // Functions.

  FunctionDeclaration(node) {
    return this.#function(node, node.start);
  }

  FunctionExpression(node) {
    return this.#function(node, node.start);
  }

  ArrowFunctionExpression(node) {
    return this.#function(node, node.start);
  }

  Property(node) {
    return node.shorthand ? this.node(node.value) : this.#member(node);
  }

  MethodDefinition(node) {
    return this.#member(node);
  }

  PropertyDefinition(node) {
    const key = node.computed ? this.node(node.key) : this.slice(node.key.start, node.key.end);
    const start = this.slice(node.start, node.key.start) + key;
    // An initializer is a function's body to `await`.
    const rest = () => this.slice(node.key.end, node.value.start) + this.node(node.value) + this.slice(node.value.end, node.end);
    return start + (node.value ? this.#inside("plain", rest) : this.slice(node.key.end, node.end));
  }

  /** A property or a method, whose `async` and `*` stand before its key. */
  #member(node) {
    const { key, value } = node;
    const method = node.method || node.kind === "get" || node.kind === "set" || node.type === "MethodDefinition";
    let before = this.slice(node.start, key.start);
    if (method && value.async && this.lowered) before = before.replace(/\basync\b/, "").replace("*", "");
    const name = node.computed ? this.node(key) : this.slice(key.start, key.end);
    const body = method ? this.#function(value, value.start) : this.node(value);
    return before + name + this.slice(key.end, value.start) + body + this.slice(value.end, node.end);
  }

  #function(node, start) {
    const lowered = node.async && this.lowered;
    const kind = !lowered ? "plain" : node.generator ? "generator" : "async";
    // Parameters cannot wait, whatever the function is.
    let head = this.#inside("plain", () => this.plain(node, start, node.body.start));
    const body = () => this.#inside(kind, () => this.node(node.body));
    const tail = this.slice(node.body.end, node.end);
    if (!lowered) return head + body() + tail;
    head = head.replace(/^async\b ?/, "");
    // A method's star stands before its name.
    if (node.generator && head.startsWith("function")) head = head.replace("*", "");
    const arrow = node.type === "ArrowFunctionExpression";
    const own = arrow && !/\barguments\b/.test(this.slice(node.body.start, node.body.end)) ? "[]" : "arguments";
    const name = node.id ? ` $$${node.id.name}` : "";
    const run = `$$.${kind === "async" ? "async" : "asyncGenerator"}(this, ${own}, function*${name}`;
    if (node.expression) return `${head}${run}() { return (${body()}); })${tail}`;
    return `${head}{ return ${run}() ${body()}); }`;
  }

  Super(node) {
    if (this.#within === "async" || this.#within === "generator") {
      this.fail("super cannot stand in an async method: call a method that is not async", node);
    }
  }

  MetaProperty(node) {
    if (node.meta.name === "import") this.fail("a plan has no import.meta: its files are not files any more", node);
  }

  // Waiting.

  AwaitExpression(node) {
    if (this.#within === null) this.fail("await stands outside of a function: move it into `run`", node);
    if (!this.lowered) return undefined;
    const between = this.slice(node.start + "await".length, node.argument.start);
    return `(yield ${this.#waited("(" + between + this.node(node.argument) + ")")})`;
  }

  #waited(value) {
    return this.#within === "generator" ? `$$.waited${value}` : value;
  }

  YieldExpression(node) {
    if (this.#within !== "generator" || !node.delegate) return undefined;
    return `(yield* $$.each(${this.node(node.argument)}))`;
  }

  LabeledStatement(node) {
    if (node.body.type !== "ForOfStatement" || !node.body.await || !this.lowered) return undefined;
    return this.#forAwait(node.body, this.slice(node.start, node.body.start));
  }

  // Loops: one that does not end is told of by its line, before the host ends it.

  ForStatement(node) {
    return this.#loop(node);
  }

  ForInStatement(node) {
    return this.#loop(node);
  }

  WhileStatement(node) {
    return this.#loop(node);
  }

  DoWhileStatement(node) {
    return this.#loop(node);
  }

  #loop(node) {
    if (!this.lowered) return undefined;
    const { body } = node;
    return this.plain(node, node.start, body.start) + this.#turn(body) + this.plain(node, body.end, node.end);
  }

  #turn(body) {
    return `{ if (--$$turns === 0) $$look(); ${this.node(body)} }`;
  }

  ForOfStatement(node) {
    if (!node.await) return this.#loop(node);
    if (this.#within === null) this.fail("for await stands outside of a function: move it into `run`", node);
    return this.lowered ? this.#forAwait(node, "") : undefined;
  }

  #forAwait(node, label) {
    const [each, got] = [`$$each${this.#names}`, `$$got${this.#names++}`];
    const before = newlines(this.slice(node.start, node.right.start));
    const after = newlines(this.slice(node.right.end, node.body.start));
    const next = `(yield ${this.#waited(`(${each}.next())`)})`;
    const left = this.node(node.left).replace(/;$/, "");
    return (
      `{ const ${each} = $$.iterator(${before}${this.node(node.right)}); let ${got}; try { ` +
      `${label}while (!(${got} = ${next}).done) {${after} ${left} = ${got}.value; ${this.#turn(node.body)} } } ` +
      `finally { if (${got} && !${got}.done) yield ${this.#waited(`(${each}.leave())`)}; } }`
    );
  }

  ImportExpression(node) {
    this.fail("a plan cannot import while it runs: import at the top of the file", node);
  }
}

/** A node's children in the order of their text. */
function children(node) {
  const found = [];
  for (const [name, value] of Object.entries(node)) {
    if (name === "loc" || (node.shorthand && name === "key")) continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child.type === "string" && typeof child.start === "number") found.push(child);
    }
  }
  return found.sort((a, b) => a.start - b.start);
}
