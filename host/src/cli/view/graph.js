// Boxes in columns: a message stands right of all that it sees, and one that was
// decoded right of those whose decoding had ended when it was asked for.
const [WIDTH, HEIGHT, ACROSS, DOWN, MIDDLE] = [190, 56, 70, 14, 12];
const columns = [];
const boxes = new Map();
const isDecoded = (message) => message.finish !== "prefilled";
for (const message of messages) {
  const before = message.parents.map((parent) => parent.id);
  if (isDecoded(message)) {
    const ended = (other) => isDecoded(other) && other.end_ms !== null && other.end_ms <= message.called_ms;
    before.push(...messages.slice(0, message.id - 1).filter(ended).map((other) => other.id));
  }
  const column = before.reduce((most, id) => Math.max(most, boxes.get(id).column), -1) + 1;
  (columns[column] ??= []).push(message.id);
  boxes.set(message.id, { column, row: columns[column].length - 1 });
}
const tallest = Math.max(1, ...columns.map((column) => column.length));
for (const box of boxes.values()) {
  // Short columns stand in the middle, as long as that is in sight.
  const above = Math.max(0, Math.min(tallest, MIDDLE) - columns[box.column].length) / 2;
  box.x = 6 + box.column * (WIDTH + ACROSS);
  box.y = 6 + (box.row + above) * (HEIGHT + DOWN);
}

function arrow(message, parent, index) {
  const [from, to] = [boxes.get(parent.id), boxes.get(message.id)];
  const [x, y] = [from.x + WIDTH, from.y + HEIGHT / 2];
  const end = to.y + (HEIGHT * (index + 1)) / (message.parents.length + 1);
  const bend = Math.max(ACROSS / 2, (to.x - x) / 2);
  const path = `M${x} ${y} C${x + bend} ${y} ${to.x - bend} ${end} ${to.x - 3} ${end}`;
  const words = `#${message.id} sees #${parent.id} at position ${parent.offset}`;
  const attributes = { class: "arrow", d: path, "marker-end": "url(#arrowhead)" };
  return svg("path", { ...attributes, "data-from": parent.id, "data-to": message.id }, svg("title", {}, words));
}

function box(message) {
  const { x, y } = boxes.get(message.id);
  const words = visible(message.text);
  const line = (dy, style, text) => svg("text", { x: 12, y: dy, class: style }, text);
  const made = svg("g", {
    class: "box", transform: `translate(${x} ${y})`, role: "option", tabindex: -1, "aria-selected": false,
    "data-message": message.id, "aria-label": `${title(message)}, ${count(message.tokens, "token")}, ${message.finish}: ${words}`,
  });
  made.append(
    svg("rect", { class: "frame", width: WIDTH, height: HEIGHT, rx: 5 }),
    svg("rect", { class: message.role, width: 5, height: HEIGHT, rx: 2 }),
    line(16, "title", cut(title(message), 26)),
    line(33, "words", cut(words, 26)),
    line(49, "quiet", `${count(message.tokens, "token")} · ${message.finish}`),
    svg("title", {}, words),
  );
  made.addEventListener("click", () => made.focus());
  made.addEventListener("focus", () => choose(message.id));
  return made;
}

// The neighbour of a box in a direction.
function neighbour(id, key) {
  const { column, row, y } = boxes.get(id);
  const nearest = (ids) =>
    ids?.reduce((best, other) => (Math.abs(boxes.get(other).y - y) < Math.abs(boxes.get(best).y - y) ? other : best));
  switch (key) {
    case "ArrowUp": return columns[column][row - 1];
    case "ArrowDown": return columns[column][row + 1];
    case "ArrowLeft": return nearest(columns[column - 1]);
    case "ArrowRight": return nearest(columns[column + 1]);
    case "Home": return 1;
    case "End": return messages.length;
    default: return undefined;
  }
}

{
  const width = columns.length * (WIDTH + ACROSS) - ACROSS + 12;
  const head = svg("marker", { id: "arrowhead", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" });
  head.append(svg("path", { id: "head", d: "M0 0L8 4L0 8z" }));
  const picture = svg("svg", {
    width, height: tallest * (HEIGHT + DOWN) + 12, role: "listbox", "aria-label": "Messages and what they see",
  });
  picture.append(svg("defs", {}, head));
  const arrows = messages.flatMap((message) => message.parents.map((parent, index) => arrow(message, parent, index)));
  const drawn = messages.map(box);
  picture.append(...arrows, ...drawn);
  picture.addEventListener("keydown", (event) => {
    const next = neighbour(chosen, event.key);
    if (next === undefined) return;
    event.preventDefault();
    drawn[next - 1].focus();
  });
  byId("graph").append(picture);
  listeners.push((message) => {
    const seen = new Set(message.parents.map((parent) => parent.id));
    for (const [index, one] of drawn.entries()) {
      const id = index + 1;
      one.setAttribute("aria-selected", id === message.id);
      one.setAttribute("tabindex", id === message.id ? 0 : -1);
      one.classList.toggle("seen", seen.has(id));
    }
    const { x, y } = boxes.get(message.id);
    show(byId("graph"), x, y, WIDTH, HEIGHT);
    for (const one of arrows) one.classList.toggle("seen", one.dataset.to === String(message.id));
  });
}
