"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const get = (id) => document.getElementById(id);
const svg = document.querySelector("#picture > svg");
const nodes = new Map([...svg.querySelectorAll("[data-node]")].map((e) => [e.dataset.node, e]));
const edges = [...svg.querySelectorAll("[data-edge]")];
const names = Object.keys(facts.ops);
const outer = names.filter((name) => !inLoop(name));
const host = typeof acquireVsCodeApi === "function" ? acquireVsCodeApi() : null;
let step = 1, chosen = null, view = null;

function inLoop(name) {  // a pattern's ops have dots too: only a loop has nodes inside its own
  const node = nodes.get(name);
  return Boolean(node && node.parentElement.closest("[data-node]"));
}

function make(tag, attributes = {}, ...inside) {
  const found = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  found.append(...inside);
  return found;
}

// -- what runs ------------------------------------------------------------------------------------

/** The place in `stretches` of the one that a step is in: a binary search. */
function stretchAt(at) {
  let low = 0, high = facts.stretches.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (facts.stretches[middle][0] <= at) low = middle; else high = middle - 1;
  }
  return low;
}

const rowsAt = (at) => facts.patterns[facts.stretches[stretchAt(at)][1]];

// Per pattern: for each op whether it runs, or may run.
const doing = facts.patterns.map((rows) => new Map(rows.map(([name, , when]) => [name, when === null ? "runs" : "may"])));
const doingAt = (at) => doing[facts.stretches[stretchAt(at)][1]];

function show(at) {
  step = Math.max(1, Math.min(facts.last, Math.round(at) || 1));
  get("slider").value = get("step").value = step;
  const place = `step=${step}${chosen ? `&op=${encodeURIComponent(chosen)}` : ""}`;
  if (host) host.setState(place); else history.replaceState(null, "", `#${place}`);
  const now = doingAt(step), rows = rowsAt(step);
  for (const [name, node] of nodes) {
    const state = inLoop(name) ? "runs" : now.get(name) || "rests";
    for (const each of ["runs", "may", "rests"]) node.classList.toggle(each, each === state);
    node.classList.toggle("chosen", name === chosen);
  }
  for (const edge of edges) {
    const [source, target] = edge.dataset.edge.split(" ");
    const lit = [source, target].every((name) => inLoop(name) || now.has(name));
    edge.classList.toggle("rests", !lit);
  }
  showOrder(rows);
  showTurns(rows);
  showAbout();
  drawTimes();
}

function showOrder(rows) {
  get("what").textContent = rows.length ? `Step ${step}, in this order` : `Step ${step}: nothing runs`;
  get("order").replaceChildren(...rows.map(([name, part, when, notes]) => {
    const item = make("li", {"data-op": name}, part ? `${name} (${part})` : name);
    item.classList.toggle("training", facts.ops[name].training);
    item.classList.toggle("may", when !== null);
    item.classList.toggle("chosen", name === chosen);
    const more = [facts.ops[name].work, ...notes].join(" · ");
    item.append(make("small", {}, more));
    return item;
  }));
}

/** The turn of each op at this step, as a number at its corner; of an optimizer's two, the later. */
function showTurns(rows) {
  svg.querySelectorAll(".turn").forEach((turn) => turn.remove());
  const turns = new Map(rows.map(([name], place) => [name, place + 1]));
  for (const [name, turn] of turns) {
    const frame = nodes.get(name)?.querySelector(":scope > .box, :scope > .body");
    if (!frame) continue;
    const mark = document.createElementNS(svg.namespaceURI, "g");
    const x = Number(frame.getAttribute("x")), y = Number(frame.getAttribute("y"));
    mark.setAttribute("class", "turn");
    mark.setAttribute("transform", `translate(${x} ${y})`);
    mark.innerHTML = `<circle r="9"/><text y="3.6">${turn}</text>`;
    nodes.get(name).append(mark);
  }
}

// -- one op ---------------------------------------------------------------------------------------

function about(name) {
  const op = facts.ops[name], found = document.createDocumentFragment();
  found.append(make("h2", {}, name), make("code", {}, op.work));
  if (op.doc) found.append(make("p", {class: "fact"}, op.doc));
  found.append(make("p", {class: "fact"}, `Fires ${op.clock === "every step" ? op.clock : `on: ${op.clock}`}`));
  found.append(make("p", {class: "fact"}, op.training ? "It trains." : "It observes: after every update of the step."));
  found.append(make("code", {class: "line"}, op.source), make("code", {class: "fact"}, op.place));
  return found;
}

