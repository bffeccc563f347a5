// What all pictures share. Texts of a run are only ever set as text.
const report = JSON.parse(document.getElementById("report").textContent);
const MOST = 1500;
const messages = report.messages.slice(0, MOST);
const byId = (id) => document.getElementById(id);

function element(namespace, name, attributes, children) {
  const made = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
const svg = (name, attributes, ...children) => element("http://www.w3.org/2000/svg", name, attributes, children);
const html = (name, attributes, ...children) => element("http://www.w3.org/1999/xhtml", name, attributes, children);

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const milliseconds = (time) => (time === null || time === undefined ? "" : time.toFixed(1));
const visible = (text) => (text ?? "").replace(/\s+/g, " ").trim();
const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const speaker = (message) => (message.name ? `${message.role} ${message.name}` : message.role);
const title = (message) => `#${message.id} ${speaker(message)}`;

// What is told whenever another message is chosen.
const listeners = [];
let chosen = null;
function choose(id) {
  if (chosen === id || !messages[id - 1]) return;
  chosen = id;
  for (const listener of listeners) listener(messages[id - 1]);
  try {
    history.replaceState(null, "", `#${id}`);
  } catch {
    // Where the page may not name its place, it does without.
  }
}

// Scrolls a picture to a place of it, and not the page to the picture.
function show(picture, x, y, width, height) {
  const near = (from, seen, at, size) => (at >= from && at + size <= from + seen ? from : at - (seen - size) / 2);
  picture.scrollTo(near(picture.scrollLeft, picture.clientWidth, x, width), near(picture.scrollTop, picture.clientHeight, y, height));
}
