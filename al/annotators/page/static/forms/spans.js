// Entities: spans of the text, each with a class.
//
// The text on the screen is the sample's own, sign for sign, so that a place in it is one in the
// sample. Here places count UTF-16 units, as strings of JavaScript do; labels count code points.

import { made } from "../made.js";

const points = (text, unit) => [...text.slice(0, unit)].length;
const units = (text, point) => [...text].slice(0, point).join("").length;
const NONE = "-";

/** What a class is marked with from the keyboard: the first ten have a digit each. */
const keyOf = (place) => (place < 10 ? String((place + 1) % 10) : "");

/** @see page.js, "forms" */
export default function spans({ area, sample, task, keep, refuse }) {
  let text = "", marks = [], picked = null, offered = null, words = [], from = -1, to = -1;
  const buttons = made("div", { id: "choices", role: "group", aria: { labelledby: "question" } });
  const paragraph = () => sample.querySelector("p");

  const colour = (name, share) => {
    const { colours } = task.pens, place = task.classes.indexOf(name);
    return `rgb(${colours[Math.max(place, 0) % colours.length].join(" ")} / ${share}%)`;
  };

  // -- the text ----------------------------------------------------------------------------

  /** A part of the text; what is picked of it is framed. */
  function pieces(start, end) {
    const inside = (at) => at > start && at < end;
    const edges = [start, ...(picked ? [picked.start, picked.end].filter(inside) : []), end];
    return edges.slice(1).map((edge, at) => {
      const said = text.slice(edges[at], edge);
      const framed = picked && edges[at] >= picked.start && edge <= picked.end;
      return framed ? made("span", { className: "picked" }, said) : said;
    });
  }

  function draw() {
    const shown = offered ?? marks, parts = [];
    let at = 0;
    for (const { start, end, label } of shown) {
      const mark = made("mark", { title: label, data: { label } }, ...pieces(start, end));
      mark.classList.toggle("offered", offered !== null);
      mark.style.background = colour(label, 30);
      mark.style.borderColor = colour(label, 100);
      parts.push(...pieces(at, start), mark);
      at = end;
    }
    paragraph()?.replaceChildren(...parts, ...pieces(at, text.length));
    drawButtons();
  }

  function drawButtons() {
    const button = (key, words, act, more = {}) => {
      const found = made("button", { type: "button", ...more },
        key ? made("kbd", { textContent: key, ariaHidden: "true" }) : null, words);
      found.addEventListener("pointerdown", (event) => event.preventDefault());  // keeps what is picked
      found.addEventListener("click", act);
      return found;
    };
    const classes = task.classes.map((name, place) => {
      const swatch = made("i", { className: "swatch", ariaHidden: "true" });
      swatch.style.background = colour(name, 100);
      const found = button(keyOf(place), "", () => put(name), { data: { name } });
      found.append(swatch, made("bdi", { textContent: name }));
      return found;
    });
    const last = offered !== null ? [
      button("Space", "Take what the model marked", take, { id: "take" }),
      button("Esc", "Begin with none", () => { offered = null; draw(); }, { id: "none-of-it" }),
    ] : marks.length ? [
      button("⏎", `Keep ${marks.length}`, submit, { id: "keep", className: "primary" }),
    ] : [button(NONE, "There is none", none, { id: "none" })];
    buttons.replaceChildren(...classes, button("Del", "Remove", remove, { id: "remove" }), ...last);
  }

  // -- what is picked ----------------------------------------------------------------------

  /** Places in the text, less the space around them; null where nothing is left. */
  function trimmed(start, end) {
    const said = text.slice(start, end), inner = said.trim();
    if (!inner) return null;
    const first = start + said.indexOf(inner);
    return { start: first, end: first + inner.length };
  }

  function offset(node, at) {
    const range = document.createRange();
    range.setStart(paragraph(), 0);
    range.setEnd(node, at);
    return range.toString().length;
  }

  function selected() {
    const selection = getSelection(), whole = paragraph();
    if (!whole || !selection.rangeCount || selection.isCollapsed) return null;
    const { startContainer, startOffset, endContainer, endOffset } = selection.getRangeAt(0);
    if (!whole.contains(startContainer) || !whole.contains(endContainer)) return null;
    return trimmed(offset(startContainer, startOffset), offset(endContainer, endOffset));
  }

  document.addEventListener("selectionchange", () => {
    const now = selected();
    if (now) { picked = now; from = to = -1; }
  });
  sample.addEventListener("click", (event) => {
    if (!paragraph()?.contains(event.target) || selected()) return;
    const mark = event.target.closest("mark");
    const start = mark ? offset(mark, 0) : 0;
    pick(mark && offered === null ? { start, end: start + mark.textContent.length } : null);
  });

  function pick(range) {
    picked = range;
    if (!range) from = to = -1;
    draw();
  }

  /** Move over the words, or pick more of them. */
  function move(step, more) {
    if (!words.length) return;
    getSelection().removeAllRanges();
    const next = to < 0 ? (step > 0 ? 0 : words.length - 1)
      : Math.max(0, Math.min(words.length - 1, to + step));
    if (!more || from < 0) from = next;
    to = next;
    const [low, high] = from < to ? [from, to] : [to, from];
    pick({ start: words[low][0], end: words[high][1] });
    sample.querySelector(".picked")?.scrollIntoView({ block: "nearest" });
  }

  // -- what is marked ----------------------------------------------------------------------

  const apart = (one) => (other) => other.end <= one.start || other.start >= one.end;

  function put(name) {
    if (!picked) {
      refuse("nothing is selected: drag over the words, or move with → and Shift →");
      return;
    }
    const { start, end } = picked;
    offered = null;
    marks = [...marks.filter(apart(picked)), { start, end, label: name }];
    marks.sort((a, b) => a.start - b.start);
    unpick();
  }

  function remove() {
    if (!picked) { refuse("nothing is selected: click what is to go"); return; }
    marks = marks.filter(apart(picked));
    unpick();
  }

  function unpick() {
    getSelection().removeAllRanges();
    const last = to;
    pick(null);
    to = last;  // → goes on from here
  }

  function take() {
    marks = offered;
    offered = null;
    draw();
  }

  const inUnits = (label) => label.map(({ start, end, label: name }) => (
    { start: units(text, start), end: units(text, end), label: name }));
  const inPoints = () => marks.map(({ start, end, label }) => (
    { start: points(text, start), end: points(text, end), label }));

  function submit() {
    if (offered !== null) { refuse("take what the model marked by Space, or Esc begins anew"); return; }
    if (!marks.length) { refuse(`nothing is marked; ${NONE} says that there is none`); return; }
    keep(inPoints(), marks.map((m) => `${text.slice(m.start, m.end)} (${m.label})`).join(", "));
  }

  const none = () => keep([], "there is none");

  return {
    question: "What is named in this text?",
    begin(item) {
      text = item.text ?? "";
      const segments = new Intl.Segmenter(undefined, { granularity: "word" }).segment(text);
      words = [...segments].filter(({ segment }) => segment.trim())
        .map(({ index, segment }) => [index, index + segment.length]);
      marks = item.given?.label ? inUnits(item.given.label) : [];
      offered = !item.given && item.suggestion ? inUnits(item.suggestion.label) : null;
      picked = null;
      from = to = -1;
      getSelection().removeAllRanges();
      area.replaceChildren(buttons);
      draw();
      document.activeElement?.blur();
    },
    writing: () => picked !== null || offered !== null,
    clear() {
      if (picked) unpick();
      else { offered = null; draw(); }
    },
    keys: () => [
      ["mouse", "drag over words, or click an entity"],
      ["→ ←", "move over the words"], ["Shift → ←", "select more of them"],
      ["1 … 9, 0", "mark what is selected, in place of what it overlaps"],
      ["Delete, Backspace", "take the entity that is selected out"],
      ["Enter", "keep what is marked"], [NONE, "there is none"],
    ],
    key(event) {
      if (event.key === "Enter") return submit;
      if (event.key === "Delete" || event.key === "Backspace") return remove;
      if (event.key === " " && offered !== null) return take;
      if (event.key === NONE && !marks.length && offered === null) return none;
      if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        const step = event.key === "ArrowRight" ? 1 : -1, more = event.shiftKey;
        return Object.assign(() => move(step, more), { repeats: true });
      }
      const place = task.classes.findIndex((_, at) => keyOf(at) === event.key);
      return place >= 0 ? () => put(task.classes[place]) : null;
    },
  };
}
