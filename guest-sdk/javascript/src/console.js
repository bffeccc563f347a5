// `console`, where the engine has none: its lines go to the run's log.

import { log } from "choreo:host/log@0.1.0";

const show = (value) => {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
};

const line = (level) => (...values) => log(level, values.map(show).join(" ").toWellFormed());

export const console = { debug: line("debug"), log: line("info"), info: line("info"), warn: line("warn"), error: line("error") };
