// A lane for each message, against the clock.
{
  const [LABEL, ROW, WIDTH] = [210, 16, 900];
  const end = Math.max(1e-3, report.total_ms ?? 0, ...messages.map((message) => message.end_ms ?? message.called_ms));
  const x = (time) => LABEL + (Math.min(time, end) / end) * WIDTH;
  const picture = svg("svg", {
    width: LABEL + WIDTH + 90, height: (messages.length + 2) * ROW, role: "group", "aria-label": "Lanes of messages, in milliseconds",
  });
  const rough = end / 8;
  const step = [1, 2, 5, 10].map((times) => times * 10 ** Math.floor(Math.log10(rough))).find((one) => one >= rough);
  for (let tick = 0; tick <= end; tick += step) {
    picture.append(
      svg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: 0, y2: (messages.length + 0.4) * ROW }),
      svg("text", { class: "quiet", x: x(tick), y: (messages.length + 1.5) * ROW }, `${Number(tick.toPrecision(3))} ms`),
    );
  }
  const lanes = messages.map((message, line) => {
    const { called_ms: called, queued_ms: queued, ttft_ms: first, end_ms: ended, finish } = message;
    const begun = queued === null ? null : called + queued;
    const spoken = first === null ? null : called + first;
    const spans = [
      ["waiting", called, begun ?? spoken ?? ended, "waits"],
      ["encoding", begun, spoken ?? ended, "is encoded"],
      ["decoding", spoken, ended ?? end, "is decoded"],
    ];
    const lane = svg("g", { class: "lane", transform: `translate(0 ${line * ROW})`, "data-message": message.id });
    lane.append(
      svg("rect", { class: "ground", width: LABEL + WIDTH, height: ROW }),
      svg("text", { x: 0, y: 12 }, cut(`${title(message)}: ${visible(message.text)}`, 32)),
    );
    for (const [kind, from, to, words] of spans) {
      if (from === null || to === null || to < from) continue;
      const told = `${title(message)} ${words} from ${milliseconds(from)} to ${milliseconds(to)} ms (${finish})`;
      lane.append(svg("rect", {
        class: `span ${kind}`, x: x(from), y: 2, width: Math.max(1, x(to) - x(from)), height: ROW - 5,
      }, svg("title", {}, told)));
    }
    lane.addEventListener("click", () => choose(message.id));
    return lane;
  });
  picture.append(...lanes);
  byId("time").append(picture);
  listeners.push((message) => {
    lanes.forEach((lane, line) => lane.classList.toggle("chosen", line + 1 === message.id));
    show(byId("time"), 0, (message.id - 1) * ROW, 0, ROW);
  });
}
