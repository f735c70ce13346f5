// The page: who answers, what is shown, and keys. How a label is given is the business of a form.
//
// Forms: `forms/NAME.js` has a default function that is given the desk
//   { area, sample, task, keep(label, words), trouble(text) }
// and returns
//   begin(item)     a sample is shown: draw what it is answered with
//   key(event)      what a key does, a function, or null where it is none of the form's
//   writing()       something is typed that Esc clears and Backspace shortens
//   clear()         do so
//   ownsKeys(node)  keys that arrive there are left alone; optional

import { ask, trouble } from "./net.js";
import { drawSample } from "./sample.js";

const at = (id) => document.getElementById(id);
const show = (id, on) => { at(id).hidden = !on; };
let task = null, form = null, state = null, busy = false, closed = false;
const tab = Math.random().toString(36).slice(2);  // what this tab shows, no other is given
let name = "", begun = 0, away = 0, hiddenAt = 0;

try { name = localStorage.getItem("annotator") || ""; } catch { name = ""; }

async function tell(path, body, said) {
  if (busy || closed) return;
  busy = true;
  try {
    state = await ask(path, { ...body, name, tab });
    at("said").textContent = said;
    draw();
  } catch (error) {
    trouble(error.message);
  } finally {
    busy = false;
  }
}

function keep(label, words) {
  tell("answer", { place: state.item.place, label, seconds: taken() }, `Kept: ${words}`);
}

const taken = () => Math.max(0, performance.now() - begun - away) / 1000;
const skip = () => state && state.item
  && tell("answer", { place: state.item.place, skip: true, seconds: taken() }, "Skipped");
const undo = () => state && state.undo !== null
  && tell("undo", { place: state.undo }, "Taken back");

function draw() {
  const { item, done, left } = state;
  task.classes = state.classes;
  at("who").textContent = name || "…";
  show("hello", !name);
  show("work", Boolean(name) && item !== null && !closed);
  show("over", Boolean(name) && item === null && !closed);
  show("closed", closed);
  at("over-title").textContent = done ? `All ${done} answered` : "Nothing is asked yet";
  at("count").textContent = `${done} of ${done + left}`;
  at("bar").max = Math.max(1, done + left);
  at("bar").value = done;
  at("undo").disabled = closed || state.undo === null || !name;
  at("skip").disabled = closed || item === null || !name;
  if (!name) { at("name").focus(); return; }
  if (item === null || closed) { at("finish").focus(); return; }
  show("again", item.again);
  const shown = () => { begun = performance.now(); away = 0; };
  drawSample(at("sample"), item, shown, state.next, trouble);
  form.begin(item);
}

document.addEventListener("keydown", (event) => {
  if (!state || !name || closed || event.altKey || event.metaKey || event.ctrlKey) return;
  if (event.target === at("name") || form.ownsKeys?.(event.target)) return;
  const act = (what) => { event.preventDefault(); if (!event.repeat) what(); };
  const writing = state.item && form.writing();
  if (event.key === "Backspace" && !writing) { act(undo); return; }
  if (!state.item) { if (event.key === "Enter") act(finish); return; }
  if (event.key === "Escape") { act(writing ? form.clear : skip); return; }
  const what = form.key(event) ?? at("sample").viewer?.key(event);
  if (what) act(what);
});

at("undo").addEventListener("click", undo);
at("skip").addEventListener("click", skip);
at("finish").addEventListener("click", finish);
at("who").addEventListener("click", () => { at("name").value = name; name = ""; draw(); });
at("hello").addEventListener("submit", async (event) => {
  event.preventDefault();
  name = at("name").value.trim();
  try { localStorage.setItem("annotator", name); } catch { /* private windows */ }
  await look();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = performance.now();
  else if (hiddenAt) { away += performance.now() - hiddenAt; hiddenAt = 0; }
});

async function finish() {
  if (busy || closed) return;
  busy = true;
  try { await ask("finish", {}); closed = true; draw(); }
  catch (error) { trouble(error.message); }
  finally { busy = false; }
}

function where() {
  const query = new URLSearchParams({ name, tab });
  if (state && state.item) query.set("place", state.item.place);
  return `state?${query}`;
}

async function look() {
  state = await ask(where());
  draw();
}

setInterval(() => {  // the next query comes by itself
  if (state && name && !state.item && !busy && !closed) look().catch(() => {});
}, 2000);

setInterval(() => {  // a sign of life, or others are given what is shown here
  if (state && name && state.item && !closed) fetch(where()).catch(() => {});
}, 30000);
window.addEventListener("pagehide", () => {
  const said = new Blob([JSON.stringify({ name, tab })], { type: "application/json" });
  if (name) navigator.sendBeacon("leave", said);
});

(async () => {
  task = await ask("task");
  if (task.name) { name = task.name; at("who").disabled = true; }  // a link says whose it is
  const made = (await import(`./forms/${task.form}.js`)).default;
  form = made({ area: at("answer"), sample: at("sample"), task, keep, trouble });
  document.title = `Annotate · ${task.campaign}`;
  at("campaign").textContent = task.campaign;
  await look();
})().catch((error) => trouble(error.message));
