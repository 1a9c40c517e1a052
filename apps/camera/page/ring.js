
// The ring: head and stages as cards, links as arrows. Depending on the width: one row with the return
// link below it, two rows, or more rows with the return link at the left.

const ringBox = document.getElementById("ring");
const card = { height: 112, min: 190, max: 250 };
const between = { x: 168, y: 92 };
const margin = 4, rail = 22, below = 40;

// Boxes of the cards and routes of the links, in units of 1/16 rem.
function layOut(count, width) {
  const room = width - 2 * margin;
  const fit = Math.max(1, Math.floor((room + between.x) / (card.min + between.x)));
  let columns = fit;
  if (count <= fit) columns = count;
  else if (Math.ceil(count / 2) <= fit) columns = Math.ceil(count / 2);
  const rows = Math.ceil(count / columns);
  const railed = rows > 2 || (columns === 1 && rows > 1);
  const left = margin + (railed ? rail : 0);
  const cardWidth = Math.min(columns === 1 ? 320 : card.max,
    (room - (left - margin) - (columns - 1) * between.x) / columns);
  const gap = columns === 1 ? 0 : Math.min(300, (room - (left - margin) - columns * cardWidth) / (columns - 1));
  const used = columns * cardWidth + (columns - 1) * gap;
  const start = left + (railed ? 0 : (room - used) / 2);

  const boxes = Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns), place = i % columns;
    const column = row % 2 === 0 ? place : columns - 1 - place;
    return { row, column, x: start + column * (cardWidth + gap), y: margin + row * (card.height + between.y) };
  });
  for (const box of boxes) Object.assign(box, { w: cardWidth, h: card.height, cx: box.x + (columns === 1 ? 60 : cardWidth / 2), cy: box.y + card.height / 2 });

  const routes = [];
  for (let i = 0; i + 1 < count; ++i) routes.push(routeBetween(boxes[i], boxes[i + 1], columns));
  const head = boxes[0], last = boxes[count - 1];
  let bottom = Math.max(...boxes.map((box) => box.y + box.h)) + margin;
  if (count === 1) return { boxes, routes, width, height: bottom };
  if (rows === 1) {
    const y = last.y + last.h + below;
    routes.push({ points: [[last.cx, last.y + last.h], [last.cx, y], [head.cx, y], [head.cx, head.y + head.h]], at: [(last.cx + head.cx) / 2, y], across: true });
    bottom = y + 42;
  } else if (rows === 2 && !railed && last.column === 0) {
    routes.push({ points: [[last.cx, last.y], [head.cx, head.y + head.h]], at: [head.cx + 14, (last.y + head.y + head.h) / 2], anchor: "start" });
  } else if (rows === 2 && !railed) {
    routes.push({ points: [[last.x, last.cy], [head.cx, last.cy], [head.cx, head.y + head.h]], at: [(head.cx + last.x) / 2, last.cy], across: true });
  } else {
    const y = last.y + last.h + between.y, atEnd = columns > 1 && last.column === columns - 1;
    routes.push({ points: [[last.cx, last.y + last.h], [last.cx, y], [margin + 3, y], [margin + 3, head.cy], [head.x, head.cy]], at: [last.cx + (atEnd ? -14 : 14), (last.y + last.h + y) / 2], anchor: atEnd ? "end" : "start" });
    bottom = y + 6;
  }
  return { boxes, routes, width, height: bottom };
}

function routeBetween(from, to, columns) {
  if (from.row === to.row) {
    const right = to.x > from.x;
    const points = [[right ? from.x + from.w : from.x, from.cy], [right ? to.x : to.x + to.w, to.cy]];
    return { points, at: [(points[0][0] + points[1][0]) / 2, from.cy], across: true };
  }
  const points = [[from.cx, from.y + from.h], [to.cx, to.y]];
  const atEnd = columns > 1 && from.column === columns - 1;
  return { points, at: [from.cx + (atEnd ? -14 : 14), (points[0][1] + points[1][1]) / 2], anchor: atEnd ? "end" : "start" };
}

function drawRoute({ points }) {
  const [x, y] = points[points.length - 1], [px, py] = points[points.length - 2];
  const length = Math.hypot(x - px, y - py), dx = (x - px) / length, dy = (y - py) / length;
  const base = [x - 12 * dx, y - 12 * dy];
  const line = [...points.slice(0, -1), base].map((point) => point.join(" ")).join("L");
  const tip = [[x, y], [base[0] - 6 * dy, base[1] + 6 * dx], [base[0] + 6 * dy, base[1] - 6 * dx]];
  return [makeSvg("path", { d: "M" + line }), makeSvg("polygon", { class: "tip", points: tip.join(" ") })];
}

const value = (field, kind, more = {}) => makeSvg("tspan", { "data-field": field, "data-kind": kind, ...more });
const words = (x, y, attributes, ...parts) => makeSvg("text", { x, y, ...attributes }, ...parts);

