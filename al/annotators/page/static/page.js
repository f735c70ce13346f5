// The page: who answers, what is shown, and keys. How a label is given is the business of a form.
//
// Forms: `forms/NAME.js` has a default function that is given the desk
//   { area, sample, task, who(), keep(label, words), trouble(text), refuse(words), numbers() }
// and returns
//   begin(item)     a sample is drawn: draw what it is answered with; `item.given` is there where
//                   it was answered before, `item.suggestion` where a guess may be shown
//   key(event)      what a key does, a function, or null where it is none of the form's; it is
//                   called only once the sample was seen, and for a key that is held only where
//                   the function has `repeats`
//   writing()       something is typed that Esc clears and Backspace shortens
//   clear()         do so
//   ownsKeys(node)  keys that arrive there are left alone; optional
//   accept(item)    the label that accepting the suggestion gives; optional, without it the
//                   form shows the suggestion in its own way
//   keys()          pairs of keys and what they do, for the help; optional
//   question        what is asked, in words; optional
//   tall            it needs the height of the window: it stands beside the sample; optional
// An answer goes through `keep`, which takes it only when it can have been meant; see gate.js.

import * as gate from "./gate.js";
import { parted, percent } from "./made.js";
import { ask, trouble } from "./net.js";
import * as pace from "./pace.js";
import * as panels from "./panels.js";
import { drawSample } from "./sample.js";
import { disagreement, waits } from "./waiting.js";

const at = (id) => document.getElementById(id);
const show = (id, on) => { at(id).hidden = !on; };
const tab = Math.random().toString(36).slice(2);  // what this tab shows, no other is given
let task = null, form = null, state = null, again = null, closed = false, name = "", early = 0;

try { name = localStorage.getItem("annotator") || ""; } catch { name = ""; }

/** The sample on the screen: one to go back to, or the next that is open. */
const current = () => again ?? state?.item ?? null;

function say(words, refused = false) {
  at("said").textContent = words;
  at("said").classList.toggle("refused", refused);
}

function refuse(why) {
  early += 1;
  say(`Not taken: ${why}.`, true);
}

/** What was kept, and that keys came meanwhile that were not. */
function sayKept(words) {
  const keys = early === 1 ? "1 key or click came" : `${early} keys or clicks came`;
  say(early ? `${words}. Not taken: ${keys} too early.` : words, early > 0);
  early = 0;
}

async function tell(path, body, said) {
  if (closed) return;
  if (gate.isBusy()) { refuse(gate.refusal()); return; }
  early = 0;
  gate.keeping(true);
  try {
    state = await ask(path, { ...body, name, tab });
    again = null;
    panels.forget();
    if (path === "answer") pace.step();
    trouble("");
    sayKept(said);
    draw();
  } catch (error) {
    trouble(error.message);
  } finally {
    gate.keeping(false);
  }
}

/** Send what was said of the sample on the screen, if it can have been meant. */
function answer(said, words, how) {
  const item = current(), why = item ? gate.refusal(how) : "there is no sample";
  if (why) { refuse(why); return; }
  const { place, drawn } = item, suggested = item.suggestion !== undefined;
  tell("answer", { place, drawn, suggested, ...said, seconds: gate.taken() }, words);
}

const keep = (label, words) => answer({ label }, `Kept: ${words}`);
const skip = () => (again ? leave() : answer({ skip: true }, "Skipped", { skips: true }));
const accept = () => keep(form.accept(current()), current().suggestion.words);
function undo() {
  if (!state?.undo) return;
  const { place, line, leaves } = state.undo;
  const counts = leaves === null ? "" : `, and what you said before counts again: ${leaves}`;
  tell("undo", { place, line }, `Taken back${counts}`);
}

/** Show a sample that was answered before, to answer it again. */
async function goTo(place) {
  if (gate.isBusy()) { refuse(gate.refusal()); return; }
  const found = await ask(`item/${place}?name=${encodeURIComponent(name)}`);
  again = { ...found.item, given: found.given };
  draw();
}

function leave() { again = null; panels.forget(); draw(); }

function draw() {
  const { done, left, skipped } = state, item = current();
  task.classes = state.classes;
  at("who").textContent = name || "…";
  show("hello", !name);
  show("work", Boolean(name) && item !== null && !closed);
  show("over", Boolean(name) && item === null && !closed);
  show("closed", closed);
  show("tools", Boolean(name) && !closed);
  at("count").textContent = `${done} of ${done + left}`;
  const agree = state.agreement === null || state.agreement === undefined ? []
    : [`${Math.round(state.agreement * 100)} % agree`];
  at("pace").textContent = [pace.said(left), ...agree].filter(Boolean).join(" · ");
  at("bar").max = Math.max(1, done + left);
  at("bar").value = done;
  at("undo").disabled = closed || !state.undo || !name;
  at("skip").disabled = closed || item === null || !name;
  if (!name) { at("name").focus(); return; }
  if (item === null || closed) { over(done, skipped); return; }
  show("again", item.again);
  show("votes", Boolean(item.votes));
  if (item.votes) at("votes").textContent = disagreement(item.votes);
  show("back", again !== null);
  at("back-said").textContent = item.given ? `You said: ${item.given.words}.` : "";
  at("skip-does").textContent = again ? "Back" : "Skip";
  at("work").classList.toggle("tall", Boolean(form.tall));
  const offered = item.suggestion && form.accept;
  show("accept", Boolean(offered));
  if (offered) {
    const sure = task.form === "value" || item.suggestion.confidence === null ? ""
      : ` ·\u00a0${percent(item.suggestion.confidence)}`;
    at("accept-what").replaceChildren(...parted(`${item.suggestion.words}${sure}`));
  }
  const seen = gate.begin();
  at("sample").focus({ preventScroll: true });
  drawSample(at("sample"), item, seen, state.next, failed);
  form.begin(item);
}

