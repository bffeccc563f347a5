// What a plan returns: who said what, and what came of it.

/** A text that grows by sections. */
export class Transcript {
  #text;

  constructor(problem) {
    this.#text = `Problem: ${problem.text}\n`;
  }

  /** Starts a section. */
  section(title) {
    this.line(`\n== ${title}`);
  }

  /** A line, or several. */
  line(text) {
    this.#text += `${text}\n`;
  }

  /** A section of the texts of these messages. */
  turns(title, turns) {
    this.section(title);
    for (const { text } of turns) this.line(text);
  }

  /** Ends with the answer, how it came about, and whether it is the expected one, where that is known. */
  answered(problem, answer, how) {
    this.line(`\nAnswer: ${answer ?? "none"} (${how})`);
    if (problem.expected !== undefined) {
      this.line(`Expected: ${problem.expected} (${answer === problem.expected ? "right" : "wrong"})`);
    }
    return this.#text.trimEnd();
  }
}
