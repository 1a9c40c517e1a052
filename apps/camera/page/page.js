
// Events of the server to the page; and what is said when they stay away.

const picture = document.getElementById("picture");
const noPicture = document.getElementById("no-picture");
const banner = document.getElementById("banner");
const bannerText = document.getElementById("banner-text");
const bannerSince = document.getElementById("banner-since");
const silentSeconds = 5;
let status = null, connected = false, attempts = 0;
let heard = performance.now();  // when the last status came, or the connection was lost

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
  heard = performance.now();
  addPoint(status);
  redraw();
  document.body.dataset.uptime = status.uptime_s;
  showState();
}

// What is wrong, the worst first; null: nothing.
function trouble() {
  const seconds = Math.floor((performance.now() - heard) / 1000);
  if (!connected && (status || seconds >= 2)) return { text: "No connection to the program. This page tries again by itself.", seconds };
  if (!status) return null;
  if (seconds >= silentSeconds) return { text: "The program is there, and says nothing of the run.", seconds };
  if (!status.healthy) return { text: status.state };
  if (status.feed.error) return { text: status.feed.error };
  return null;
}

// Once a second, and with every status. A screen reader is told only of what is new.
function showState() {
  const wrong = trouble();
  if (bannerText.textContent !== (wrong?.text ?? "")) bannerText.textContent = wrong?.text ?? "";
  bannerSince.textContent = wrong?.seconds === undefined ? "" : `since ${format.time(wrong.seconds)}`;
  banner.hidden = wrong === null;
  document.getElementById("state").className = `state ${wrong ? "bad" : status ? "good" : ""}`;
  document.body.classList.toggle("stale", wrong?.seconds !== undefined);
  document.title = wrong ? "QuantRing: look here" : "QuantRing";
}

async function loadHistory() {
  try {
    const reply = await fetch("/api/history");
    const history = (await reply.json()).points;
    const since = history.length > 0 ? history[history.length - 1].uptime_s : 0;
    points = [...history, ...points.filter((point) => point.uptime_s > since)];
    redraw();
  } catch {
    // The events begin anew as well, and with them this.
  }
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("open", () => {
    connected = true;
    heard = performance.now();
    points = [];
    loadHistory();
    attachPicture();
    showState();
  });
  events.addEventListener("status", (event) => showStatus(JSON.parse(event.data)));
  events.addEventListener("answer", (event) => showAnswer(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    if (connected) heard = performance.now();
    connected = false;
    showState();
    if (events.readyState !== EventSource.CLOSED) return;  // the browser tries again
    events.close();
    setTimeout(listen, 3000);
  });
}

listen();
setInterval(showState, 1000);
new ResizeObserver(redraw).observe(ringBox);