function failed(why) {
  gate.fail();
  trouble(`The picture is not there (${why}): load the page again, or skip the sample.`);
}

function over(done, skipped) {
  const [title, note] = waits(state);
  at("over-note").textContent = note;
  at("over-title").textContent = title ?? (!done ? "Nothing is asked yet"
    : skipped ? `${done - skipped} answered, ${skipped} skipped` : `All ${done} answered`);
  if (!closed && done) panels.review(name);
  at("finish").focus();
}

gate.onChange(() => {
  at("work").setAttribute("aria-busy", String(!gate.isOpen()));
  at("work").dataset.ready = gate.isOpen() ? current()?.place : "";
});

document.addEventListener("keydown", (event) => {
  if (!state || !name || closed || event.altKey || event.metaKey || event.ctrlKey) return;
  if (event.isComposing || panels.isOpen()) return;
  if (event.target === at("name") || form.ownsKeys?.(event.target)) return;
  const onButton = event.target.closest("button, summary, a");
  if (onButton && (event.key === "Enter" || event.key === " ")) {
    if (event.repeat) event.preventDefault();  // a button that is held answers once
    return;
  }
  const act = (what) => {
    event.preventDefault();
    if (!event.repeat || what.repeats) what();
  };
  const item = current(), writing = item && form.writing();
  if (event.key === "Backspace" && !writing) { act(undo); return; }
  const panel = !writing && panels.keyed(event.key);
  if (panel) { act(panel); return; }
  if (!item) { if (event.key === "Enter") act(finish); return; }
  if (event.key === "Escape") { act(writing ? form.clear : skip); return; }
  const meant = event.key.length === 1 || event.key === "Enter";
  const why = gate.refusal();
  if (why && meant) { act(() => refuse(why)); return; }
  const offered = !why && item.suggestion && form.accept && !writing;
  if (offered && event.key === " ") { act(accept); return; }
  const what = why ? null : form.key(event) ?? at("sample").viewer?.key(event);
  if (what) { act(what); return; }
  if (event.key === "ArrowLeft" && !writing) act(() => panels.step(1, goTo));
  if (event.key === "ArrowRight" && !writing && again) act(() => panels.step(-1, goTo, leave));
});

document.addEventListener("click", (event) => {  // before any button hears of it
  const button = event.target.closest?.("#answer button, #accept, #skip");
  if (!button || closed || !current()) return;
  const why = again && button.id === "skip" ? ""
    : gate.refusalOfClick({ skips: button.id === "skip" });
  if (!why) return;
  event.stopImmediatePropagation();
  event.preventDefault();
  refuse(why);
}, true);

at("undo").addEventListener("click", undo);
at("skip").addEventListener("click", skip);
at("accept").addEventListener("click", accept);
at("finish").addEventListener("click", finish);
at("who").addEventListener("click", () => { at("name").value = name; name = ""; draw(); });
at("hello").addEventListener("submit", async (event) => {
  event.preventDefault();
  name = at("name").value.trim();
  again = null;  // what somebody else went back to is none of theirs
  panels.forget();
  try { localStorage.setItem("annotator", name); } catch { /* private windows */ }
  await look();
});

async function finish() {
  if (gate.isBusy() || closed) return;
  gate.keeping(true);
  try { await ask("finish", { name, tab }); closed = true; draw(); }
  catch (error) { trouble(error.message); }
  finally { gate.keeping(false); }
}

function where() {
  const query = new URLSearchParams({ name, tab });
  if (state?.item) query.set("place", state.item.place);
  return `state?${query}`;
}

async function look() {
  state = await ask(where());
  draw();
}

setInterval(() => {  // the next query comes by itself
  if (state && name && !current() && !gate.isBusy() && !closed) look().catch(() => {});
}, 2000);

setInterval(() => {  // a sign of life, or others are given what is shown here
  if (state && name && state.item && !closed) fetch(where()).catch(() => {});
}, 15000);
window.addEventListener("pagehide", () => {
  const said = new Blob([JSON.stringify({ name, tab })], { type: "application/json" });
  if (name) navigator.sendBeacon("leave", said);
});

(async () => {
  task = await ask("task");
  if (task.name) { name = task.name; at("who").disabled = true; }  // a link says whose it is
  const made = (await import(`./forms/${task.form}.js`)).default;
  const desk = {
    area: at("answer"), sample: at("sample"), task, who: () => name, keep, trouble, refuse,
  };
  form = made({ ...desk, numbers: () => state.numbers });
  document.title = `Annotate · ${task.campaign}`;
  at("campaign").textContent = task.campaign;
  at("question").textContent = form.question ?? "";
  panels.set({ task, form, current, goTo, name: () => name, say });
  await look();
})().catch((error) => trouble(error.message));
