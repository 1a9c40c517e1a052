
// The history as four charts with the same time axis, at most five minutes.

const historySeconds = 300;
const plot = { left: 46, right: 8, top: 8, bottom: 20, min: 70, normal: 140, max: 280 };
const chartsBox = document.getElementById("charts");
let points = [];

// Shorter at the start of a run, so that the charts are filled.
function shownSeconds() {
  const span = points.length > 0 ? points[points.length - 1].uptime_s - points[0].uptime_s : 0;
  return [60, 120, historySeconds].find((seconds) => span <= seconds) ?? historySeconds;
}

// On a wide screen the charts share the remaining height, so that nothing needs scrolling.
function plotHeight(unit) {
  const wide = chartsBox.getBoundingClientRect().left > window.innerWidth / 4;
  if (!wide) return plot.normal;
  const top = chartsBox.getBoundingClientRect().top + window.scrollY;
  const below = document.querySelector("footer").offsetHeight + 2 * pixelsOfRem();
  const shown = charts.filter((chart) => !chart.root.hidden);
  const rows = Math.ceil(shown.length / 2);
  const heading = Math.max(...shown.map((chart) => chart.root.offsetHeight - chart.svg.getBoundingClientRect().height));
  const left = (window.innerHeight - top - below) / rows / unit - heading / unit;
  return Math.min(plot.max, Math.max(plot.min, Math.floor(left)));
}

const charts = [
  { title: "Images/s", kind: "rate", series: (status) => [
    { name: "answered", path: "images_per_s", of: (point) => point.images_per_s, colour: 0 },
    ...(status.needed_images_per_s === null ? [] : [
      { name: status.target_images_per_s === null ? "needed" : "target", path: "needed_images_per_s", level: status.needed_images_per_s, colour: 7, dashed: true }])] },
  { title: "Latency, ms", kind: "ms", scale: 1e3, series: () => [
    { name: "p50", path: "latency_p50_s", of: (point) => point.latency_p50_s, colour: 0 },
    { name: "p95", path: "latency_p95_s", of: (point) => point.latency_p95_s, colour: 1 }] },
  { title: "Links: Mbit/s (dashed: capacity)", kind: "mbps", links: true, series: (status) => status.links.flatMap((link, i) => [
    { name: link.link, path: `links.${i}.mbps`, of: (point) => point.links[i]?.mbps ?? null, colour: i % 8 },
    { of: (point) => point.links[i]?.capacity_mbps ?? null, colour: i % 8, dashed: true }]) },
  { title: "Links: bits per element", kind: "bits", links: true, series: (status) => status.links.map((link, i) => (
    { name: link.link, path: `links.${i}.bits`, of: (point) => point.links[i]?.bits ?? null, colour: i % 8, steps: true })) },
];

function pointOf(status) {
  const { uptime_s, images_per_s, latency_p50_s, latency_p95_s } = status;
  return { uptime_s, images_per_s, latency_p50_s, latency_p95_s, dropped: status.feed.dropped,
    links: status.links.map(({ mbps, capacity, capacity_mbps, bits }) => (
      { mbps, capacity_mbps: capacity === "measured" ? capacity_mbps : null, bits })) };
}

function addPoint(status) {
  const last = points[points.length - 1];
  if (last && last.uptime_s > status.uptime_s) points = [];  // the program was restarted
  if (last && last.uptime_s === status.uptime_s) return;
  points.push(pointOf(status));
  points = points.filter((point) => status.uptime_s - point.uptime_s <= historySeconds);
}

// 1, 2 or 5 times a power of ten that gives three or four steps.
function stepOf(max) {
  const rough = max / 4, power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((digit) => digit * power >= rough) ?? 10);
}

function buildChart(chart) {
  chart.legend = make("ul", { class: "legend" });
  chart.note = make("p", { class: "note", hidden: "", role: "status" });
  chart.svg = makeSvg("svg", { role: "img", tabindex: 0, "aria-label": chart.title });
  chart.root = make("div", { class: "chart" }, make("h3", {}, chart.title), chart.legend, chart.svg, chart.note);
  chart.svg.addEventListener("keydown", (event) => moveCursor(chart, event));
  chart.svg.addEventListener("blur", () => { chart.pointer = null; drawCursor(chart); });
  chart.svg.addEventListener("pointermove", (event) => { chart.pointer = event.clientX - chart.svg.getBoundingClientRect().left; drawCursor(chart); });
  chart.svg.addEventListener("pointerleave", () => { chart.pointer = null; drawCursor(chart); });
  return chart.root;
}

// The arrows move the cursor by one point, or with Shift by ten; Escape hides it.
function moveCursor(chart, event) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length }[event.key];
  if (event.key === "Escape") chart.pointer = null;
  else if (steps === undefined || points.length === 0 || !chart.drawn) return;
  else {
    const at = nearestPoint(chart), from = chart.pointer == null ? points.length : at;
    const to = Math.min(points.length - 1, Math.max(0, from + steps * (event.shiftKey ? 10 : 1)));
    chart.pointer = chart.x(points[to].uptime_s) * chart.unit;
  }
  event.preventDefault();
  drawCursor(chart);
}

function nearestPoint(chart) {
  const away = (point) => Math.abs(chart.x(point.uptime_s) - (chart.pointer ?? Infinity) / chart.unit);
  return points.reduce((best, point, i) => (away(point) < away(points[best]) ? i : best), 0);
}

function valuesOf(chart, series, point) {
  return series.filter((each) => each.name && each.of).map((each) => {
    const value = each.of(point);
    return `${each.name}: ${value === null ? unknown : format[chart.kind](value)}`;
  });
}

