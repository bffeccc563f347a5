// Eight decodes of so many tokens: in a list, awaited together, or one by one.
// Arguments: `eight`, the way, and the tokens of each.

import { PlanError, decode, decodeAll, prefill } from "choreo";

export async function run(args) {
  if (args.length !== 3 || args[0] !== "eight") throw new PlanError(`no behaviour is called ${args}`);
  const question = prefill("What pet does Halan have?");
  const lanes = Array.from({ length: 8 }, (_, lane) => ({
    header: `${lane}:`,
    parents: [question],
    temperature: 1,
    maxTokens: Number(args[2]),
    constraint: { regex: "[a-z ]{4000}" },
  }));
  return (await decoded(lanes, args[1])).map(({ text }) => `${text}\n`).join("");
}

async function decoded(lanes, way) {
  const start = ({ header, ...options }) => decode(header, options);
  switch (way) {
    case "list":
      return decodeAll(lanes);
    case "awaited":
      return Promise.all(lanes.map(start));
    case "apart": {
      const decoded = [];
      for (const lane of lanes) decoded.push(await start(lane));
      return decoded;
    }
    default:
      throw new PlanError(`no way is called ${way}`);
  }
}
