// What the gateway sends is shown as text, never as markup: ids and frames come from strangers' radios.
"use strict";

const $ = (id) => document.getElementById(id);

/** An element with attributes and children; a string is a text. */
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
  return element;
}

function say(id, text) {
  const element = typeof id === "string" ? $(id) : id;
  if (element.textContent !== text) element.textContent = text;
}

// Numbers and times

const grouped = new Intl.NumberFormat("en");
const count = (number) => grouped.format(number);
const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
const words = (text) => text.replaceAll("_", " ");

function octets(number) {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (number >= size) return `${(number / size).toFixed(1)} ${unit}`;
  }
  return `${number} octets`;
}

function span(seconds) {
  for (const [size, unit, small, less] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 0, ""]]) {
    if (seconds >= size) {
      const rest = small ? Math.floor((seconds % size) / small) : 0;
      return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${less}` : ""}`;
    }
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
}

const UNITS = { m3: "m³", "m3/h": "m³/h", "m3/min": "m³/min", Cel: "°C", "kW.h": "kWh", "MW.h": "MWh", "W.h": "Wh", 1: "" };
const unit = (ucum) => (ucum in UNITS ? UNITS[ucum] : (ucum || "").replace(/[{}]/g, ""));
const clock = (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

/** The gateway's clock less that of this browser, in milliseconds. */
let skew = 0;

/** How long ago something was, kept up to date. */
function ago(at) {
  const time = el("time", { datetime: at, title: new Date(at).toLocaleString() });
  time.at = Date.parse(at);
  tickOne(time);
  return time;
}
const tickOne = (time) => say(time, span((Date.now() + skew - time.at) / 1000));
setInterval(() => document.querySelectorAll("time").forEach((time) => time.at && tickOne(time)), 1000);

// What is asked for

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (answer.status === 401) {
    showLogin();
    throw new Error("token");
  }
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

// The line

const samples = [];

/** How much something grew each second, over the last ten. */
function rate(status, of) {
  const before = samples[0];
  const passed = (status.now - before.now) / 1000;
  return passed > 0.5 ? Math.max(0, of(status) - of(before)) / passed : undefined;
}

function perSecond(number) {
  if (number === undefined) return "–";
  if (number >= 10) return `${count(Math.round(number))}/s`;
  if (number >= 0.1) return `${number.toFixed(1)}/s`;
  return number > 0 ? `${(number * 60).toFixed(1)}/min` : "0/s";
}

const sum = (list, of) => list.reduce((all, one) => all + of(one), 0);

/** Pairs of name and value, those without a value left out. */
function pairs(...list) {
  const rows = list.filter(([, value]) => value !== undefined);
  return el("dl", { class: "pairs" }, ...rows.map(([name, value, bad]) =>
    el("div", {}, el("dt", {}, name), el("dd", { class: bad ? "bad" : undefined }, value))));
}

function showStatus(status) {
  skew = status.now - Date.now();
  if (samples.length && status.started !== samples[0].started) samples.length = 0;
  samples.push(status);
  while (samples.length > 2 && status.now - samples[0].now > 10500) samples.shift();
  say("gateway", status.gateway);
  document.title = `${status.obstacles.length ? "▲ " : ""}${status.gateway} – ESH gateway`;
  say("about", `ESH ${status.version}, up ${span(status.now / 1000 - status.started)}`);
  $("logout").hidden = !status.token;
  const ready = status.obstacles.length === 0;
  say("state", ready ? "Ready" : "Not ready");
  $("state").className = `state ${ready ? "ready" : "not"}`;
  $("obstacles").hidden = ready;
  $("obstacles").querySelector("ul").replaceChildren(...status.obstacles.map((text) => el("li", {}, text)));

  say("in-rate", perSecond(rate(status, (s) => sum(s.sources, (source) => source.frames))));
  $("sources").replaceChildren(...status.sources.flatMap((source, n) => [
    el("h4", {}, source.name, el("span", {}, perSecond(rate(status, (s) => s.sources[n] ? s.sources[n].frames : 0)))),
    pairs(["frames", count(source.frames)],
      ["unreadable lines", source.unreadable ? count(source.unreadable) : undefined, true],
      ["reconnects", source.reconnects ? count(source.reconnects) : undefined]),
  ]));

  const { line, queue } = status;
  const failed = Object.values(line.failed).reduce((all, one) => all + one, 0) + line.unread;
  const all = line.decoded + failed;
  const share = Math.floor((line.decoded / all) * 1000) / 10;
  say("decode-share", all ? `${share === 100 ? "100" : share.toFixed(1)} %` : "–");
  $("decode").replaceChildren(
    pairs(["decoded", count(line.decoded)], ["duplicates", count(line.copies)], ["failed", count(failed), failed > 0],
      ["refused", line.refused ? count(line.refused) : undefined, true]),
    ...(failed ? [el("h4", {}, "failed because"), pairs(
      ...Object.entries(line.failed).sort((a, b) => b[1] - a[1]).map(([reason, times]) => [words(reason), count(times)]),
      ["format not read", line.unread ? count(line.unread) : undefined])] : []));

  say("queue-waiting", queue.waiting ? count(queue.waiting) : "empty");
  say("queue-what", queue.waiting ? "waiting" : "");
  const lost = queue.made_room + queue.no_room + queue.damaged;
  $("queue").replaceChildren(pairs(
    ["state", queue.broken ? "disk fails" : queue.full ? "full" : "takes records", queue.broken || queue.full],
    ["oldest waits", queue.waiting ? span(queue.oldest / 1000) : "nothing waits"],
    ["on the disk", octets(queue.octets)], ["committed", count(line.records)],
    ["dropped for room", queue.made_room ? count(queue.made_room) : undefined, true],
    ["refused for room", queue.no_room ? count(queue.no_room) : undefined, true],
    ["found damaged", queue.damaged ? count(queue.damaged) : undefined, true],
    ["lost", lost ? undefined : "none"]));

  say("out-rate", perSecond(rate(status, (s) => sum(s.sinks, (sink) => sink.acknowledged))));
  $("sinks").replaceChildren(...status.sinks.flatMap((sink, n) => {
    const mine = rate(status, (s) => s.sinks[n] ? s.sinks[n].acknowledged : 0);
    const state = sink.away ? "away" : sink.behind > 0 && !mine ? "waits" : perSecond(mine);
    return [
      el("h4", {}, sink.name, el("span", { class: sink.away ? "bad" : undefined }, state)),
      pairs(["delivered", count(sink.acknowledged)], ["behind", count(sink.behind || 0), sink.away && sink.behind > 0],
        ["last delivery", sink.last ? `${span(status.now / 1000 - sink.last)} ago` : "none yet"],
        ["faults", sink.reconnects ? count(sink.reconnects) : undefined]),
      sink.fault ? el("p", { class: `fault ${sink.away ? "bad" : "quiet"}` },
        `Last fault, ${span(status.now / 1000 - sink.fault_at)} ago: ${sink.fault}`) : "",
    ];
  }).filter((part) => part !== ""));

  const where = status.sources.map((source) => source.name).join(", ");
  say("meters-empty", sum(status.sources, (source) => source.frames)
    ? "No frame could be decoded yet. “Not decoded” below says why; most often keys are missing in keys.toml."
    : `No frame has come yet from ${where}. Is the receiver plugged in and its antenna up? `
      + "“esh-gateway simulate wmbus” prints telegrams to try the line with.");
}

// Meters and frames

const lists = {
  meters: { all: new Map(), rows: new Map() },
  frames: { all: new Map(), rows: new Map() },
};
const SHOWN = 200;

const name = (telegram) => (telegram.meter ? telegram.meter.name || telegram.meter.id : "names no meter");
const address = (telegram) => (telegram.meter ? telegram.meter.address : telegram.protocol || "");
const signal = (telegram) => (telegram.rssi === undefined ? "–" : `${telegram.rssi} dBm`);

function about(telegram) {
  const { meter } = telegram;
  if (!meter) return plural(telegram.octets, "octet", "octets");
  const parts = [meter.name ? meter.id : "", meter.manufacturer, meter.medium && words(meter.medium), meter.site];
  return parts.filter(Boolean).join(" · ");
}

function reading(one) {
  const value = one.value === null ? one.quality ? words(one.quality) : "no value" : String(one.value);
  // A long word breaks at its dots, where it must.
  const label = one.label.split(/(?<=[.])/).flatMap((part) => [part, el("wbr")]);
  return el("span", { class: "row" }, el("i", {}, ...label), " ", el("span", { class: "whole" }, el("b", {}, value), " ", unit(one.unit)));
}

function opener(list, telegram) {
  const button = el("button", { class: "link", "aria-haspopup": "dialog" }, name(telegram));
  button.addEventListener("click", () => openDetail(list, telegram.n));
  return el("th", { scope: "row" }, button, el("span", { class: "sub" }, about(telegram)),
    ...telegram.alarms.map((alarm) => el("span", { class: "alarm" }, `alarm: ${words(alarm)}`)));
}

function why(telegram) {
  return telegram.error ? telegram.error.message : "Nobody here reads what it holds.";
}

function cells(list, telegram) {
  const heard = el("td", { class: "num" }, telegram.at ? ago(telegram.at) : "–");
  const wide = (text) => el("td", { class: "num wide" }, text);
  if (list === "meters") {
    const readings = telegram.readings.length ? telegram.readings.map(reading) : ["no reading of now"];
    return [opener(list, telegram), el("td", {}, ...readings), wide(signal(telegram)), heard];
  }
  return [opener(list, telegram), el("td", {}, why(telegram)), wide(count(telegram.count)), wide(signal(telegram)), heard];
}

/** Puts a telegram into a row, which stays the same element so that nobody loses their place. */
function fill(list, telegram, fresh) {
  const { rows } = lists[list];
  let row = rows.get(telegram.n);
  if (!row) {
    row = el("tr");
    rows.set(telegram.n, row);
  }
  if (row.telegram === telegram) return row;
  const focused = row.contains(document.activeElement);
  row.replaceChildren(...cells(list, telegram));
  row.telegram = telegram;
  row.classList.toggle("new", false);
  if (fresh) requestAnimationFrame(() => row.classList.toggle("new", true));
  if (focused) row.querySelector("button").focus({ preventScroll: true });
  return row;
}

const ORDER = {
  meters: (a, b) => name(a).localeCompare(name(b), "en", { numeric: true }) || a.n - b.n,
  frames: (a, b) => (b.at || "").localeCompare(a.at || "") || b.n - a.n,
};

function found(telegram, wanted) {
  const { name: called = "", site = "", tenant = "", labels = {} } = telegram.meter || {};
  const text = [address(telegram), called, site, tenant, ...Object.values(labels), about(telegram), telegram.source || "",
    ...telegram.alarms, ...telegram.readings.map((one) => one.label)].join(" ").toLowerCase();
  return wanted.every((word) => text.includes(word));
}

function showList(list) {
  const { all, rows } = lists[list];
  const wanted = list === "meters" ? $("search").value.toLowerCase().split(/\s+/).filter(Boolean) : [];
  const matches = [...all.values()].filter((telegram) => found(telegram, wanted)).sort(ORDER[list]);
  const shown = matches.slice(0, SHOWN);
  const keep = shown.map((telegram) => fill(list, telegram));
  const body = $(list).tBodies[0];
  // Only what stands elsewhere is moved.
  keep.forEach((row, n) => body.children[n] === row || body.insertBefore(row, body.children[n] || null));
  while (body.children.length > keep.length) body.lastChild.remove();
  for (const n of rows.keys()) if (!all.has(n)) rows.delete(n);
  $(list).hidden = keep.length === 0;
  if (list === "meters") {
    $("meters-empty").hidden = all.size > 0;
    const some = shown.length < matches.length ? `, the first ${SHOWN} shown` : "";
    say("meters-count", !all.size ? "" : wanted.length
      ? `${matches.length ? count(matches.length) : "None"} of ${plural(all.size, "meter", "meters")}${some}`
      : `${plural(all.size, "meter", "meters")} heard${some}`);
  } else {
    $("frames-empty").hidden = all.size > 0;
    say("frames-count", all.size ? "the newest of each meter; a name shows its octets explained" : "");
  }
}

const due = new Set();
function later(list) {
  if (due.size === 0) setTimeout(() => { due.forEach(showList); due.clear(); }, 300);
  due.add(list);
}

async function load() {
  for (const list of ["meters", "frames"]) {
    const telegrams = await ask(`/api/${list}`);
    lists[list].all = new Map(telegrams.map((telegram) => [telegram.n, telegram]));
    showList(list);
  }
}

// Live

const LINES = 25;
let paused = false;
let passedOver = 0;

function showTelegram(telegram) {
  const list = telegram.failed ? "frames" : "meters";
  const known = lists[list].all.has(telegram.n);
  lists[list].all.set(telegram.n, telegram);
  if (known && list === "meters" && lists.meters.rows.has(telegram.n)) fill(list, telegram, true);
  else later(list);
  if (detail && detail.list === list && detail.n === telegram.n) refreshDetail();
  if (paused) return;
  const told = telegram.failed ? [el("span", { class: "bad" }, `failed: ${why(telegram)}`)]
    : telegram.readings.length ? telegram.readings.slice(0, 2).map(reading) : ["no reading of now"];
  const line = el("li", {}, el("span", { class: "quiet" }, telegram.at ? clock(new Date(telegram.at)) : "–"),
    el("span", {}, name(telegram)), el("span", {}, ...told.flatMap((part) => [part, " "])));
  $("live").prepend(line);
  while ($("live").children.length > LINES) $("live").lastChild.remove();
  $("live-empty").hidden = true;
}

let stream;
let again;

function connect() {
  clearTimeout(again);
  if (stream) stream.close();
  if (document.hidden) return;
  stream = new EventSource("/api/live");
  const on = (event, what) => stream.addEventListener(event, (message) => what(JSON.parse(message.data)));
  stream.onopen = () => load().catch(() => {});
  on("status", showStatus);
  on("telegram", showTelegram);
  on("again", connect);
  on("more", (more) => {
    passedOver += more;
    say("live-count", `${count(passedOver)} more came than are shown`);
  });
  stream.onerror = () => {
    say("state", "Not connected");
    $("state").className = "state not";
    if (stream.readyState !== EventSource.CLOSED) return;
    // Refused: too many watch, or nobody may. It is asked now and then instead.
    again = setTimeout(connect, 10000);
    ask("/api/status").then((status) => { showStatus(status); return load(); }).catch(() => {});
  };
}

document.addEventListener("visibilitychange", () => (document.hidden ? stream && stream.close() : $("page").hidden || connect()));
setInterval(() => document.hidden || $("page").hidden || load().catch(() => {}), 30000);
$("search").addEventListener("input", () => showList("meters"));
$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
});

