
// Server-sent events update the page; a banner reports when they stop.

const picture = document.getElementById("picture");
const noPicture = document.getElementById("no-picture");
const banner = document.getElementById("banner");
const bannerText = document.getElementById("banner-text");
const bannerSince = document.getElementById("banner-since");
const silentSeconds = 5;
let status = null, connected = false, attempts = 0;
let lastEvent = performance.now();  // of the last status, or of the loss of the connection

function attachPicture() {
  picture.src = `/stream.mjpg?${++attempts}`;
}

picture.addEventListener("load", () => {
  noPicture.hidden = true;
  picture.classList.toggle("tiny", picture.naturalWidth < 160);
});
picture.addEventListener("error", () => {
  noPicture.hidden = false;
  if (connected) setTimeout(attachPicture, 2000);
});

function showAnswer(answer) {
  const [best] = answer.top;
  put(document.getElementById("answer-name"), best?.name, "text");
  put(document.getElementById("answer-probability"), best?.probability, "probability");
  put(document.getElementById("answer-frame"), answer.frame, "text");
  put(document.getElementById("answer-latency"), answer.latency_s, "delay");
  const truth = document.getElementById("answer-true");
  truth.textContent = answer.true_class === null ? "" : `labelled: ${answer.true_class}`;
  truth.className = answer.true_class === best?.name ? "right" : "wrong";
  const list = document.getElementById("top");
  while (list.children.length > answer.top.length) list.lastChild.remove();
  while (list.children.length < answer.top.length) {
    list.append(make("li", {}, make("span", { class: "bar" }), make("span"), make("span")));
  }
  answer.top.forEach((each, i) => {
    const [bar, name, percent] = list.children[i].children;
    bar.style.width = `${100 * each.probability}%`;
    put(name, each.name, "text");
    put(percent, each.probability, "probability");
  });
  document.body.dataset.answer = answer.number;
}

function redraw() {
  if (!status) return;
  showRing(status);
  showHistory(status);
  putAll(document, status);
}

function showStatus(next) {
  status = next;
  lastEvent = performance.now();
  addPoint(status);
  redraw();
  document.body.dataset.uptime = status.uptime_s;
  showState();
}

// The most serious problem; null: none.
function currentProblem() {
  const seconds = Math.floor((performance.now() - lastEvent) / 1000);
  if (!connected && (status || seconds >= 2)) return { text: "No connection to the program. This page reconnects automatically.", seconds };
  if (!status) return null;
  if (seconds >= silentSeconds) return { text: "The program is connected but sends no status.", seconds };
  if (!status.healthy) return { text: status.state };
  if (status.feed.error) return { text: status.feed.error };
  return null;
}

// Runs once a second and on every status. The text changes only when needed, for screen readers.
function showState() {
  const problem = currentProblem();
  if (bannerText.textContent !== (problem?.text ?? "")) bannerText.textContent = problem?.text ?? "";
  bannerSince.textContent = problem?.seconds === undefined ? "" : `since ${format.time(problem.seconds)}`;
  banner.hidden = problem === null;
  document.getElementById("state").className = `state ${problem ? "bad" : status ? "good" : ""}`;
  document.body.classList.toggle("stale", problem?.seconds !== undefined);
  document.title = problem ? "QuantRing: problem" : "QuantRing";
}

async function loadHistory() {
  try {
    const reply = await fetch("/api/history");
    const history = (await reply.json()).points;
    const since = history.length > 0 ? history[history.length - 1].uptime_s : 0;
    points = [...history, ...points.filter((point) => point.uptime_s > since)];
    redraw();
  } catch {
    // Loaded again when the event stream reconnects.
  }
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("open", () => {
    connected = true;
    lastEvent = performance.now();
    points = [];
    loadHistory();
    attachPicture();
    showState();
  });
  events.addEventListener("status", (event) => showStatus(JSON.parse(event.data)));
  events.addEventListener("answer", (event) => showAnswer(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    if (connected) lastEvent = performance.now();
    connected = false;
    showState();
    if (events.readyState !== EventSource.CLOSED) return;  // the browser reconnects
    events.close();
    setTimeout(listen, 3000);
  });
}

listen();
setInterval(showState, 1000);
new ResizeObserver(redraw).observe(ringBox);
