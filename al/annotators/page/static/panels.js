// What opens over the page: help, instructions with examples, what was said, a remark; and the
// review at the end.

import { made, parted } from "./made.js";
import { drawMarkdown } from "./markdown.js";
import { ask, trouble } from "./net.js";
import { drawRow } from "./row.js";

const at = (id) => document.getElementById(id);
let desk = null, past = [], place = 0, stepping = false;

/** What the panels work with: `{ task, form, current(), goTo(place), name(), say(words) }`. */
export function set(given) {
  desk = given;
  at("guide-button").hidden = !desk.task.guided && !desk.task.classes.length;
  if (desk.task.guided && first(`guided ${desk.task.campaign}`)) guide();
}

export const isOpen = () => document.querySelector("dialog[open]") !== null;

/** Whether it is the first time in this browser. */
function first(what) {
  try {
    if (localStorage.getItem(what)) return false;
    localStorage.setItem(what, "1");
  } catch { return false; }
  return true;
}

const KEYS = { "?": help, F2: remark, F4: guide, F8: history };

/** What a key opens, or undefined. */
export const keyed = (key) => (desk ? KEYS[key] : undefined);

function open(id, title, ...content) {
  at(id).querySelector("h2").textContent = title;
  at(id).querySelector(".content").replaceChildren(...content);
  if (!at(id).open) at(id).showModal();
}

export function help() {
  const own = desk.form.keys?.() ?? [];
  const accept = desk.form.accept && desk.current()?.suggestion
    ? [["Space", "accept what the model suggests"]] : [];
  const keys = [...own, ...accept, ["Esc", "skip; the sample is never asked about again"],
    ["Backspace", "take the last answer back, and that before"],
    ["←  →", "look through your answers, and change one"], ["F2", "a note or a flag"],
    ["F4", "instructions and examples"], ["F8", "all you said"], ["?", "these keys"]];
  const table = made("table", { className: "keys" });
  for (const [key, does] of keys) {
    const row = table.insertRow();
    row.append(made("th", { scope: "row" }, made("kbd", { textContent: key })));
    row.insertCell().textContent = does;
  }
  open("panel", "Keys", table, made("p", { className: "note", textContent:
    "A key that comes before its sample was seen is refused, and the page says so." }));
}

async function opened(path, show) {
  try { show(await ask(path)); } catch (error) { trouble(error.message); }
}

export function guide() {
  opened("guide", ({ text, examples }) => {
    const classes = examples.map((one) => made("section", { className: "example" },
      made("h3", {}, made("bdi", {}, ...parted(one.class))), ...one.samples.map(example)));
    const none = text || classes.length ? [] : [made("p", { className: "note",
      textContent: "Nobody has written instructions, and no class has an example yet." })];
    open("panel", "How to answer", drawMarkdown(text),
      ...(classes.length ? [made("h3", { textContent: "Examples that people labelled" })] : []),
      made("div", { className: "examples" }, ...classes), ...none);
  });
}

function example(sample) {
  if (sample.image) return made("img", { src: sample.image, alt: "An example" });
  if (sample.text !== undefined) return made("p", { textContent: sample.text, dir: "auto" });
  return drawRow(sample);
}

const query = () => `name=${encodeURIComponent(desk.name())}`;

export function history() {
  opened(`history?${query()}`, ({ listed }) => {
    past = listed;
    const none = made("p", { className: "note", textContent: "You have said nothing yet." });
    open("panel", "What you said", listed.length ? list(listed) : none);
  });
}

/** One step back in what was said, or forward; past the latest, `leave`. */
export async function step(by, go, leave) {
  if (stepping) return;
  stepping = true;
  try {
    if (by > 0 && place === 0) past = (await ask(`history?${query()}`)).listed;
    const next = place + by;
    if (next < 1) { leave?.(); return; }
    if (next > past.length) { desk.say("That was your first answer"); return; }
    place = next;
    await go(past[place - 1].place);
  } catch (error) {
    trouble(error.message);
  } finally {
    stepping = false;
  }
}

/** Nobody looks back any more. */
export function forget() { place = 0; }

function list(entries) {
  return made("ol", { className: "past" }, ...entries.map((one) => {
    const shown = one.image ? made("img", { src: one.image, alt: "", loading: "lazy" })
      : made("span", { className: "words", textContent: one.text, dir: "auto" });
    const button = made("button", { type: "button" }, shown,
      made("strong", {}, made("bdi", { textContent: one.words }), one.flag ? " ⚑" : ""),
      ...one.why.map((why) => made("small", { textContent: why })));
    button.addEventListener("click", () => {
      document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
      desk.goTo(one.place);
    });
    return made("li", {}, button);
  }));
}

/** The review, once all is answered. */
export function review(name) {
  opened(`review?name=${encodeURIComponent(name)}`, ({ listed, more, classes }) => {
    const parts = [];
    if (classes.length) {
      parts.push(made("h3", { textContent: "People agree least on" }), made("ul", {},
        ...classes.map(([label, share, pairs]) => made("li", {}, made("bdi", { textContent: label }),
          `: ${Math.round(share * 100)} % of ${pairs} pairs`))));
    }
    if (listed.length) {
      parts.push(made("h3", { textContent: "Worth a second look" }), list(listed));
      if (more) parts.push(made("p", { className: "note", textContent: `and ${more} more` }));
    }
    at("review").replaceChildren(...parts);
  });
}

export async function remark() {
  const item = desk.current();
  if (!item) return;
  opened(`item/${item.place}?${query()}`, ({ note }) => {
    at("note-text").value = note.text;
    at("note-flag").checked = note.flag;
    at("remark").dataset.place = item.place;
    at("remark").showModal();
  });
}

at("remark-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = { text: at("note-text").value, flag: at("note-flag").checked };
  try {
    await ask("note", { ...said, place: Number(at("remark").dataset.place), name: desk.name() });
    at("remark").close();
    desk.say(said.flag ? "Flagged" : "Note kept");
  } catch (error) { trouble(error.message); }
});
for (const button of document.querySelectorAll("dialog .close")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
at("help-button").addEventListener("click", help);
at("guide-button").addEventListener("click", guide);
at("past-button").addEventListener("click", history);
at("note-button").addEventListener("click", remark);