// One meter or frame

let detail;

async function openDetail(list, n) {
  detail = { list, n };
  $("plot").replaceChildren();
  $("series").replaceChildren();
  $("detail").scrollTop = 0;
  try {
    showDetail(await ask(`/api/${list}/${n}`));
    $("detail").showModal();
  } catch (error) {
    detail = undefined;
    later(list);
  }
}

let refreshing;
function refreshDetail() {
  if (refreshing) return;
  refreshing = setTimeout(async () => {
    refreshing = undefined;
    const asked = detail;
    const got = asked && await ask(`/api/${asked.list}/${asked.n}`).catch(() => undefined);
    if (got && detail === asked) showDetail(got);
  }, 1000);
}

const HINTS = {
  no_key: (meter) => ` Add it to keys.toml: [[key]] meter = "${meter}".`,
  key_rejected: () => " The key in keys.toml is another one, or the frame was damaged.",
  authentication: () => " The key in keys.toml is another one, or the frame was altered.",
  replayed: () => " An older telegram was sent again, or the meter was set back.",
};

function showDetail(got) {
  const { telegram } = got;
  say("detail-title", name(telegram));
  $("detail-error").hidden = !got.error && !telegram.failed;
  const hint = got.error && HINTS[got.error.reason];
  const message = got.error ? got.error.message + "." : telegram.error
    ? `It failed when it came (${telegram.error.message}); with the keys that are in force now it decodes.` : why(telegram);
  say("detail-error", message + (hint ? hint(address(telegram)) : ""));
  const { security, meter } = telegram;
  const facts = [
    ["Address", address(telegram)],
    ["Medium", meter && meter.medium && words(meter.medium)],
    ["Site", meter && meter.site],
    ["Heard", telegram.at && new Date(telegram.at).toLocaleString()],
    ["Signal", signal(telegram)],
    ["Source", telegram.source],
    ["Telegrams", count(telegram.count)],
    ["Security", words(security.state) + (security.mode ? `, mode ${security.mode}` : "") + (security.authenticated ? ", authenticated" : "")],
    ["Alarms", telegram.alarms.length ? telegram.alarms.map(words).join(", ") : "none"],
  ];
  $("facts").replaceChildren(...facts.filter(([, value]) => value).map(([label, value]) =>
    el("div", {}, el("dt", {}, label), el("dd", {}, value))));

  $("plot-part").hidden = detail.list !== "meters";
  const labels = got.series.map((series) => series.label);
  const select = $("series");
  if ([...select.options].map((option) => option.value).join("\n") !== labels.join("\n")) {
    const chosen = select.value;
    select.replaceChildren(...labels.map((label) => el("option", { value: label }, label)));
    if (labels.includes(chosen)) select.value = chosen;
  }
  $("choice").hidden = labels.length === 0;
  detail.series = got.series;
  showPlot();

  $("readings-part").hidden = got.readings.length === 0;
  $("readings").replaceChildren(...got.readings.map((one) => el("tr", {},
    el("th", { scope: "row" }, one.label), el("td", { class: "num value" }, one.value === null ? "–" : String(one.value)),
    el("td", {}, unit(one.unit)), el("td", {}, [one.at, one.quality && words(one.quality)].filter(Boolean).join(", ") || "now"))));

  say("hex", got.hex.replace(/(..)/g, "$1 ").trim());
  showFields(got.fields || [], got.error);
}

