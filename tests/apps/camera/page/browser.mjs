// Drives a headless Chromium over its DevTools pipe, without a library: NUL-terminated JSON on file
// descriptors 3 (in) and 4 (out).
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Browser {
  static async start(program) {
    const browser = new Browser();
    browser.folder = mkdtempSync(join(tmpdir(), "quantring-page-"));
    browser.child = spawn(program, [
      "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-sandbox", "--disable-gpu",
      "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
      "--disable-sync", "--no-default-browser-check", `--user-data-dir=${browser.folder}`, "about:blank",
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env: { ...process.env, HOME: browser.folder } });
    browser.waiting = new Map();
    browser.ended = new Promise((resolve) => browser.child.once("exit", resolve));
    browser.ended.then(() => browser.waiting.forEach(({ reject }) => reject(new Error("the browser ended"))));
    browser.listeners = [];
    browser.sent = 0;
    let text = "";
    browser.child.stdio[4].setEncoding("utf8").on("data", (chunk) => {
      const messages = (text + chunk).split("\0");
      text = messages.pop();
      messages.forEach((message) => browser.receive(JSON.parse(message)));
    });
    browser.child.stdio[3].on("error", () => {});
    return browser;
  }

  receive(message) {
    const { id, error, result } = message;
    if (id === undefined) return this.listeners.forEach((listener) => listener(message));
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) reject(new Error(JSON.stringify(error)));
    else resolve(result);
  }

  call(method, params = {}, sessionId = undefined) {
    const id = ++this.sent;
    this.child.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  // A page that records its requests and errors.
  async open(url) {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.listeners.push((message) => message.sessionId === sessionId && page.note(message));
    for (const domain of ["Page", "Runtime", "Network", "Log", "Audits"]) await page.call(`${domain}.enable`);
    await page.call("Page.addScriptToEvaluateOnNewDocument", { source: recorder });
    await page.call("Page.navigate", { url });
    return page;
  }

  async stop() {
    await Promise.race([this.call("Browser.close").catch(() => {}), this.ended]);
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

// Records the events that the page's EventSource received, to compare the page with them.
const recorder = `
  window.received = {}, window.answers = {};
  const Plain = window.EventSource;
  window.EventSource = class extends Plain {
    addEventListener(name, listener) {
      super.addEventListener(name, (event) => {
        listener(event);
        window.received[name] = event.data;
        if (name === "answer") answers[JSON.parse(event.data).number] = event.data;
      });
    }
  };
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));`;

class Page {
  constructor(browser, session) {
    Object.assign(this, { browser, session, requests: [], complaints: [] });
  }

  call(method, params) {
    return this.browser.call(method, params, this.session);
  }

  note({ method, params }) {
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled") this.complaints.push(params.args.map((each) => each.value).join(" "));
    if (method === "Log.entryAdded") this.complaints.push(`${params.entry.level}: ${params.entry.text} ${params.entry.url ?? ""}`);
    if (method === "Audits.issueAdded") this.complaints.push(params.issue.code);
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  // Until the expression is true.
  async wait(expression, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    while (!(await this.evaluate(expression))) {
      if (Date.now() > end) throw new Error(`not within ${seconds} s: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async show(width, height, scheme = "dark") {
    await this.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  async screenshot(path, whole = false) {
    const { data } = await this.call("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole });
    writeFileSync(path, Buffer.from(data, "base64"));
  }
}
