// Which tokens of which messages a call sees, and at which positions.
const [LABEL, ROW, WIDEST, CELLS] = [170, 18, 20000, 4000];

// A row for each listed parent, however often it is listed, and one for the message itself.
function rows(message) {
  const seen = message.parents.map(({ id, offset }) => ({ id, offset, tokens: messages[id - 1].tokens, kind: "parent" }));
  return [...seen, { id: message.id, offset: message.offset, tokens: message.tokens, kind: "own" }];
}

// Stretches of positions that equally many tokens stand at.
function stretches(rows) {
  const changes = new Map([[0, 0]]);
  const change = (at, by) => changes.set(at, (changes.get(at) ?? 0) + by);
  for (const { offset, tokens } of rows) {
    change(offset, 1);
    change(offset + tokens, -1);
  }
  const places = [...changes.keys()].sort((left, right) => left - right);
  const found = [];
  let many = 0;
  for (const [index, from] of places.entries()) {
    many += changes.get(from);
    const last = found.at(-1);
    const to = places[index + 1];
    if (to === undefined) break;
    if (last && last.many === many) last.to = to;
    else found.push({ from, to, many });
  }
  return found;
}

const range = ({ from, to }) => (to - from === 1 ? `${from}` : `${from} to ${to - 1}`);

function describe(message, rows, stretches) {
  const seen = rows.filter((row) => row.kind === "parent");
  const times = new Map();
  for (const { id } of seen) times.set(id, (times.get(id) ?? 0) + 1);
  const list = (found, words) => (found.length ? ` ${words} ${found.slice(0, 12).join(", ")}${found.length > 12 ? ", …" : ""}.` : "");
  const tokens = seen.reduce((sum, row) => sum + row.tokens, 0);
  const where = message.tokens === 1 ? `position ${message.offset}` : `positions ${message.offset} to ${message.offset + message.tokens - 1}`;
  return `${title(message)} sees ${count(tokens, "token")} of ${count(times.size, "message")}, and stands at ${where}.` +
    list([...times].filter(([, many]) => many > 1).map(([id, many]) => `#${id} (${many} times)`), "Seen more than once:") +
    list(stretches.filter((one) => one.many === 0).map(range), "Nothing stands at") +
    list(stretches.filter((one) => one.many > 1).map(range), "Several tokens stand at") +
    (["choreo"].includes(report.mode) ? "" : ` Mode ${report.mode} takes them one after another, wherever the plan has placed them.`);
}

function draw(message) {
  const all = rows(message);
  const parts = stretches(all);
  const end = Math.max(1, ...all.map((row) => row.offset + row.tokens));
  const tokens = all.reduce((sum, row) => sum + row.tokens, 0);
  // Where there are too many to be told apart, a cell stands for several.
  const each = Math.max(1, Math.ceil(tokens / CELLS));
  const cell = Math.min(14, Math.max(950 / end, Math.min(3, WIDEST / end)));
  const picture = svg("svg", {
    width: LABEL + end * cell + 40, height: (all.length + 2) * ROW + 8, role: "img", "aria-labelledby": "summary",
  });
  all.forEach((row, line) => {
    const label = `#${row.id} ${messages[row.id - 1].role}, at ${row.offset}`;
    picture.append(svg("text", { x: 0, y: line * ROW + 13 }, cut(label, 26)));
    for (let token = 0; token < row.tokens; token += each) {
      const many = Math.min(each, row.tokens - token);
      const position = row.offset + token;
      const words = each === 1
        ? `token ${token} of #${row.id}, at position ${position}`
        : `tokens ${token} to ${token + many - 1} of #${row.id}, from position ${position}`;
      picture.append(svg("rect", {
        class: `cell ${row.kind}`, x: LABEL + position * cell, y: line * ROW + 2, width: many * cell - Math.min(1, cell / 5),
        height: ROW - 4, "data-message": row.id, "data-token": token, "data-position": position, "data-tokens": many,
      }, svg("title", {}, words)));
    }
  });
  const y = all.length * ROW + 4;
  picture.append(svg("text", { x: 0, y: y + 10, class: "quiet" }, "positions"));
  for (const { from, to, many } of parts) {
    const kind = many === 0 ? "gap" : many === 1 ? "parent" : "overlap";
    const words = `positions ${range({ from, to })}: ${many === 0 ? "nothing" : count(many, "token") + " each"}`;
    picture.append(svg("rect", {
      class: `stretch ${kind}`, x: LABEL + from * cell, y, width: (to - from) * cell, height: 8, "data-from": from,
      "data-to": to, "data-many": many,
    }, svg("title", {}, words)));
  }
  let last = -Infinity;
  const places = new Set([...all.map((row) => row.offset), ...parts.map((part) => part.from), end]);
  for (const place of [...places].sort((left, right) => left - right)) {
    const x = LABEL + place * cell;
    if (x - last < 34) continue;
    last = x;
    picture.append(svg("text", { x, y: y + 22, class: "quiet" }, `${place}`));
  }
  byId("summary").textContent = describe(message, all, parts) + (each > 1 ? ` A cell stands for ${each} tokens.` : "");
  byId("sight").replaceChildren(picture);
}

{
  const select = byId("call");
  for (const message of messages) {
    select.append(html("option", { value: message.id }, `${title(message)}: ${cut(visible(message.text), 60)}`));
  }
  select.addEventListener("change", () => choose(Number(select.value)));
  listeners.push((message) => {
    select.value = message.id;
    draw(message);
  });
}