function showFields(fields, error) {
  const bodies = [];
  let layer;
  for (const field of fields) {
    if (field.layer !== layer) {
      layer = field.layer;
      bodies.push(el("tbody", {}, el("tr", { class: "layer" }, el("th", { colspan: 4, scope: "rowgroup" }, `${words(layer)} layer`))));
    }
    const meaning = [field.value, field.meaning !== field.value ? field.meaning : ""].filter(Boolean).join(", ");
    bodies.at(-1).append(el("tr", {},
      el("td", { class: "num" }, String(field.octet)), el("td", { class: "hex" }, field.hex.replace(/(..)/g, "$1 ").trim()),
      el("th", { scope: "row" }, field.name), el("td", {}, meaning)));
  }
  if (error) {
    bodies.push(el("tbody", {}, el("tr", { class: "layer" }, el("th", { colspan: 4, scope: "rowgroup" }, "Here it ends")),
      el("tr", { class: "wrong" }, el("td"), el("td"),
        el("th", { scope: "row" }, error.field), el("td", {}, error.message))));
  }
  const table = $("fields");
  while (table.tBodies.length) table.tBodies[0].remove();
  table.append(...bodies);
}

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function showPlot() {
  const series = detail.series.find((one) => one.label === $("series").value);
  const points = series ? series.points.map(([at, text]) => ({ at, text, value: Number(text) })) : [];
  if (points.length < 2) {
    $("plot").replaceChildren(el("p", { class: "empty" },
      points.length ? "One point so far: a line needs two telegrams." : "No points yet: they are taken every few seconds."));
    return;
  }
  const [first, last] = [points[0], points.at(-1)];
  const low = points.reduce((a, b) => (b.value < a.value ? b : a));
  const high = points.reduce((a, b) => (b.value > a.value ? b : a));
  const x = (point) => ((point.at - first.at) / Math.max(1, last.at - first.at)) * 600;
  const y = (point) => (high.value === low.value ? 80 : 152 - ((point.value - low.value) / (high.value - low.value)) * 144);
  const line = points.map((point) => `${x(point).toFixed(1)} ${y(point).toFixed(1)}`).join("L");
  const of = unit(series.unit);
  const picture = svg("svg", { viewBox: "0 0 600 160", preserveAspectRatio: "none", role: "img" });
  const label = `${series.label}, ${points.length} points: lowest ${low.text} ${of}, highest ${high.text} ${of}, last ${last.text} ${of}`;
  picture.setAttribute("aria-label", label);
  const at = svg("line", { class: "at", y1: 0, y2: 160, x1: -1, x2: -1, visibility: "hidden" });
  picture.append(svg("path", { class: "area", d: `M${line}L600 160L0 160Z` }), svg("line", { x1: 0, x2: 600, y1: 160, y2: 160 }),
    svg("path", { d: `M${line}` }), at);
  const when = (point) => new Date(point.at * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "medium" });
  const told = el("b", {}, `${last.text} ${of}`);
  const moment = el("span", {}, when(last));
  const show = (point, marked) => {
    say(told, `${point.text} ${of}`);
    say(moment, when(point));
    at.setAttribute("visibility", marked ? "visible" : "hidden");
    at.setAttribute("x1", x(point));
    at.setAttribute("x2", x(point));
  };
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const wanted = ((event.clientX - box.left) / box.width) * 600;
    show(points.reduce((a, b) => (Math.abs(x(b) - wanted) < Math.abs(x(a) - wanted) ? b : a)), true);
  });
  picture.addEventListener("pointerleave", () => show(last, false));
  $("plot").replaceChildren(
    el("div", { class: "ends" }, el("span", {}, `highest ${high.text} ${of}`), el("span", {}, told, " at ", moment)), picture,
    el("div", { class: "ends" }, el("span", {}, `lowest ${low.text} ${of}`), el("span", {}, `since ${when(first)}`)));
}

