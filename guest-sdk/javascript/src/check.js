// Checks of what a plan passes, before it reaches the boundary: there a wrong type
// would end the run without a word.

/** A value for an error message, short. */
export function show(value) {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? `a list of ${value.length}` : `an object (${value.constructor?.name ?? "no class"})`;
}

/** Checks of one call's arguments; `where` begins every complaint. */
export class Check {
  constructor(where) {
    this.where = where;
  }

  wrong(name, needed, value) {
    return new TypeError(`${this.where}: ${name} needs ${needed}, not ${show(value)}`);
  }

  string(name, value) {
    if (typeof value !== "string") throw this.wrong(name, "a string", value);
    if (!value.isWellFormed()) throw this.wrong(name, "whole characters", "half a character in the string");
    return value;
  }

  strings(name, values) {
    return this.list(name, values).map((value) => this.string(name, value));
  }

  list(name, values) {
    if (typeof values === "string" || typeof values?.[Symbol.iterator] !== "function") {
      throw this.wrong(name, "a list", values);
    }
    return Array.isArray(values) ? values : [...values];
  }

  /** A whole number of at most 32 bits, as all engines take one: in 32 bits with a sign. */
  whole(name, value, most = 0xffff_ffff) {
    if (!Number.isInteger(value) || value < 0 || value > most) {
      throw this.wrong(name, `a whole number from 0 to ${most}`, value);
    }
    return value | 0;
  }

  number(name, value) {
    if (typeof value !== "number" || Number.isNaN(value)) throw this.wrong(name, "a number", value);
    return value;
  }

  one(name, value, of) {
    if (!of.includes(value)) throw this.wrong(name, `one of ${of.join(", ")}`, value);
    return value;
  }

  boolean(name, value) {
    if (typeof value !== "boolean") throw this.wrong(name, "true or false", value);
    return value;
  }

  /** The options, all of which are known. */
  options(given, known) {
    if (given === undefined) return {};
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      throw this.wrong("the last argument", "an object of options", given);
    }
    const unknown = Object.keys(given).find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new TypeError(`${this.where}: no option is called ${unknown}: take ${known.join(", ")}`);
    }
    return given;
  }
}

/** The value checked, or null where it is not given: the contract's "none". */
export const maybe = (value, check) => (value === undefined || value === null ? null : check(value));