function showAbout() {
  get("about").replaceChildren(...(chosen && facts.ops[chosen] ? [about(chosen)] : []));
}

function choose(name) {
  chosen = name === chosen ? null : name;
  for (const label of get("names").children) label.classList.toggle("chosen", label.dataset.op === chosen);
  if (chosen && nodes.has(chosen)) bring(nodes.get(chosen));
  show(step);
}

/** Moves the picture where a node is out of sight. */
function bring(node) {
  const frame = get("picture").getBoundingClientRect(), box = node.getBoundingClientRect();
  if (box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom) return;
  const scale = svg.getScreenCTM().a, x = (box.left + box.right - frame.left - frame.right) / 2;
  look({...view, x: view.x + x / scale, y: view.y + (box.top - frame.top - 40) / scale});
}

const nameOf = (target) => target.closest?.("[data-node]")?.dataset.node ?? target.closest?.("[data-op]")?.dataset.op;

document.addEventListener("mousemove", (event) => {
  const name = event.buttons ? undefined : nameOf(event.target), tip = get("tip");
  tip.hidden = !(name && facts.ops[name] && event.target.closest("#picture"));
  if (tip.hidden) return;
  tip.replaceChildren(about(name));
  const right = event.clientX + 16 + tip.offsetWidth > innerWidth, low = event.clientY + 16 + tip.offsetHeight > innerHeight;
  tip.style.left = `${right ? Math.max(0, event.clientX - 16 - tip.offsetWidth) : event.clientX + 16}px`;
  tip.style.top = `${low ? Math.max(0, event.clientY - 16 - tip.offsetHeight) : event.clientY + 16}px`;
});

// -- the timetable --------------------------------------------------------------------------------

const ROW = 16, TOP = 20, CELL = 13;
const canvas = document.querySelector("#grid canvas");

/** The steps that fit, with the present one in the middle where that is possible. */
function span() {
  const fit = Math.max(8, Math.floor((canvas.clientWidth - 8) / CELL));
  const first = Math.max(1, Math.min(step - (fit >> 1), facts.last - fit + 1));
  return [first, Math.min(facts.last, first + fit - 1)];
}

function drawTimes() {
  const wide = canvas.clientWidth, high = TOP + outer.length * ROW + 6, scale = devicePixelRatio || 1;
  canvas.style.height = `${high}px`;
  canvas.width = wide * scale; canvas.height = high * scale;
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const [training, observing, muted, panel, accent] = ["training", "observing", "muted", "panel", "accent"].map(colour);
  pen.scale(scale, scale);
  const [first, last] = span();
  pen.fillStyle = panel;
  pen.fillRect((step - first) * CELL, 0, CELL, high);
  pen.font = "10px system-ui, sans-serif";
  for (let at = first; at <= last; at++) {
    const x = (at - first) * CELL, now = doingAt(at);
    if (at === step || (at % 10 === 0 && Math.abs(at - step) > 3)) {
      pen.fillStyle = at === step ? accent : muted;
      pen.fillText(at, x + 2, 13);
    }
    outer.forEach((name, row) => {
      const state = now.get(name);
      if (!state) return;
      const y = TOP + row * ROW + ROW / 2;
      pen.fillStyle = pen.strokeStyle = facts.ops[name].training ? training : observing;
      pen.beginPath();
      pen.arc(x + CELL / 2, y, 3.6, 0, 7);
      if (state === "runs") pen.fill(); else pen.stroke();
    });
  }
  if (facts.more && last === facts.last) {
    pen.fillStyle = muted;
    pen.fillText("… and so on", (last - first + 1) * CELL + 6, 13);
  }
}

canvas.addEventListener("click", (event) => show(span()[0] + Math.floor(event.offsetX / CELL)));

// -- steps ----------------------------------------------------------------------------------------

/** The next step with another pattern. */
const change = () => show((facts.stretches[stretchAt(step) + 1] ?? [facts.last])[0]);

