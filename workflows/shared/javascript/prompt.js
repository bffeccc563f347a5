// Prompts with places to fill.

/** The prompt with a value wherever it has `{name}`; other braces, and those of values, stay. */
export function fill(prompt, values) {
  const place = /\{([^{}]*)\}/g;
  const filled = prompt.replace(place, (whole, name) => (Object.hasOwn(values, name) ? values[name] : whole));
  return filled.trimEnd();
}