$("series").addEventListener("change", showPlot);
$("close").addEventListener("click", () => $("detail").close());
$("detail").addEventListener("close", () => { detail = undefined; });

// Who may look

function showLogin() {
  if (stream) stream.close();
  if ($("detail").open) $("detail").close();
  $("page").hidden = true;
  $("login").hidden = false;
  $("logout").hidden = true;
  say("state", "Not logged in");
  $("state").className = "state";
  $("token").focus();
}

async function begin() {
  const status = await ask("/api/status");
  $("login").hidden = true;
  $("page").hidden = false;
  showStatus(status);
  connect();
}

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  say("login-error", "");
  const wrong = "That is not the token.";
  try {
    const headers = { authorization: `Bearer ${$("token").value.trim()}` };
    const answer = await fetch("/api/login", { method: "POST", headers });
    if (!answer.ok) return say("login-error", answer.status === 401 ? wrong : await answer.text());
  } catch (error) {
    // A header cannot hold everything that one can type.
    return say("login-error", error instanceof TypeError && /header|ISO/i.test(error.message) ? wrong : "The gateway does not answer.");
  }
  $("token").value = "";
  await begin();
});
$("logout").addEventListener("click", async () => {
  await fetch("/api/logout", { method: "POST" });
  showLogin();
});

begin().catch((error) => {
  if (error.message === "token") return;
  say("state", "Not connected");
  $("state").className = "state not";
  setTimeout(() => location.reload(), 5000);
});
