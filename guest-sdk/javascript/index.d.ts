/**
 * What the author of a choreo plan imports.
 *
 * A plan is a module that exports `run(args)`, which gives a text, or a promise of
 * one. It says which messages a language model reads and writes, and which earlier
 * messages each of them sees: its parents. Names mean what they mean in the contract,
 * `wit/choreo.wit`. Wrong arguments throw a `TypeError` before they reach the host.
 */

/** Who speaks; `raw` adds no role and no end-of-message tokens. */
export type Role = "system" | "user" | "assistant" | "tool" | "raw";

/** Which part of a turn a message is. */
export type Part = "whole" | "open" | "middle" | "close";

/** A message of this run. */
export class Message {
  constructor(id: number);
  /** Its number, from 1 in the order of creation; it means nothing in another run. */
  readonly id: number;
  /** This message as a parent whose first token stands at `offset`, in tokens. */
  at(offset: number): Parent;
}

/** Repair of a parent in its new company: its first tokens, the fraction that moves most, or all of it. */
export type Refresh = "full" | { link: number } | { blend: number };

/** A message that a call sees, and where it stands in that call's view. */
export interface Parent {
  id: number;
  /** Position of its first token, in tokens. Unset: right after the parent before it; 0 for the first. */
  offset?: number;
  refresh?: Refresh;
}

/** What a list of parents may hold. */
export type ParentLike = Message | Parent | number | readonly [message: Message | number, offset: number];

/** Who speaks and what is seen: of all calls. */
export interface ViewOptions {
  /** Unset: the user for `prefill`, the assistant for `decode` and `score`. */
  role?: Role;
  /** The speaker's name, where the model's chat format has a place for it. */
  name?: string;
  /** What the call sees, in this order. */
  parents?: Iterable<ParentLike>;
  /** Position of the call's own first token, in tokens. Unset: right after the last parent. */
  offset?: number;
  /** Labels that parents may carry. Unset: any. */
  maySee?: Iterable<string>;
  /** What to do when a parent carries another. Unset: fail. */
  onViolation?: "fail" | "reencode";
}

/** What messages have that stay. */
export interface MessageOptions extends ViewOptions {
  part?: Part;
  /** Labels the message starts with; it inherits its parents' too. */
  labels?: Iterable<string>;
}

/** What a decoded text must be, the header not counted. */
export type Constraint = { oneOf: Iterable<string> } | { regex: string } | { jsonSchema: string | object };

/** How a text is sampled; what is unset is the operator's. */
export interface DecodeOptions extends MessageOptions {
  /** Most tokens to generate. */
  maxTokens?: number;
  /** What logits are divided by; 0 takes the likeliest token. */
  temperature?: number;
  /** Samples among the likeliest tokens that together have this probability, 0–1. */
  topP?: number;
  /** Samples among this many of the likeliest tokens. */
  topK?: number;
  /** Samples among tokens with at least this share of the likeliest's probability, 0–1. */
  minP?: number;
  /** Divides the logits of tokens that are there already; 1 changes nothing. */
  repetitionPenalty?: number;
  /** Replaces the run's seed, 32 bits; the message's number is mixed in either way. */
  seed?: number;
  /** Strings that end the message; they are not in its text. */
  stop?: Iterable<string>;
  constraint?: Constraint;
  /** How many alternatives to report for each generated token, up to 255. */
  topLogprobs?: number;
}

/** Why a message ended. */
export type Finish =
  | { tag: "prefilled" | "end" | "constraint" | "length" | "cancelled" }
  | { tag: "stop-string"; val: number }
  | { tag: "budget"; val: string };

export interface TokenLogprob {
  token: number;
  bytes: Uint8Array;
  logprob: number;
}

export interface Logprobs {
  chosen: TokenLogprob;
  top: TokenLogprob[];
}

/** A message that the model wrote. */
export class Decoded extends Message {
  /** Its text, header included, role and end-of-message tokens not. */
  readonly text: string;
  readonly finish: Finish;
  /** Number of generated tokens. */
  readonly tokens: number;
  /** One entry for each generated token, where alternatives were asked for. */
  readonly logprobs: Logprobs[];
}

/**
 * A message being decoded. `await` gives it when it is finished; all that are awaited
 * at once run in the same steps. `for await` gives its text in pieces, header included.
 */
