// The answer of a solution.

/**
 * What a solution answers: what its last `\boxed{…}` holds, or else the first number
 * after the last word "answer" that has one on its line; null where there is none.
 */
export function answer(text) {
  const held = boxed(text);
  if (held !== null) return (!/\p{Alphabetic}/u.test(held) && number(held)) || held;
  const marks = [...text.matchAll(/answer/gi)].reverse();
  for (const mark of marks) {
    const after = text.slice(mark.index + mark[0].length).replace(/^[^\p{Alphabetic}\p{N}-]+/u, "");
    const found = number(after.split("\n", 1)[0]);
    if (found !== null) return found;
  }
  return null;
}

/** The first number of a text, without what groups its digits: `1,200.50` is `1200.5`; null where there is none. */
export function number(text) {
  const found = /(?:(?<![\p{Alphabetic}\p{N}])-)?[0-9](?:[0-9]|,(?=[0-9]{3}(?![0-9]))|[./](?=[0-9]))*/u.exec(text)?.[0];
  if (found === undefined) return null;
  // A second point or stroke ends it.
  const [whole] = /^[^./]*([./][^./]*)?/.exec(found.replaceAll(",", ""));
  return whole.includes(".") ? whole.replace(/\.?0+$/, "") : whole;
}

/** What stands in the last `\boxed{…}`, inner braces included. */
function boxed(text) {
  const start = text.lastIndexOf("\\boxed{");
  if (start < 0) return null;
  const after = text.slice(start + "\\boxed{".length);
  let depth = 1;
  for (let at = 0; at < after.length; at++) {
    depth += (after[at] === "{") - (after[at] === "}");
    if (depth === 0) return after.slice(0, at).trim();
  }
  return null;
}
