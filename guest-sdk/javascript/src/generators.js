// What linked scripts (link/) call: async functions as generators, and modules.

/** Runs an async function's body, in which `yield` waits. */
export function async(self, given, body) {
  return new Promise((resolve, reject) => {
    const steps = body.apply(self, given);
    const go = (way, value) => {
      let step;
      try {
        step = steps[way](value);
      } catch (error) {
        return reject(error);
      }
      if (step.done) return resolve(step.value);
      Promise.resolve(step.value).then((got) => go("next", got), (error) => go("throw", error));
    };
    go("next");
  });
}

class Waited {
  constructor(value) {
    this.value = value;
  }
}

/** Marks what an async generator waits for; all else that it yields goes to its reader. */
export const waited = (value) => new Waited(value);

/** Runs an async generator's body. Its readers are served in their order. */
export function asyncGenerator(self, given, body) {
  const steps = body.apply(self, given);
  let last = Promise.resolve();
  const ask = (way, value) => {
    const answer = () =>
      new Promise((resolve, reject) => {
        const go = (way, value) => {
          let step;
          try {
            step = steps[way](value);
          } catch (error) {
            return reject(error);
          }
          const again = [(got) => go("next", got), (error) => go("throw", error)];
          if (!step.done && step.value instanceof Waited) return Promise.resolve(step.value.value).then(...again);
          const give = (value) => resolve({ value, done: step.done });
          return Promise.resolve(step.value).then(give, step.done ? reject : again[1]);
        };
        go(way, value);
      });
    last = last.then(answer, answer);
    return last;
  };
  return {
    next: (value) => ask("next", value),
    throw: (error) => ask("throw", error),
    return: (value) => ask("return", value),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** `yield*` of an async generator. */
export function* each(values) {
  const from = iterator(values);
  for (;;) {
    const step = yield waited(from.next());
    if (step.done) return step.value;
    yield step.value;
  }
}

/** What `for await` reads: `next`, and `leave` for a loop that ends before its values. */
export function iterator(values) {
  const asynchronous = values[Symbol.asyncIterator];
  const from = asynchronous ? asynchronous.call(values) : values[Symbol.iterator]();
  return {
    next: () => (asynchronous ? from.next() : settled(from.next())),
    leave: () => from.return?.(),
  };
}

/** A plain iterator's step, its value waited for. */
function settled(step) {
  return Promise.resolve(step.value).then((value) => ({ value, done: step.done }));
}

/** A module's exports: its own, and those of modules that it exports whole; by name. */
export function namespace(own, wholes) {
  const from = new Map(wholes.flatMap((whole) => Object.keys(whole).map((name) => [name, whole])));
  from.delete("default");
  for (const name of Object.keys(own)) from.set(name, own);
  const all = Object.create(null);
  for (const name of [...from.keys()].sort()) {
    Object.defineProperty(all, name, { get: () => from.get(name)[name], enumerable: true });
  }
  return Object.freeze(all);
}

/** The SDK, when it has these names. */
export function known(sdk, names, place) {
  const unknown = names.find((name) => !(name in sdk));
  if (unknown !== undefined) throw new SyntaxError(`"choreo" has no export ${unknown} (${place})`);
  return sdk;
}
