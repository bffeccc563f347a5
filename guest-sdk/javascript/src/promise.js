// Promises with a queue of jobs that this library empties: a plan's `run` is one
// plain call, in which QuickJS never turns to the jobs of its own promises.

const jobs = [];
let first = 0;

/** Does all that can be done without waiting for the host. */
export function settle() {
  while (first < jobs.length) {
    const job = jobs[first];
    jobs[first++] = undefined;
    job();
    if (first === 4096) jobs.splice(0, first), (first = 0);
  }
  jobs.length = first = 0;
}

/** What stands for `queueMicrotask`. */
export function later(job) {
  jobs.push(job);
}

export class Promise {
  #state = "pending";
  #value;
  #waiting = [];

  constructor(executor) {
    if (typeof executor !== "function") throw new TypeError("a Promise needs a function");
    const { resolve, reject } = this.#functions();
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  /** The two functions, of which the first that is called counts. */
  #functions() {
    let called = false;
    const once = (settle) => (value) => {
      if (called) return;
      called = true;
      settle(value);
    };
    return { resolve: once((value) => this.#resolve(value)), reject: once((error) => this.#settle("rejected", error)) };
  }

  #resolve(value) {
    if (value === this) return this.#settle("rejected", new TypeError("a promise cannot wait for itself"));
    let then;
    try {
      then = value !== null && ["object", "function"].includes(typeof value) ? value.then : undefined;
    } catch (error) {
      return this.#settle("rejected", error);
    }
    if (typeof then !== "function") return this.#settle("fulfilled", value);
    later(() => {
      const { resolve, reject } = this.#functions();
      try {
        then.call(value, resolve, reject);
      } catch (error) {
        reject(error);
      }
    });
  }

  #settle(state, value) {
    this.#state = state;
    this.#value = value;
    for (const reaction of this.#waiting) later(reaction);
    this.#waiting = [];
  }

  then(fulfilled, rejected) {
    return new Promise((resolve, reject) => {
      const react = () => {
        const handler = this.#state === "fulfilled" ? fulfilled : rejected;
        if (typeof handler !== "function") return this.#state === "fulfilled" ? resolve(this.#value) : reject(this.#value);
        try {
          resolve(handler(this.#value));
        } catch (error) {
          reject(error);
        }
      };
      if (this.#state === "pending") this.#waiting.push(react);
      else later(react);
    });
  }

  catch(rejected) {
    return this.then(undefined, rejected);
  }

  finally(done) {
    if (typeof done !== "function") return this.then(done, done);
    const after = (end) => Promise.resolve(done()).then(end);
    return this.then((value) => after(() => value), (error) => after(() => { throw error; }));
  }

  get [Symbol.toStringTag]() {
    return "Promise";
  }

  static resolve(value) {
    return value instanceof Promise ? value : new Promise((resolve) => resolve(value));
  }

  static reject(error) {
    return new Promise((_, reject) => reject(error));
  }

  static withResolvers() {
    const parts = {};
    parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
    return parts;
  }

  static try(call, ...given) {
    return new Promise((resolve) => resolve(call(...given)));
  }

  /** Waits for each; `take` gets every promise with its place and where its outcome goes. */
  static #collect(values, take) {
    return new Promise((resolve, reject) => {
      const found = [];
      let left = 1;
      const done = () => --left === 0 && resolve(found);
      let at = 0;
      for (const value of values) {
        const place = at++;
        left++;
        const put = (outcome) => {
          found[place] = outcome;
          done();
        };
        take(Promise.resolve(value), put, reject, place);
      }
      done();
    });
  }

  static all(values) {
    return Promise.#collect(values, (promise, put, reject) => promise.then(put, reject));
  }

  static allSettled(values) {
    return Promise.#collect(values, (promise, put) =>
      promise.then((value) => put({ status: "fulfilled", value }), (reason) => put({ status: "rejected", reason })));
  }

  static any(values) {
    return new Promise((resolve, reject) => {
      const errors = Promise.#collect(values, (promise, put) => promise.then(resolve, put));
      errors.then((all) => reject(new AggregateError(all, "every promise was rejected")), reject);
    });
  }

  static race(values) {
    return new Promise((resolve, reject) => {
      for (const value of values) Promise.resolve(value).then(resolve, reject);
    });
  }
}
