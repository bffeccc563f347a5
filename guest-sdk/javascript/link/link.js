// A plan's modules as one script, so that an engine without a module loader runs
// them: a function that takes the SDK and gives what the main module exports.

import { Renderer, mistake, read } from "./render.js";

/** What a script imports the SDK as. */
const SDK = "choreo";

/**
 * Links the modules of a bundle, `{ main, files: { NAME: SOURCE } }`.
 *
 * `lowered`: whether async functions become generators.
 * Gives the script, for each module the script's line of its first line, and the
 * names that the main module exports.
 */
export function link(bundle, lowered) {
  const linked = { bundle, lowered, order: [], state: new Map() };
  visit(linked, bundle.main, []);
  let text = '(function ($$sdk, $$) { "use strict"; const $$modules = Object.create(null); ';
  if (lowered) text += "let $$turns = 1; const $$look = () => { $$turns = $$.look(); };";
  text += "\n";
  const lines = [];
  for (const { file, code } of linked.order) {
    lines.push({ file, start: text.split("\n").length, count: code.split("\n").length });
    text += code;
  }
  const names = linked.state.get(bundle.main);
  return { text: `${text}return $$modules[${JSON.stringify(bundle.main)}]; })`, lines, names };
}

/** The imports of a module: what it imports, how, and where. */
export function imports(file, source) {
  const found = [];
  for (const node of read(file, source).body) {
    if (!node.source) continue;
    const type = node.attributes?.find((attribute) => (attribute.key.name ?? attribute.key.value) === "type");
    const specifier = node.source.value;
    const kind = type?.value.value ?? "module";
    if (!["module", "text", "json"].includes(kind)) {
      throw mistake(`no import has the type ${JSON.stringify(kind)}: take text or json`, file, node.loc.start);
    }
    found.push({ node, specifier, kind, file: resolve(file, specifier, node) });
  }
  return found;
}

/** The file that an import names; the SDK has none. */
function resolve(file, specifier, node) {
  if (specifier === SDK) return undefined;
  if (!/^\.\.?\//.test(specifier)) {
    throw mistake(`${JSON.stringify(specifier)} cannot be imported: a plan has "${SDK}" and files, as ./name.js`, file, node.loc.start);
  }
  const parts = file.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) {
        throw mistake(`${JSON.stringify(specifier)} is outside of the plan's folder`, file, node.loc.start);
      }
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Adds a module after those that it imports, and gives the names that it exports. */
function visit(linked, file, importers) {
  const known = linked.state.get(file);
  if (known) return known;
  const source = linked.bundle.files[file];
  const wanted = imports(file, source);
  for (const { node, file: other, kind } of wanted) {
    if (other === undefined) continue;
    if (!Object.hasOwn(linked.bundle.files, other)) {
      throw mistake(`${node.source.raw} is not there`, file, node.loc.start);
    }
    if ([...importers, file].includes(other)) {
      throw mistake(`modules import one another in a circle: ${[...importers, file, other].join(", ")}`, file, node.loc.start);
    }
    if (kind === "module") visit(linked, other, [...importers, file]);
    else value(linked, other, kind, file, node);
  }
  const module = new Module(linked, file, source, wanted);
  const code = module.render();
  linked.order.push({ file, code });
  linked.state.set(file, module.names());
  return module.names();
}

/** Adds a file that is a text or JSON: a module with a default export. */
function value(linked, file, kind, importer, node) {
  const key = `${kind}:${file}`;
  if (linked.state.has(key)) return;
  const source = linked.bundle.files[file];
  if (kind === "json") {
    try {
      JSON.parse(source);
    } catch (error) {
      throw mistake(`${file} is not JSON: ${error.message}`, importer, node.loc.start);
    }
  }
  const given = kind === "json" ? `JSON.parse(${JSON.stringify(source)})` : JSON.stringify(source);
  linked.order.push({ file, code: `$$modules[${JSON.stringify(key)}] = { default: ${given} };\n` });
  linked.state.set(key, new Set(["default"]));
}

/** One module on its way into the script. */
class Module {
  #exports = new Map();
  #stars = [];
  #bound = [];

  constructor(linked, file, source, wanted) {
    Object.assign(this, { linked, file, source, wanted });
    this.renderer = new Renderer(file, source, linked.lowered);
  }

