// The facts, the table, and the message that is chosen first.
{
  const facts = [
    report.outcome && `ended with ${report.outcome === "stopped" ? "a stop" : `a${report.outcome === "error" ? "n" : ""} ${report.outcome}`}`,
    report.error, `mode ${report.mode}`, `model ${report.model}`, `seed ${report.seed}`,
    count(report.messages.length, "message"), `${report.encoded} tokens encoded`, report.shared && `${report.shared} shared`,
    `${report.reused} reused`, `${report.generated} generated`, `${((report.total_ms ?? 0) / 1000).toFixed(2)} s`,
    report.peak_pool_bytes && `${(report.peak_pool_bytes / 2 ** 20).toFixed(1)} MiB of keys and values at most`,
    messages.length < report.messages.length && `the first ${MOST} messages are shown`,
  ];
  byId("facts").textContent = facts.filter(Boolean).join(" · ");
  for (const role of new Set(messages.map((message) => message.role))) {
    byId("roles").append(html("i", { class: `swatch ${role}` }), role);
  }
  const words = (text) => [text, "words"];
  const would = messages.some((message) => message.would_encode);
  const fields = [
    ["message", (message) => `#${message.id}`],
    ["speaker", (message) => words(speaker(message))],
    ["text", (message) => words(cut(visible(message.text), 50))],
    ["sees", (message) => words(cut(message.parents.map((parent) => `${parent.id}`).join(" "), 30))],
    ["tokens", (message) => message.tokens],
    ["encoded", (message) => message.encoded],
    ["again", (message) => message.encoded_again],
    ["shared", (message) => message.shared],
    ["reused", (message) => message.reused],
    ...(would ? ["choreo", "prefix", "naive"].map((mode) => [`in ${mode}`, (message) => message.would_encode?.[mode]]) : []),
    ["first token, ms", (message) => milliseconds(message.ttft_ms)],
    ["finish", (message) => words(message.finish)],
  ];
  const row = (name, values) => html("tr", {}, ...values.map((value) => {
    const [text, style] = Array.isArray(value) ? value : [`${value ?? ""}`, ""];
    return html(name, style ? { class: style } : {}, text);
  }));
  byId("table").append(html("table", {},
    html("thead", {}, row("th", fields.map(([name]) => name))),
    html("tbody", {}, ...messages.map((message) => row("td", fields.map(([, value]) => value(message))))),
  ));
  const placed = () => Number(location.hash.slice(1));
  addEventListener("hashchange", () => choose(placed()));
  const most = messages.reduce((best, message) => (message.parents.length >= (best?.parents.length ?? 0) ? message : best), null);
  if (messages[placed() - 1]) choose(placed());
  else if (most) choose(most.id);
}
