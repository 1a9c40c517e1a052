
// Formats values of the JSON for the page; the raw value is kept in data-value.

const unknown = "–";
const fixed = (value, digits) => value.toLocaleString("en-US", {
  minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: value >= 10000,
});
// About three significant digits.
const measured = (value) => fixed(value, value < 10 ? 2 : value < 1000 ? 1 : 0);

const titled = new Set(["text", "state", "source", "file", "hash"]);  // may be truncated on the page

const format = {
  text: (value) => value,
  state: (value) => (value === "running" || value === "starting" ? value : "not running"),  // the banner has it all
  source: (value) => (value === "-" ? "standard input" : value),
  file: (value) => value.split("/").pop(),
  hash: (value) => value.slice(0, 12),
  count: (value) => fixed(value, 0),
  rate: measured,
  mbps: measured,
  bits: (value) => String(Math.round(value * 100) / 100),
  ms: (value) => fixed(value * 1e3, value < 0.1 ? 1 : 0),
  rtt: (value) => (value < 0.01 ? "<0.01" : measured(value)),
  percent: (value) => fixed(value * 100, 0),
  share: (value) => fixed(value, 1),
  probability: (value) => `${fixed(value * 100, 1)} %`,
  delay: (value) => `${format.ms(value)} ms`,
  mb: (value) => fixed(value, value < 10 ? 1 : 0),
  time: (value) => {
    const seconds = Math.floor(value), minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
    if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
    if (hours > 0) return `${hours} h ${minutes % 60} min`;
    return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  },
};

function fieldOf(object, path) {
  return path.split(".").reduce((value, key) => value?.[key], object);
}

// A text of the ring that is too long for its place is set narrower, to half its width at most.
function fit(element, text, width) {
  const max = Math.floor(width / 3.3);
  element.textContent = text.length > max ? text.slice(0, max - 1) + "…" : text;
  element.removeAttribute("textLength");
  if (element.getComputedTextLength() <= width) return;
  element.setAttribute("textLength", width);
  element.setAttribute("lengthAdjust", "spacingAndGlyphs");
}

// Texts are untrusted (files, cameras, peers): always textContent, never HTML.
function put(element, value, kind) {
  const known = value !== null && value !== undefined && value !== "";
  const raw = known ? String(value) : "";
  if (element.dataset.value === raw) return;
  element.dataset.value = raw;
  const text = known ? format[kind](value) : unknown;
  if (element.dataset.maxWidth) fit(element, text, Number(element.dataset.maxWidth));
  else element.textContent = text;
  if (titled.has(kind)) element.setAttribute("title", raw);
  if ("alarm" in element.dataset) element.classList.toggle("alarm", value > 0);
  if ("fold" in element.dataset) element.parentNode.classList.toggle("zero", !(value > 0));
}

// One line for all counters that are zero.
function foldZeros() {
  const names = [...document.querySelectorAll(".counters .zero dt")].map((each) => each.textContent);
  document.getElementById("zeros").textContent = names.length > 0 ? `0: ${names.join(", ")}` : "";
}

function putAll(root, status) {
  for (const element of root.querySelectorAll("[data-field]")) {
    put(element, fieldOf(status, element.dataset.field), element.dataset.kind);
  }
}

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  return filled(element, attributes, children);
}

function makeSvg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  return filled(element, attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const pixelsOfRem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