  names() {
    const names = new Set(this.#exports.keys());
    for (const star of this.#stars) for (const name of star.names) if (name !== "default") names.add(name);
    return names;
  }

  render() {
    const program = read(this.file, this.source);
    this.#bind();
    let body = "";
    let at = 0;
    for (const node of program.body) {
      body += this.source.slice(at, node.start) + this.#statement(node);
      at = node.end;
    }
    body += this.source.slice(at);
    const given = [...this.#exports].map(([name, local]) => `get ${JSON.stringify(name)}() { return ${local}; }`);
    const all = `$$.namespace({ ${given.join(", ")} }, [${this.#stars.map((star) => star.from)}])`;
    const name = JSON.stringify(this.file);
    return `$$modules[${name}] = (function () { ${this.#bound.join(" ")}${body.replace(/^#!/, "//")}\nreturn ${all}; })();\n`;
  }

  /** Where a wanted module is at run time. */
  #from({ file, kind }) {
    if (file === undefined) return "$$sdk";
    return `$$modules[${JSON.stringify(kind === "module" ? file : `${kind}:${file}`)}]`;
  }

  /** Checks that the names are there, and says where they come from. */
  #names(wanted, names) {
    const { node, file, kind } = wanted;
    if (file === undefined) {
      const at = `${this.file}:${node.loc.start.line}:${node.loc.start.column + 1}`;
      return `$$.known($$sdk, ${JSON.stringify(names)}, ${JSON.stringify(at)})`;
    }
    const known = this.linked.state.get(kind === "module" ? file : `${kind}:${file}`);
    const unknown = names.find((name) => !known.has(name));
    if (unknown !== undefined) throw mistake(`${file} has no export ${unknown}`, this.file, node.loc.start);
    return this.#from(wanted);
  }

  /** Imports are bound before anything runs, wherever they stand. */
  #bind() {
    for (const wanted of this.wanted) {
      const { node } = wanted;
      if (node.type !== "ImportDeclaration") continue;
      const named = [];
      for (const specifier of node.specifiers) {
        const local = specifier.local.name;
        if (specifier.type === "ImportNamespaceSpecifier") this.#bound.push(`const ${local} = ${this.#from(wanted)};`);
        else named.push([specifier.type === "ImportDefaultSpecifier" ? "default" : word(specifier.imported), local]);
      }
      if (named.length === 0) continue;
      const from = this.#names(wanted, named.map(([name]) => name));
      const pattern = named.map(([name, local]) => `${JSON.stringify(name)}: ${local}`);
      this.#bound.push(`const { ${pattern.join(", ")} } = ${from};`);
    }
  }

  #statement(node) {
    const lines = "\n".repeat(node.loc.end.line - node.loc.start.line);
    switch (node.type) {
      case "ImportDeclaration":
        return lines;
      case "ExportDefaultDeclaration":
        return this.#exportDefault(node);
      case "ExportNamedDeclaration":
        return this.#exportNamed(node, lines);
      case "ExportAllDeclaration":
        this.#exportAll(node);
        return lines;
      default:
        return this.renderer.node(node);
    }
  }

  #exportDefault(node) {
    const { declaration } = node;
    const gap = "\n".repeat(declaration.loc.start.line - node.loc.start.line);
    if (/Declaration$/.test(declaration.type) && declaration.id) {
      this.#exports.set("default", declaration.id.name);
      return gap + this.renderer.node(declaration);
    }
    this.#exports.set("default", "$$default");
    return `const $$default =${gap} ${this.renderer.node(declaration)};`;
  }

  #exportNamed(node, lines) {
    if (node.declaration) {
      const { declaration } = node;
      const declared = declaration.id ? [declaration.id.name] : declaration.declarations.flatMap(({ id }) => bindings(id));
      for (const name of declared) this.#exports.set(name, name);
      return "\n".repeat(declaration.loc.start.line - node.loc.start.line) + this.renderer.node(declaration);
    }
    const pairs = node.specifiers.map(({ local, exported }) => [word(local), word(exported)]);
    if (node.source) {
      const from = this.#names(this.wanted.find((wanted) => wanted.node.start === node.start), pairs.map(([name]) => name));
      for (const [name, exported] of pairs) this.#exports.set(exported, `${from}[${JSON.stringify(name)}]`);
    } else {
      for (const [name, exported] of pairs) this.#exports.set(exported, name);
    }
    return lines;
  }

  #exportAll(node) {
    const wanted = this.wanted.find((wanted) => wanted.node.start === node.start);
    const from = this.#from(wanted);
    if (node.exported) this.#exports.set(word(node.exported), from);
    else this.#stars.push({ from, names: this.linked.state.get(wanted.file) ?? [] });
  }
}

const word = (name) => name.name ?? name.value;

/** The names that a pattern declares. */
function bindings(pattern) {
  switch (pattern?.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((property) => bindings(property.value ?? property.argument));
    case "ArrayPattern":
      return pattern.elements.flatMap(bindings);
    case "AssignmentPattern":
      return bindings(pattern.left);
    case "RestElement":
      return bindings(pattern.argument);
    default:
      return [];
  }
}
