
// Server-sent events update the page; a banner reports when they stop. A browser opens six
// connections to a server at most, for all of its tabs: a hidden one lets go of its events, and
// pictures are single requests.

const picture = document.getElementById("picture");
const noPicture = document.getElementById("no-picture");
const banner = document.getElementById("banner");
const bannerText = document.getElementById("banner-text");
const bannerSince = document.getElementById("banner-since");
const silentSeconds = 5, pictureSeconds = 5, hiddenSeconds = 10;
let status = null, connected = false, events = null;
let lastEvent = performance.now();  // of the last status, or of the loss of the connection
let newest = null, showing = false;  // answer not shown yet

async function loadPicture(number) {
  try {
    const reply = await fetch(`picture.jpg?number=${number}`, { signal: AbortSignal.timeout(pictureSeconds * 1000) });
    return reply.status === 200 ? await reply.blob() : null;
  } catch {
    return null;
  }
}

async function showPicture(blob) {
  const before = picture.src;
  picture.src = URL.createObjectURL(blob);
  try {
    await picture.decode();
    picture.classList.toggle("tiny", picture.naturalWidth < 160);
    picture.hidden = false;
  } catch {
    picture.hidden = true;  // browsers show an icon for a broken one
  }
  noPicture.hidden = !picture.hidden;
  if (before.startsWith("blob:")) URL.revokeObjectURL(before);
}

// Each answer together with its picture; those that come meanwhile are skipped for the newest.
async function showAnswers() {
  if (showing) return;
  showing = true;
  while (newest) {
    const answer = newest;
    newest = null;
    const blob = await loadPicture(answer.number);
    if (blob) await showPicture(blob);
    showAnswer(answer);
  }
  showing = false;
}

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
  foldZeros();
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
  if (document.hidden) return null;
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
  if (!document.hidden) document.title = problem ? "QuantRing: problem" : "QuantRing";
}

async function loadHistory() {
  try {
    const reply = await fetch("api/history");
    const history = (await reply.json()).points;
    const since = history.length > 0 ? history[history.length - 1].uptime_s : 0;
    points = [...history, ...points.filter((point) => point.uptime_s > since)];
    redraw();
  } catch {
    // Loaded again when the event stream reconnects.
  }
}

function listen() {
  events = new EventSource("events");
  const own = events;
  events.addEventListener("open", () => {
    connected = true;
    lastEvent = performance.now();
    points = [];
    loadHistory();
    showState();
  });
  events.addEventListener("status", (event) => showStatus(JSON.parse(event.data)));
  events.addEventListener("answer", (event) => {
    newest = JSON.parse(event.data);
    showAnswers();
  });
  events.addEventListener("error", () => {
    if (connected) lastEvent = performance.now();
    connected = false;
    showState();
    if (own.readyState !== EventSource.CLOSED) return;  // the browser reconnects
    setTimeout(() => { if (events === own && !document.hidden) listen(); }, 3000);
  });
}

document.addEventListener("visibilitychange", () => {
  events.close();
  connected = false;
  lastEvent = performance.now();
  if (!document.hidden) listen();
});

// The title of a hidden tab.
setInterval(async () => {
  if (!document.hidden) return;
  const healthy = await fetch("api/status").then((reply) => reply.json()).then((now) => now.healthy, () => false);
  if (document.hidden) document.title = healthy ? "QuantRing" : "QuantRing: problem";
}, hiddenSeconds * 1000);

if (!document.hidden) listen();
else events = { close() {} };
setInterval(showState, 1000);
new ResizeObserver(redraw).observe(ringBox);
