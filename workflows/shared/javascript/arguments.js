// A plan's arguments: options that start with `--`, and words.

import { PlanError } from "choreo";

/** Arguments, of which each option is taken by its name; what is left then are words, or mistakes. */
export class Arguments {
  #left;
  #usage;

  /** `usage` names all that the plan takes, in one line. */
  constructor(args, usage) {
    this.#left = [...args];
    this.#usage = usage;
  }

  /** Whether this option, which has no value, is there. */
  flag(name) {
    const at = this.#left.indexOf(name);
    if (at >= 0) this.#left.splice(at, 1);
    return at >= 0;
  }

  /** The option's value; undefined where it is not there. */
  value(name) {
    const at = this.#left.indexOf(name);
    if (at < 0) return undefined;
    if (at + 1 === this.#left.length) throw new PlanError(`${name} has no value: take ${this.#usage}`);
    return this.#left.splice(at, 2)[1];
  }

  /** The option's whole number, or `usual`. */
  whole(name, usual, least, most) {
    return this.#number(name, usual, least, most, /^\+?[0-9]+$/);
  }

  /** The option's number, or `usual`. */
  number(name, usual, least, most) {
    return this.#number(name, usual, least, most, /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i);
  }

  #number(name, usual, least, most, form) {
    const value = this.value(name);
    if (value === undefined) return usual;
    const number = form.test(value) ? Number(value) : NaN;
    if (!(number >= least && number <= most)) {
      throw new PlanError(`${name} needs a number from ${least} to ${most}, not ${JSON.stringify(value)}`);
    }
    return number;
  }

  /** Which of these names the option has; the first, where it is not there. */
  choice(name, names) {
    const value = this.value(name) ?? names[0];
    if (names.includes(value)) return value;
    throw new PlanError(`${name} takes one of ${names.join(", ")}, not ${JSON.stringify(value)}`);
  }

  /** The one word that is left, if any, when all options have been taken. */
  word() {
    const option = this.#left.find((arg) => arg.startsWith("--"));
    if (option !== undefined) {
      throw new PlanError(`no option is called ${option}, or it stands twice: take ${this.#usage}`);
    }
    const [word, second] = this.#left;
    if (second === undefined) return word;
    throw new PlanError(`one text too many, ${JSON.stringify(second)}: take ${this.#usage}, texts in quotes`);
  }
}