// What the chart shows, for those who do not see it.
function describe(chart, series) {
  const range = (each) => {
    const values = points.map(each.of).filter((value) => value !== null);
    if (values.length === 0) return `${each.name} unknown`;
    const text = (value) => format[chart.kind](value);
    return `${each.name} ${text(values[values.length - 1])}, between ${text(Math.min(...values))} and ${text(Math.max(...values))}`;
  };
  const parts = series.filter((each) => each.name).map((each) => (each.of ? range(each) : `${each.name} ${format[chart.kind](each.level)}`));
  chart.svg.setAttribute("aria-label", `${chart.title}, last ${format.time(shownSeconds())}: ${parts.join("; ")}. Arrow keys read single values.`);
}

function legendOf(chart, series) {
  const wanted = series.map((each) => each.name).join("\n");
  if (chart.legendOf === wanted) return;
  chart.legendOf = wanted;
  chart.legend.replaceChildren(...series.filter((each) => each.name).map((each) => make("li", { class: `k${each.colour}` },
    make("i", each.dashed ? { class: "dashed" } : {}), each.name + " ",
    make("b", { "data-field": each.path, "data-kind": chart.kind }))));
}

function lineOf(series, x, y) {
  let d = "", open = false, held = 0;
  for (const point of points) {
    const value = series.of(point);
    if (value === null) { open = false; continue; }
    const px = x(point.uptime_s).toFixed(1), py = y(value).toFixed(1);
    if (!open) d += `M${px} ${py}h0`;
    else if (series.steps && held !== py) d += `H${px}V${py}`;
    else d += `L${px} ${py}`;
    open = true;
    held = py;
  }
  return d;
}

function drawChart(chart, status, now) {
  const series = chart.series(status);
  chart.root.hidden = series.length === 0;
  legendOf(chart, series);
  if (chart.root.hidden) return;
  const unit = pixelsOfRem() / 16, width = chart.svg.getBoundingClientRect().width / unit, height = plotHeight(unit);
  const values = series.flatMap((each) => each.of ? points.map(each.of) : [each.level]).filter((value) => value !== null);
  const scale = chart.scale ?? 1;
  const step = stepOf(Math.max(1e-3, ...values.map((value) => value * scale)) * 1.02);
  const top = step * Math.max(1, Math.ceil(Math.max(0, ...values) * scale / step)) / scale;
  const right = width - plot.right, bottom = height - plot.bottom;
  const seconds = shownSeconds();
  const x = (time) => right - (now - time) / seconds * (right - plot.left);
  const y = (value) => bottom - value / top * (bottom - plot.top);

  const svg = chart.svg;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.dataset.points = points.length;
  const parts = [];
  for (let tick = 0; tick <= top * scale * 1.001; tick += step) {
    const at = y(tick / scale);
    parts.push(makeSvg("path", { class: "grid", d: `M${plot.left} ${at}H${right}` }),
      makeSvg("text", { x: plot.left - 6, y: at + 4, "text-anchor": "end" }, String(Number(tick.toPrecision(6)))));
  }
  const every = seconds === historySeconds ? 60 : seconds / 4;
  for (let ago = 0; ago <= seconds; ago += every) {
    parts.push(makeSvg("text", { x: x(now - ago), y: height - 4, "text-anchor": ago === 0 ? "end" : "middle" },
      ago === 0 ? "now" : every === 60 ? `−${ago / 60} min` : `−${ago} s`));
  }
  for (const each of series) {
    const d = each.of ? lineOf(each, x, y) : `M${plot.left} ${y(each.level)}H${right}`;
    if (d) parts.push(makeSvg("path", { class: `line k${each.colour}${each.dashed ? " dashed" : ""}`, d }));
  }
  describe(chart, series);
  chart.cursor = makeSvg("path", { class: "cursor" });
  svg.replaceChildren(...parts, chart.cursor);
  Object.assign(chart, { drawn: series, x, unit, bottom, now });
  drawCursor(chart);
}

// The values at the pointer.
function drawCursor(chart) {
  const off = chart.pointer === null || chart.pointer === undefined || points.length === 0 || !chart.drawn;
  chart.note.hidden = off;
  if (off) { chart.cursor?.setAttribute("d", ""); return; }
  const nearest = points[nearestPoint(chart)];
  chart.cursor.setAttribute("d", `M${chart.x(nearest.uptime_s)} ${plot.top}V${chart.bottom}`);
  chart.note.textContent = `${format.time(chart.now - nearest.uptime_s)} ago  ${valuesOf(chart, chart.drawn, nearest).join("  ")}`;
}

// At most twelve moments, for those who cannot use the charts.
function fillTable(status) {
  const details = document.getElementById("values");
  if (!details.open) return;
  const columns = charts.flatMap((chart) => chart.series(status).filter((each) => each.name && each.of).map((each) => ({ chart, each })));
  const step = Math.max(1, Math.ceil(points.length / 12));
  const rows = points.filter((_, i) => (points.length - 1 - i) % step === 0).reverse();
  const shortTitle = (chart) => chart.title.split(":").pop().split(",")[0].trim();
  details.querySelector("table").replaceChildren(
    make("tr", {}, make("th", { scope: "col" }, "ago"), ...columns.map(({ chart, each }) => make("th", { scope: "col" }, `${shortTitle(chart)}, ${each.name}`))),
    ...rows.map((point) => make("tr", {}, make("th", { scope: "row" }, format.time(status.uptime_s - point.uptime_s)),
      ...columns.map(({ chart, each }) => {
        const value = each.of(point);
        return make("td", {}, value === null ? unknown : format[chart.kind](value));
      }))));
}

function showHistory(status) {
  for (const chart of charts) drawChart(chart, status, status.uptime_s);
  fillTable(status);
}

chartsBox.append(...charts.map(buildChart));
document.getElementById("values").addEventListener("toggle", () => { if (status) fillTable(status); });