function drawLink(route, index) {
  const path = `links.${index}`;
  const attributes = { "text-anchor": route.across ? "middle" : route.anchor };
  const quiet = { ...attributes, class: "quiet" };
  const [x, y] = route.at;
  const lines = route.across ? [y - 27, y - 10, y + 20, y + 36, y + 52] : [y - 28, y - 12, y + 4, y + 20, y + 36];
  const group = makeSvg("g", { class: "link", id: `link-${index}` }, ...drawRoute(route));
  group.append(
    words(x, lines[0], { ...attributes, class: "strong" }, value(`${path}.mbps`, "mbps"), " Mbit/s"),
    words(x, lines[1], quiet, makeSvg("tspan", { class: "of" }), value(`${path}.capacity_mbps`, "mbps"), makeSvg("tspan", { class: "unit" })),
    words(x, lines[2], attributes, value(`${path}.codec`, "text", { "data-max-width": 100 }), ", ", value(`${path}.bits`, "bits"), " bits"),
    words(x, lines[3], quiet, "busy ", value(`${path}.busy`, "percent"), " %, rtt ", value(`${path}.rtt_ms`, "rtt"), " ms"),
    words(x, lines[4], { ...quiet, class: "quiet agreement" }, "≈ ", value(`${path}.agreement_percent`, "share"), " % same answers"));
  return group;
}

function drawCard(box, index) {
  const path = `stages.${index - 1}`, head = index === 0;
  const whole = { "data-max-width": box.w - 24 }, half = { "data-max-width": box.w - 110 };
  const x = box.x + 12, right = box.x + box.w - 12;
  const group = makeSvg("g", { class: "stage", id: head ? "head" : `stage-${index - 1}` },
    makeSvg("rect", { class: head ? "card head" : "card", x: box.x, y: box.y, width: box.w, height: box.h, rx: 10 }));
  const line = (row) => box.y + 23 + row * 18;
  if (head) {
    group.append(
      words(x, line(0), { class: "name" }, "head"),
      words(x, line(1), { class: "quiet" }, "this machine"),
      words(x, line(2), {}, "p95 ", value("latency_p95_s", "ms"), " ms"),
      words(x, line(4) + 6, {}, value("images_per_s", "rate"), " images/s"),
      words(right, line(4) + 6, { "text-anchor": "end", class: "quiet" }, value("resident_mb", "mb"), " MB"));
    return group;
  }
  group.append(
    words(x, line(0), { class: "name" }, `stage ${index - 1}`, makeSvg("tspan", { class: "mark" })),
    words(right, line(0), { "text-anchor": "end", class: "quiet" }, value(`${path}.part`, "text", half)),
    words(x, line(1), { class: "quiet" }, value(`${path}.address`, "text", whole)),
    words(x, line(2), { class: "quiet" }, value(`${path}.device`, "text", whole)),
    makeSvg("rect", { class: "rail", x, y: line(2) + 12, width: box.w - 82, height: 7, rx: 3.5 }),
    makeSvg("rect", { class: "load", x, y: line(2) + 12, width: 0, height: 7, rx: 3.5, "data-full": box.w - 82 }),
    words(right, line(3), { "text-anchor": "end" }, value(`${path}.busy`, "percent"), " %"),
    words(x, line(4) + 6, {}, value(`${path}.images_per_s`, "rate"), " images/s"),
    words(right, line(4) + 6, { "text-anchor": "end", class: "quiet" }, value(`${path}.resident_mb`, "mb"), " MB"));
  return group;
}

function loadClass(busy) {
  return busy > 0.92 ? "full" : busy > 0.7 ? "busy" : "calm";
}

let drawnRing = "";

function buildRing(stages, starting) {
  const unit = pixelsOfRem() / 16, width = Math.max(card.min, ringBox.clientWidth / unit);
  const wanted = `${stages} ${width} ${starting}`;
  if (wanted === drawnRing) return;
  drawnRing = wanted;
  document.getElementById("ring-key").hidden = stages === 0;
  if (stages === 0) {
    ringBox.replaceChildren(make("p", { class: "single" }, starting ? "starting" : "one process, no ring"));
    return;
  }
  const plan = layOut(stages + 1, width);
  const svg = makeSvg("svg", { viewBox: `0 0 ${plan.width} ${plan.height}`, role: "group", "aria-label": "Head, stages and the links between them" });
  plan.routes.forEach((route, i) => svg.append(drawLink(route, i)));
  plan.boxes.forEach((box, i) => svg.append(drawCard(box, i)));
  ringBox.replaceChildren(svg);
}

function showRing(status) {
  buildRing(status.stages.length, status.state === "starting");
  status.links.forEach((link, i) => {
    const group = document.getElementById(`link-${i}`);
    if (!group) return;
    group.setAttribute("class", `link ${loadClass(link.busy)}`);
    const known = link.capacity_mbps !== null;
    group.querySelector(".of").textContent = known ? (link.capacity === "measured" ? "of " : "of ≥ ") : "capacity: ";
    group.querySelector(".unit").textContent = known ? " Mbit/s" : "";
    group.querySelector(".agreement").style.display = link.agreement_percent === null ? "none" : "";
  });
  status.stages.forEach((stage, i) => {
    const load = document.querySelector(`#stage-${i} .load`);
    load.setAttribute("width", load.dataset.full * Math.min(1, Math.max(0, stage.busy)));
    load.parentNode.setAttribute("class", `stage ${stage.lost ? "lost" : loadClass(stage.busy)}`);
    load.parentNode.querySelector(".mark").textContent = stage.lost ? ": lost" : "";
  });
  const decided = status.links.filter((link) => link.decision !== "");
  document.getElementById("decisions").replaceChildren(
    ...decided.map((link) => make("li", {}, make("b", {}, link.link), " ", link.decision)));
}