get("slider").addEventListener("input", (event) => show(Number(event.target.value)));
get("step").addEventListener("change", (event) => show(Number(event.target.value)));
get("before").addEventListener("click", () => show(step - 1));
get("after").addEventListener("click", () => show(step + 1));
get("change").addEventListener("click", change);
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {ArrowLeft: () => show(step - 1), ArrowRight: () => show(step + 1), c: change, "+": () => zoom(1.25),
                "-": () => zoom(0.8), 0: fit};
  if (keys[event.key]) { keys[event.key](); event.preventDefault(); }
});

// -- moving in the picture ------------------------------------------------------------------------

const whole = svg.viewBox.baseVal, all = {x: whole.x, y: whole.y, width: whole.width, height: whole.height};

function look(found) {
  view = found;
  svg.setAttribute("viewBox", `${found.x} ${found.y} ${found.width} ${found.height}`);
}

/** All of it, but never smaller than can be read: a large graph begins at its top. */
function fit() {
  const frame = get("picture"), readable = 0.45, scale = Math.min(frame.clientWidth / all.width, frame.clientHeight / all.height);
  if (scale >= readable || !frame.clientWidth) return look({...all});
  look({x: all.x + Math.max(0, (all.width - frame.clientWidth / readable) / 2), y: all.y,
        width: frame.clientWidth / readable, height: frame.clientHeight / readable});
}

/** Larger by a factor, about a point of the picture that stays where it is. */
function zoom(factor, at = {x: view.x + view.width / 2, y: view.y + view.height / 2}) {
  const width = view.width / factor;
  if (width < 120 || width > all.width * 8) return;
  look({x: at.x - (at.x - view.x) / factor, y: at.y - (at.y - view.y) / factor, width, height: view.height / factor});
}

function point(event) {
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
}

get("picture").addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400), point(event));
}, {passive: false});
get("in").addEventListener("click", () => zoom(1.25));
get("out").addEventListener("click", () => zoom(0.8));
get("fit").addEventListener("click", () => look({...all}));

let dragged = null;
svg.addEventListener("pointerdown", (event) => {
  dragged = {x: event.clientX, y: event.clientY, view: {...view}, moved: false, name: nameOf(event.target)};
  svg.setPointerCapture(event.pointerId);
});
svg.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const [dx, dy] = [event.clientX - dragged.x, event.clientY - dragged.y];
  dragged.moved ||= Math.hypot(dx, dy) > 4;
  if (!dragged.moved) return;
  get("picture").classList.add("dragged");
  const scale = svg.getScreenCTM().a;
  look({...view, x: dragged.view.x - dx / scale, y: dragged.view.y - dy / scale});
});
svg.addEventListener("pointerup", () => {
  if (dragged && !dragged.moved && dragged.name) {
    tell(dragged.name);
    choose(dragged.name);
  }
  dragged = null;
  get("picture").classList.remove("dragged");
});

// -- an editor around the page --------------------------------------------------------------------

/** It says where the cursor is: the op that begins there, or last before it, is chosen. */
window.addEventListener("message", (event) => {
  const line = event.data?.line;
  if (typeof line !== "number") return;
  let found = null;
  for (const name of names) {
    const at = facts.ops[name].line;
    if (at !== null && at <= line && (found === null || at >= facts.ops[found].line)) found = name;
  }
  if (found && found !== chosen) choose(found);
});

/** It is told which line was asked for, and keeps what is shown while the page is made anew. */
function tell(name) {
  if (facts.ops[name].line !== null) host?.postMessage({line: facts.ops[name].line});
}

// -- begin ----------------------------------------------------------------------------------------

nodes.forEach((node) => node.querySelector(":scope > title")?.remove());  // the page has a tip of its own
get("length").textContent = facts.length;
get("slider").max = get("step").max = facts.last;
get("names").append(...outer.map((name) => make("div", {"data-op": name, title: name}, name)));
document.addEventListener("click", (event) => {
  const name = event.target.closest("[data-op]")?.dataset.op;
  if (name) choose(name);
});
addEventListener("resize", drawTimes);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawTimes);
fit();
const asked = new URLSearchParams(host ? host.getState() ?? "" : location.hash.slice(1));
if (names.includes(asked.get("op"))) choose(asked.get("op"));
show(Number(asked.get("step")) || 1);
host?.postMessage({ready: true});
