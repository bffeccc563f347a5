// Why a call failed, with the evidence.

/** An error for whoever runs the plan, such as a missing argument: no place in the code is shown. */
export class PlanError extends Error {
  get name() {
    return "PlanError";
  }
}

/**
 * A call that the host refused, or a lane that failed. Each cause of the contract
 * is a class of its own below, with its evidence as fields.
 */
export class ChoreoError extends Error {
  constructor(cause, call) {
    super((call === undefined ? "" : `call ${call} of the list: `) + explain(cause));
    /** The contract's cause: `{ tag, val }`. */
    this.cause = cause;
    /** Index of the call in its list, from 0, where one call is to blame. */
    this.call = call;
    Object.assign(this, evidence(cause));
  }

  get name() {
    return this.constructor.name;
  }
}

export class UnknownMessageError extends ChoreoError {}
export class LostError extends ChoreoError {}
export class InvalidArgumentError extends ChoreoError {}
export class ContextOverflowError extends ChoreoError {}
export class CacheFullError extends ChoreoError {}
export class BudgetError extends ChoreoError {}
export class TimeoutError extends ChoreoError {}
export class LabelError extends ChoreoError {}
export class DeniedError extends ChoreoError {}
export class UnsupportedError extends ChoreoError {}
export class CancelledError extends ChoreoError {}
export class EngineError extends ChoreoError {}

const CLASSES = {
  "unknown-message": UnknownMessageError,
  lost: LostError,
  "invalid-argument": InvalidArgumentError,
  "context-overflow": ContextOverflowError,
  "cache-full": CacheFullError,
  budget: BudgetError,
  timeout: TimeoutError,
  label: LabelError,
  denied: DeniedError,
  unsupported: UnsupportedError,
  cancelled: CancelledError,
  engine: EngineError,
};

/** The contract's error as one of ours; `call` where the host does not say. */
export function failure({ cause, call: said }, call) {
  const shortage = ["context-overflow", "cache-full", "budget", "timeout"].includes(cause.tag);
  if (shortage) {
    const { what, asked, left } = cause.val;
    // Some engines have 64-bit numbers as BigInt.
    cause = { tag: cause.tag, val: { what, asked: Number(asked), left: Number(left) } };
  }
  return new CLASSES[cause.tag](cause, call ?? said ?? undefined);
}

function evidence({ tag, val }) {
  switch (tag) {
    case "unknown-message":
    case "lost":
    case "label":
      return { id: val };
    case "context-overflow":
    case "cache-full":
    case "budget":
    case "timeout":
      return val;
    case "cancelled":
      return {};
    default:
      return { why: val };
  }
}

function explain({ tag, val }) {
  switch (tag) {
    case "context-overflow":
      return `${val.what} needs ${val.asked} positions and the model has ${val.left}: see less or decode less`;
    case "cache-full":
      return `${val.what} needs room for ${val.asked} tokens at once and the cache has ${val.left}: see fewer messages, or ask for a larger cache`;
    case "budget":
      return `the budget ${val.what} has ${val.left} left and the call needs ${val.asked}: ask the operator for more`;
    case "timeout":
      return `the time is over (${val.what}: ${val.asked} asked, ${val.left} left): ask the operator for more`;
    case "unknown-message":
      return `message ${val} is not known to this run: name a message that was made here and not released`;
    case "lost":
      return `message ${val} could not be encoded, so its descendants cannot: make it and them again`;
    case "label":
      return `message ${val} carries a label that the call may not see: name the label in maySee or leave the parent out`;
    case "invalid-argument":
      return `invalid argument: ${val}`;
    case "denied":
      return `denied by the operator: ${val}`;
    case "unsupported":
      return `not supported by this host: ${val}`;
    case "cancelled":
      return "cancelled";
    default:
      return `engine: ${val}`;
  }
}