export class Decoding implements PromiseLike<Decoded>, AsyncIterable<string> {
  private constructor();
  /** The finished message, as a promise. */
  finished(): Promise<Decoded>;
  then<A = Decoded, B = never>(
    fulfilled?: ((decoded: Decoded) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B>;
  catch<B = never>(rejected?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<Decoded | B>;
  finally(done?: (() => void) | null): Promise<Decoded>;
  [Symbol.asyncIterator](): AsyncIterableIterator<string>;
  /** New text since the last read, or null at the end. The plan stands still until there is some. */
  read(): string | null;
  /** The finished message. The plan stands still until it is there. */
  finish(): Decoded;
  /** Ends the message now and keeps what it has. */
  cancel(): Decoded;
}

/** Adds a message with this text. Its encoding may happen later. */
export function prefill(text: string, options?: MessageOptions): Message;
/** Adds messages that do not see one another: all of them, or none. */
export function prefillAll(calls: Iterable<MessageOptions & { text: string }>): Message[];

/** Starts a message that begins with `header`, and goes on at once. */
export function decode(header: string, options?: DecodeOptions): Decoding;
/** Starts messages in one list. */
export function startAll(calls: Iterable<DecodeOptions & { header?: string }>): Decoding[];
/** Generates a message. The plan stands still until it is there. */
export function decodeNow(header: string, options?: DecodeOptions): Decoded;
/** Generates messages in parallel, all of them or an error. The plan stands still until they are there. */
export function decodeAll(calls: Iterable<DecodeOptions & { header?: string }>): Decoded[];
/** The same, each with a result of its own. */
export function decodeEach(calls: Iterable<DecodeOptions & { header?: string }>): (Decoded | ChoreoError)[];
/** Waits until at least one has new text, or has finished, or the time is over: the indexes of all that have. */
export function waitAny(
  decodings: Iterable<Decoding>,
  options?: { until?: "text" | "finished"; timeoutMs?: number },
): number[];

export interface Scored {
  /** Natural log of the candidate's probability as the continuation of the header. */
  logprob: number;
  tokens: number;
}

export interface ScoreOptions extends ViewOptions {
  /** Whether the end of message counts as part of each candidate. */
  withEnd?: boolean;
}

/** How likely each candidate is as the continuation of the header. Leaves no message behind. */
export function score(header: string, candidates: Iterable<string>, options?: ScoreOptions): Scored[];
export function scoreAll(
  calls: Iterable<ScoreOptions & { header: string; candidates: Iterable<string> }>,
): Scored[][];

/** What the host knows of a message. */
export interface Description {
  role: Role;
  name?: string;
  part: Part;
  /** Length in tokens, role and end-of-message tokens included. */
  tokens: number;
  finish: Finish;
  /** Its own labels and those it inherited. */
  labels: string[];
  /** Its parents as placed: every offset is there. */
  parents: Parent[];
  /** Where its own first token stands, in tokens. */
  offset: number;
}

/** The message's text, header included. */
export function text(message: Message | number): string;
export function text(messages: Iterable<Message | number>): string[];
/** What the host knows of the message. */
export function describe(message: Message | number): Description;
export function describe(messages: Iterable<Message | number>): Description[];
/** Gives the room of messages back; their ids become unknown. */
export function release(messages: Message | number | Iterable<Message | number>): void;
/** Tokens that prefilling each text would add. */
export function countTokens(text: string, options?: { role?: Role; part?: Part }): number;
export function countTokens(texts: Iterable<string>, options?: { role?: Role; part?: Part }): number[];

/** What is left of every limited thing. */
export function remaining(): { name: string; left: number }[];
/** Lowers a limit; never raises one. */
export function limit(name: string, left: number): void;
export function model(): { name: string; context: number; roles: Role[] };
/** Writes to the run's log; `console` does so too. The host bounds lines and their number. */
export function log(text: string, level?: "debug" | "info" | "warn" | "error"): void;

/** An error for whoever runs the plan, such as a missing argument: no place in the code is shown. */
export class PlanError extends Error {}

/** What a call needed and what there was. */
export interface Shortage {
  what: string;
  asked: number;
  left: number;
}

/** The contract's cause of an error. */
export type Cause =
  | { tag: "unknown-message" | "lost" | "label"; val: number }
  | { tag: "context-overflow" | "cache-full" | "budget" | "timeout"; val: Shortage }
  | { tag: "invalid-argument" | "denied" | "unsupported" | "engine"; val: string }
  | { tag: "cancelled" };

/** A call that the host refused, or a lane that failed: one of the classes below. */
export class ChoreoError extends Error {
  readonly cause: Cause;
  /** Index of the call in its list, from 0, where one call is to blame. */
  readonly call?: number;
}

declare class MessageError extends ChoreoError {
  /** The message to blame. */
  readonly id: number;
}
declare class ShortageError extends ChoreoError implements Shortage {
  readonly what: string;
  readonly asked: number;
  readonly left: number;
}
declare class ReasonError extends ChoreoError {
  readonly why: string;
}

export class UnknownMessageError extends MessageError {}
/** A message that was accepted could not be encoded; so are its descendants. */
export class LostError extends MessageError {}
export class LabelError extends MessageError {}
export class ContextOverflowError extends ShortageError {}
export class CacheFullError extends ShortageError {}
export class BudgetError extends ShortageError {}
export class TimeoutError extends ShortageError {}
export class InvalidArgumentError extends ReasonError {}
export class DeniedError extends ReasonError {}
export class UnsupportedError extends ReasonError {}
export class EngineError extends ReasonError {}
export class CancelledError extends ChoreoError {}
