// What most want.

/** The vote that most gave, and how many did; of equals the first given. `[undefined, 0]` without votes. */
export function majority(votes) {
  const counts = new Map();
  for (const vote of votes) counts.set(vote, (counts.get(vote) ?? 0) + 1);
  let most = [undefined, 0];
  for (const entry of counts) if (entry[1] > most[1]) most = entry;
  return most;
}
