// How texts are sampled.

/** The temperature and the length of a plan's decoded messages. */
export class Sampling {
  /** `--temperature T`, or this one, and `--max-tokens N`, the most tokens of one message, or 256. */
  constructor(args, temperature) {
    this.temperature = args.number("--temperature", temperature, 0, 10);
    this.maxTokens = args.whole("--max-tokens", 256, 1, 1000000);
  }
}
