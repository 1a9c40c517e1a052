// The page in a headless Chromium: it shows what the server sent, makes no other requests, displays
// names as text, and reconnects.
//
// node check_page.mjs DRIVER: against dashboard_driver, which is started, controlled and restarted.
// node check_page.mjs URL: against a running program (the first part only).
// With a further argument SCREENSHOT.png: saves a screenshot.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { Browser } from "./browser.mjs";

const programs = ["chromium", "chromium-browser", "google-chrome"];
const program = programs.find((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0);
if (!program) {
  console.log("SKIPPED: no Chromium is installed (Debian's package chromium)");
  process.exit(0);
}

const [target, screenshot] = process.argv.slice(2);
const live = target.startsWith("http://");
let driver = null;

const failures = [];
function check(what, good, more = "") {
  if (good) return;
  failures.push(what);
  console.log(`failed: ${what} ${more}`);
}

class Driver {
  static async start(path, port = 0, stages = 3) {
    const driver = new Driver();
    driver.child = spawn(path, [`127.0.0.1:${port}`, String(stages)], { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(driver.child.stdout.setEncoding("utf8"), "data");
    driver.port = Number(line.match(/listening on (\d+)/)[1]);
    return driver;
  }
  send(word) {
    this.child.stdin.write(word + "\n");
  }
  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.stdin.end();
    await once(this.child, "exit");
  }
}

// All fields of the page and the last status event, taken atomically.
const snapshot = `(() => {
  const text = (id) => document.getElementById(id).textContent;
  return {
    status: JSON.parse(received.status), answer: JSON.parse(answers[document.body.dataset.answer] ?? "null"),
    fields: [...document.querySelectorAll("[data-field]")].map((each) => ({ ...each.dataset, text: each.textContent })),
    top: [...document.querySelectorAll("#top li")].map((each) => [...each.children].slice(1).map((part) => part.textContent)),
    best: text("answer-name"), probability: text("answer-probability"), frame: text("answer-frame"), latency: text("answer-latency"),
    links: [...document.querySelectorAll(".link")].map((each) => [...each.querySelectorAll("text")].map((line) => line.textContent).join("; ")),
    points: Number(document.querySelector(".chart svg").dataset.points),
  };
})()`;

// Number formats, implemented independently of the page.
const digits = (value, places) => new Intl.NumberFormat("en-US", { minimumFractionDigits: places, maximumFractionDigits: places, useGrouping: value >= 10000 }).format(value);
const three = (value) => digits(value, value < 10 ? 2 : value < 1000 ? 1 : 0);
const readings = {
  count: (value) => digits(value, 0), rate: three, mbps: three, rtt: (value) => (value < 0.01 ? "<0.01" : three(value)),
  ms: (value) => digits(value * 1000, value < 0.1 ? 1 : 0), percent: (value) => digits(value * 100, 0),
  share: (value) => digits(value, 1),
  bits: (value) => String(Math.round(value * 100) / 100), mb: (value) => digits(value, value < 10 ? 1 : 0),
};

// The text of a link.
function textOfLink(link) {
  const known = (kind, value) => (value === null ? "–" : readings[kind](value));
  const capacity = link.capacity_mbps === null ? "capacity: –" : `of ${link.capacity === "measured" ? "" : "≥ "}${three(link.capacity_mbps)} Mbit/s`;
  const agreement = `≈ ${known("share", link.agreement_percent)} % same answers`;
  return [`${three(link.mbps)} Mbit/s`, capacity, `${link.codec || "–"}, ${known("bits", link.bits)} bits`,
    `busy ${readings.percent(link.busy)} %, rtt ${known("rtt", link.rtt_ms)} ms`, agreement].join("; ");
}

async function checkNumbers(page) {
  const { status, answer, fields, ...shown } = await page.evaluate(snapshot);
  let numbers = 0;
  for (const { field, value, kind, text } of fields) {
    const raw = field.split(".").reduce((object, key) => object[key], status);
    check(`data-value of ${field}`, value === (raw === null ? "" : String(raw)), `${value} and ${raw}`);
    if (raw === null || raw === "") check(`${field} is not known`, text === "–", text);
    else if (readings[kind]) check(`text of ${field}`, text === readings[kind](raw), `${text} of ${raw}`);
    else if (kind === "text") check(`text of ${field}`, text === raw, text);
    numbers += typeof raw === "number";
  }
  status.links.forEach((link, i) => check(`words of link ${i}`, shown.links[i] === textOfLink(link), `${shown.links[i]} and ${textOfLink(link)}`));
  check("numbers are on the page", numbers >= (status.stages.length > 0 ? 45 : 13), numbers);
  if (answer) {
    const percent = (value) => `${digits(value * 100, 1)} %`;
    check("best answer", shown.best === answer.top[0].name, `${shown.best} and ${answer.top[0].name}`);
    check("its probability", shown.probability === percent(answer.top[0].probability), shown.probability);
    check("all answers", JSON.stringify(shown.top) === JSON.stringify(answer.top.map((each) => [each.name, percent(each.probability)])), JSON.stringify(shown.top));
    check("name of the frame", shown.frame === answer.frame, shown.frame);
    check("its latency", shown.latency === `${readings.ms(answer.latency_s)} ms`, shown.latency);
  }
  return shown;
}

// The pixels of the picture, scaled down.
const pixels = `(() => {
  const picture = document.getElementById("picture"), canvas = document.createElement("canvas");
  canvas.width = canvas.height = 32;
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0, 32, 32);
  return [...context.getImageData(0, 0, 32, 32).data].join();
})()`;

// How many answers the picture is behind the text: the driver's disc moves by 0.1 radian per answer.
const behind = `(() => {
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d");
  canvas.width = 320; canvas.height = 240;
  context.drawImage(document.getElementById("picture"), 0, 0);
  const { data } = context.getImageData(0, 0, 320, 240);
  let x = 0, y = 0, count = 0;
  for (let i = 0; i < 320 * 240; ++i) {
    if (data[4 * i] < 200 || data[4 * i + 2] > 110) continue;
    x += i % 320; y += Math.floor(i / 320); ++count;
  }
  const angle = Math.atan2((y / count - 120) / 70, (x / count - 160) / 90);
  const away = Number(document.body.dataset.answer) * 0.1 - angle;
  return Math.round((away - 2 * Math.PI * Math.round(away / 2 / Math.PI)) * 10) + 0;  // not -0
})()`;

// They arrive on two connections, so occasionally one is ahead of the other.
async function checkTogether(page) {
  let together = 0, asked = 0;
  while (asked < 200 && (asked < 20 || together < asked * 0.6)) {
    together += (await page.evaluate(behind)) === 0;
    ++asked;
    await new Promise((resolve) => setTimeout(resolve, 37));
  }
  check("picture and answer belong together", together >= asked * 0.6, `${together} of ${asked}`);
}

async function checkRun(page, origin) {
  await page.wait("window.received?.status && window.received?.answer");
  await page.wait("document.getElementById('picture').naturalWidth > 0");
  await page.wait("document.getElementById('no-picture').hidden && !document.getElementById('picture').hidden");
  const first = await page.evaluate(pixels);
  await page.wait(`${pixels} !== ${JSON.stringify(first)}`);
  const { points } = await checkNumbers(page);
  for (let i = 0; i < 5; ++i) {
    const before = await page.evaluate("received.status");
    await page.wait(`received.status !== ${JSON.stringify(before)}`);
    await checkNumbers(page);
  }
  await page.wait(`Number(document.querySelector(".chart svg").dataset.points) >= Math.min(${points} + 5, 290)`);
  const stages = await page.evaluate("JSON.parse(received.status).stages.length");
  check("a card of every stage", (await page.evaluate("document.querySelectorAll('.stage').length")) === (stages > 0 ? stages + 1 : 0));
  check("an arrow of every link", (await page.evaluate("document.querySelectorAll('.link').length")) === (stages > 0 ? stages + 1 : 0));
  if (stages === 0) check("without a ring the page says so", (await page.evaluate("document.getElementById('ring').textContent")).includes("one process"));
  check("nothing is wider than a phone", await fitsPhone(page));
  checkNoErrors(page, origin);
  check("policy is kept", (await page.evaluate("violations.join()")) === "", await page.evaluate("violations.join()"));
}

async function fitsPhone(page) {
  await page.show(360, 780);
  await page.wait("document.documentElement.clientWidth === 360");
  const fits = await page.evaluate("document.documentElement.scrollWidth <= 360");
  await page.show(1440, 900);
  return fits;
}

// What is cut off: texts of the ring beyond its edge or over one another, and truncated elements.
const cut = `(() => {
  const found = [];
  const inside = document.querySelector("#ring svg")?.getBoundingClientRect();
  const texts = [...document.querySelectorAll("#ring text")].filter((each) => each.textContent && each.style.display !== "none");
  const boxes = texts.map((each) => each.getBoundingClientRect());
  boxes.forEach((a, i) => {
    if (a.left < inside.left - 1 || a.right > inside.right + 1 || a.bottom > inside.bottom + 1) found.push("beyond the ring: " + texts[i].textContent);
    boxes.slice(i + 1).forEach((b, k) => {
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > a.height / 3)
        found.push("over one another: " + texts[i].textContent + " | " + texts[i + 1 + k].textContent);
    });
  });
  for (const each of document.querySelectorAll("header *, main *, footer *")) {
    if (each.closest(".visually-hidden") || each instanceof SVGElement || getComputedStyle(each).overflowX === "visible") continue;
    if (each.scrollWidth > each.clientWidth + 1) found.push("truncated: " + each.textContent);
  }
  return found.join("; ");
})()`;

async function checkSizes(page) {
  for (const [width, height] of [[1280, 800], [390, 844]]) {
    await page.show(width, height);
    await page.wait(`innerWidth === ${width}`);
    const before = await page.evaluate("received.status");
    await page.wait(`received.status !== ${JSON.stringify(before)}`);
    const found = await page.evaluate(cut);
    check(`nothing is cut at ${width}x${height}`, found === "", found);
    check(`no scrolling to the side at ${width}`, await page.evaluate("document.documentElement.scrollWidth <= innerWidth"));
    const above = (a, b) => page.evaluate(`document.querySelector("${a}").getBoundingClientRect().top < document.querySelector("${b}").getBoundingClientRect().top`);
    if (width < 600) check("on a phone the ring stands above the counters", await above("#ring", ".counters"));
  }
  check("the page fits 1280x800", await (async () => {
    await page.show(1280, 800);
    await page.wait("document.documentElement.scrollHeight <= innerHeight", 5).catch(() => {});
    return page.evaluate("document.documentElement.scrollHeight <= innerHeight");
  })(), await page.evaluate("document.documentElement.scrollHeight"));
  const zeros = await page.evaluate("document.getElementById('zeros').textContent");
  check("counters at zero are folded into a line", zeros.startsWith("0: ") && zeros.includes("ring reconnects"), zeros);
  await page.show(1440, 900);
}

async function checkKeyboard(page) {
  const press = async (key) => {
    for (const type of ["keyDown", "keyUp"]) await page.call("Input.dispatchKeyEvent", { type, key, code: key });
  };
  const note = () => page.evaluate("[...document.querySelectorAll('.note')].filter((each) => !each.hidden).map((each) => each.textContent).join()");
  await page.evaluate("document.querySelector('.chart svg').focus()");
  await press("ArrowLeft");
  const last = await note();
  check("an arrow key reads the last value", /ago.*answered: [0-9.]+/.test(last), last);
  await press("Home");
  check("and Home the first", (await note()) !== last);
  await press("Escape");
  check("Escape hides it", (await note()) === "");
  const text = await page.evaluate("document.querySelector('.chart svg').getAttribute('aria-label')");
  check("a chart has its text", /Images\/s, last .*answered [0-9.]+, between .*needed 24/.test(text), text);
  await page.evaluate("document.getElementById('values').open = true");
  await page.wait("document.querySelectorAll('#values tr').length > 2");
  check("the table has a column for each line", (await page.evaluate("document.querySelector('#values tr').children.length")) === 1 + 1 + 2 + 2 * 4);
  await page.evaluate("document.getElementById('values').open = false");
}

// A browser opens six connections to a server at most.
async function checkTabs(first, url) {
  for (let tab = 2; tab <= 8; ++tab) {
    const page = await browser.open(url);
    await page.wait("document.getElementById('picture')?.naturalWidth > 0 && window.received?.status", 20);
  }
  await first.call("Page.bringToFront", {});
  const before = await first.evaluate("document.body.dataset.answer");
  await first.wait(`document.body.dataset.answer !== "${before}"`, 20);
  check("a tab that is shown again goes on", await first.evaluate("document.getElementById('banner').hidden"));
}

// Behind a proxy, under a path.
async function checkSubPath() {
  const proxy = createServer((request, reply) => {
    if (!request.url.startsWith("/a/camera/")) { reply.writeHead(404); reply.end(); return; }
    const there = httpRequest({ port: driver.port, host: "127.0.0.1", path: request.url.slice("/a/camera".length), headers: { host: "localhost" } }, (answer) => {
      reply.writeHead(answer.statusCode, answer.headers);
      answer.pipe(reply);
    });
    there.on("error", () => reply.destroy());
    reply.on("close", () => there.destroy());
    there.end();
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const page = await browser.open(`http://127.0.0.1:${proxy.address().port}/a/camera/`);
  await page.wait("document.getElementById('picture')?.naturalWidth > 0 && window.received?.status", 20);
  await page.wait("Number(document.querySelector('.chart svg')?.dataset.points) > 0", 20);
  const links = await page.evaluate("[...document.querySelectorAll('nav a')].map((each) => each.pathname).join()");
  check("links stay below the path", links.split(",").every((each) => each.startsWith("/a/camera/")), links);
  check("nothing failed below the path", page.complaints.length === 0, page.complaints.join());
  proxy.closeAllConnections?.();
  proxy.close();
}

function checkNoErrors(page, origin) {
  check("no complaint", page.complaints.length === 0, page.complaints.join("\n"));
  const strange = page.requests.filter((url) => new URL(url).origin !== origin);
  check("no other origin", strange.length === 0, strange.join());
  check("the page, and what it reads", page.requests.length >= 5, page.requests.join());
}

async function checkNamesStayText(page) {
  const name = "<img src=x onerror=\"document.title='owned'\">";
  await page.wait(`document.getElementById("answer-name").textContent === ${JSON.stringify(name)}`);
  check("no element came of a name", (await page.evaluate("document.querySelectorAll('main img').length")) === 1);
  check("no script came of a name", (await page.evaluate("document.title")) === "QuantRing");
}

async function checkBanner(page) {
  const banner = "document.getElementById('banner-text').textContent";
  check("no banner while all is well", await page.evaluate("document.getElementById('banner').hidden"));
  driver.send("waiting");
  await page.wait(`${banner}.includes("<i>was lost</i>")`);
  check("the banner is seen", await page.evaluate("document.getElementById('banner').offsetHeight > 0"));
  check("the state too", (await page.evaluate("document.querySelector('[data-field=state]').textContent")) === "not running");
  await checkNumbers(page);
  check("the ring stays", (await page.evaluate("document.querySelectorAll('.stage').length")) === 4);
  check("and the charts of its links", (await page.evaluate("[...document.querySelectorAll('.chart')].filter((each) => !each.hidden).length")) === 4);
  const lost = await page.evaluate("[...document.querySelectorAll('.stage.lost')].map((each) => each.id + each.querySelector('.mark').textContent).join()");
  check("the lost node is marked", lost === "stage-1: lost", lost);
  check("the sentence says it too", (await page.evaluate("document.getElementById('limit').textContent")).includes("stage 1"));
  driver.send("running silent");
  await page.wait(`${banner}.includes("sends no status")`);
  driver.send("running");
  await page.wait("document.getElementById('banner').hidden");
}

async function checkReconnect(page) {
  await driver.stop();
  await page.wait("document.getElementById('banner-text').textContent.includes('No connection')");
  check("stale numbers are greyed out", await page.evaluate("document.body.classList.contains('stale')"));
  const pictures = page.requests.filter((url) => url.includes("/picture.jpg")).length;
  driver = await Driver.start(target, driver.port, 0);
  await page.wait("document.getElementById('banner').hidden && !document.body.classList.contains('stale')");
  check("the picture is requested again", page.requests.filter((url) => url.includes("/picture.jpg")).length > pictures);
  const first = await page.evaluate(pixels);
  await page.wait(`${pixels} !== ${JSON.stringify(first)}`);
  await page.wait("document.getElementById('ring').textContent.includes('one process')");
  await checkNumbers(page);
}

driver = live ? null : await Driver.start(target);
const origin = live ? new URL(target).origin : `http://127.0.0.1:${driver.port}`;
const browser = await Browser.start(program);
try {
  const page = await browser.open(origin + "/");
  await page.show(1440, 900);
  await checkRun(page, origin);
  if (screenshot) await page.screenshot(screenshot);
  if (!live) {
    await checkTogether(page);
    await checkNamesStayText(page);
    await checkSizes(page);
    await checkKeyboard(page);
    await checkBanner(page);
    checkNoErrors(page, origin);
    await checkTabs(page, origin + "/");
    await checkSubPath();
    await page.call("Page.bringToFront", {});
    checkNoErrors(page, origin);
    await checkReconnect(page);
    check("no script failed", !page.complaints.some((line) => /Error/.test(line) && !/ERR_/.test(line)), page.complaints.join("\n"));
  }
} catch (error) {
  check("no exception", false, error.message);
} finally {
  await browser.stop();
  await driver?.stop();
}
console.log(failures.length === 0 ? "all checks passed" : `${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
