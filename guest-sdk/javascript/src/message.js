// Messages, and how a call sees them.

/** A message of this run. Its `id` means nothing in another run. */
export class Message {
  constructor(id) {
    this.id = id;
  }

  /** This message as a parent whose first token stands at `offset`, in tokens. */
  at(offset) {
    return { id: this.id, offset };
  }
}

/** A message that the model wrote. */
export class Decoded extends Message {
  constructor({ id, text, finish, tokens, logprobs }) {
    super(id);
    /** Its text, header included, role and end-of-message tokens not. */
    this.text = text;
    /** Why it ended: `{ tag, val }`. */
    this.finish = finish;
    /** Number of generated tokens. */
    this.tokens = tokens;
    /** One entry for each generated token, where alternatives were asked for. */
    this.logprobs = logprobs;
  }
}

/** The id of what names a message: a message, or its id. */
export function id(check, name, value) {
  const number = typeof value === "object" && value !== null ? value.id : value;
  if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff) throw check.wrong(name, "a message", value);
  return number | 0;
}

/** Ids of several messages. */
export const ids = (check, values) => check.list("messages", values).map((value) => id(check, "a message", value));

/** A parent: a message, `[message, offset]`, or `{ id, offset, refresh }`. */
export function parent(check, value) {
  if (Array.isArray(value)) {
    if (value.length !== 2) throw check.wrong("a parent", "a message, or [message, offset]", value);
    return { id: id(check, "a parent", value[0]), offset: check.whole("a parent's offset", value[1]), refresh: null };
  }
  const { offset, refresh } = Object(value);
  return {
    id: id(check, "a parent", value),
    offset: offset === undefined || offset === null ? null : check.whole("a parent's offset", offset),
    refresh: refresh === undefined || refresh === null ? null : repair(check, refresh),
  };
}

/** `"full"`, `{ link: TOKENS }` or `{ blend: FRACTION }`. */
function repair(check, value) {
  if (value === "full") return { tag: "full" };
  const [kind, ...more] = Object.keys(Object(value));
  if (kind === "link" && more.length === 0) return { tag: "link", val: check.whole("refresh.link", value.link) };
  if (kind === "blend" && more.length === 0) return { tag: "blend", val: check.number("refresh.blend", value.blend) };
  throw check.wrong("refresh", '"full", { link: TOKENS } or { blend: FRACTION }', value);
}

/** A parent as the plan gets it from a description. */
export function placed({ id, offset, refresh }) {
  const repair = refresh && (refresh.tag === "full" ? "full" : { [refresh.tag]: refresh.val });
  return { id, offset: offset ?? undefined, refresh: repair ?? undefined };
}
