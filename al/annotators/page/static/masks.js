// Masks: painted, enclosed and filled, pixel by pixel.

import { button } from "./drawing.js";
import { made } from "./made.js";
import { Paint } from "./paint.js";
import { penOf, pensOf, pensRow } from "./pens.js";
import { around, cut, flood, holds, paste, polygon, stroke } from "./pixels.js";
import { svg } from "./svg.js";
import { repeats } from "./viewer.js";

/** Tools: name, words, key. */
const TOOLS = [
  ["brush", "Brush", "b"], ["eraser", "Eraser", "e"], ["polygon", "Polygon", "p"],
  ["fill", "Fill", "f"],
];
/** Brushes, in pixels of the picture: odd, so that their middle is a pixel. */
const SIZES = [1, 3, 5, 7, 11, 15, 21, 31, 45, 65, 95, 141, 201, 301];
/** A click so many pixels of the screen from a polygon's first corner closes it. */
const NEAR = 10;

/** @see drawing.js */
export function masksEasel({ task, changes, changed }) {
  const pens = pensOf(task), { blank } = task.pens, paint = new Paint(pens, blank);
  let viewer = null, mask = null, base = null, pen = pens[0], tool = "brush", size = null;
  let last = null, dirty = null, value = 0, corners = [], pointer = null;
  let clear = true;  // nothing is drawn; looked for once a step, as pictures have many pixels

  const row = pensRow(pens, take);
  const tools = TOOLS.map(([name, words, key]) => {
    const found = button(words, key, () => choose(name));
    found.append(made("kbd", { textContent: key, aria: { hidden: "true" } }));
    return found;
  });
  const thick = slider("Size", "[ ]", 0, SIZES.length - 1, 1, () => brush(Number(thick.field.value)));
  const cover = slider("Opacity", "o", 10, 100, 5, () => veil(Number(cover.field.value)));
  const hands = made("div", { className: "drawing-tools" }, ...tools);
  const sliders = made("div", { className: "drawing-tools" }, thick.label, cover.label);
  let opacity = 70;

  function slider(words, key, min, max, step, act) {
    const field = made("input", { type: "range", min, max, step });
    const said = made("output", {});
    field.addEventListener("input", act);
    field.title = `${words}, key ${key}`;
    return { field, said, label: made("label", { className: "slider" }, words, field, said) };
  }

  function take(taken) {
    if (!taken) return;
    pen = taken;
    row.show(pen);
    if (tool === "eraser") choose("brush");
    sketch();
  }

  function choose(name) {
    tool = name;
    if (name !== "polygon") corners = [];
    TOOLS.forEach(([one], place) => tools[place].setAttribute("aria-pressed", String(one === name)));
    sketch();
  }

  function brush(place) {
    size = Math.min(Math.max(place, 0), SIZES.length - 1);
    thick.field.value = size;
    thick.said.textContent = `${SIZES[size]} px`;
    sketch();
  }

  function veil(percent) {
    opacity = percent;
    cover.field.value = percent;
    cover.said.textContent = `${percent} %`;
    paint.canvas.style.opacity = percent / 100;
  }

  // -- what is painted -----------------------------------------------------------------------

  /** Show what changed; what a step changed is taken back in one. */
  function touch(where) {
    if (!where) return;
    dirty = around(dirty, where);
    paint.show(mask, where);
  }

  function commit() {
    const where = dirty;
    dirty = last = null;
    if (!where) return;
    const [old, now] = [cut(base, where), cut(mask, where)];
    if (old.length === now.length && old.every((one, place) => one === now[place])) return;
    const set = (runs) => () => {
      paste(mask, where, runs);
      paste(base, where, runs);
      paint.show(mask, where);
      clear = holds(mask, blank);
    };
    paste(base, where, now);
    clear = holds(mask, blank);
    changes.add(set(old), set(now));
    changed();
  }

  /** Take back what a hand has begun. */
  function drop() {
    if (dirty) {
      paste(mask, dirty, cut(base, dirty));
      paint.show(mask, dirty);
    }
    dirty = last = null;
  }

  function close() {
    if (corners.length > 2) touch(polygon(mask, corners, pen.value));
    corners = [];
    commit();
    sketch();
  }

  const hand = {
    down(at, event) {
      const erases = tool === "eraser" || event.button === 2 || event.button === 5;
      value = erases ? blank : pen.value;
      if (tool === "polygon") {
        if (event.button !== 0) { close(); return; }
        const [x, y] = viewer.onto(...at), [x0, y0] = corners.length ? viewer.onto(...corners[0]) : [];
        if (corners.length > 2 && Math.hypot(x - x0, y - y0) <= NEAR) { close(); return; }
        corners.push(at);
      } else if (tool === "fill") {
        touch(flood(mask, at, value));
        commit();
      } else {
        last = at;
        touch(stroke(mask, at, at, SIZES[size], value));
      }
      this.hover(at);
    },
    move(at) {
      if (last) {
        touch(stroke(mask, last, at, SIZES[size], value));
        last = at;
      }
      this.hover(at);
    },
    up(at) {
      if (!last) return;
      touch(stroke(mask, last, at, SIZES[size], value));
      commit();
    },
    cancel() {
      if (tool === "polygon") corners.pop();
      drop();
      pointer = null;
      sketch();
    },
    hover(at) {
      pointer = at;
      sketch();
    },
    leave() {
      pointer = null;
      sketch();
    },
  };

  // -- over the picture ----------------------------------------------------------------------

  const circles = ["under", "line"].map((name) => svg("circle", { class: name }));
  const lines = ["under", "line"].map((name) => svg("path", { class: name }));
  const dot = svg("circle", { class: "handle", r: NEAR / 2 });

  /** The brush under the hand, and the polygon that is not closed yet. */
  function sketch() {
    if (!viewer) return;
    const brushes = pointer && (tool === "brush" || tool === "eraser");
    for (const circle of circles) {
      circle.style.display = brushes ? "" : "none";
      if (!brushes) continue;
      // A brush lies about the middle of the pixel under the hand.
      const [x, y] = viewer.onto(Math.floor(pointer[0]) + 0.5, Math.floor(pointer[1]) + 0.5);
      circle.setAttribute("cx", x);
      circle.setAttribute("cy", y);
      circle.setAttribute("r", Math.max(SIZES[size] / 2 * viewer.scale, 2));
    }
    const open = tool === "polygon" && corners.length > 0;
    const points = (open ? [...corners, ...(pointer ? [pointer] : [])] : []).map((at) => viewer.onto(...at));
    const path = points.map(([x, y], place) => `${place ? "L" : "M"}${x} ${y}`).join("");
    for (const line of lines) line.setAttribute("d", path);
    dot.style.display = open ? "" : "none";
    if (open) {
      dot.setAttribute("cx", points[0][0]);
      dot.setAttribute("cy", points[0][1]);
    }
    const colour = tool === "eraser" ? "#fff" : `rgb(${pen.colour.join(" ")})`;
    circles[1].style.stroke = lines[1].style.stroke = colour;
  }

  function start(found, label) {
    viewer = found;
    const { width, height } = viewer, values = new Uint8Array(width * height).fill(blank);
    mask = { width, height, values };
    if (label) paste(mask, [0, 0, width, height], label.runs);
    base = { width, height, values: mask.values.slice() };
    corners = [];
    dirty = last = pointer = null;
    paint.size(width, height);
    clear = !label || holds(mask, blank);
    if (!clear) paint.show(mask, [0, 0, width, height]);
    viewer.plane.append(paint.canvas);
    viewer.over.replaceChildren(...circles, ...lines, dot);
    viewer.tool = hand;
    viewer.onview = sketch;
    viewer.stage.style.cursor = "crosshair";
    // Until one is chosen, a brush that is neither lost in the picture nor covers it.
    const usual = Math.min(Math.max(width, height) / 25, SIZES.at(-1));
    brush(size ?? SIZES.findIndex((one) => one >= usual));
    veil(opacity);
    row.show(pen);
    choose(tool);
  }

  return {
    find: row.find,
    parts: [row.row, hands, sliders],
    nothing: pens[0]?.value > 0 && blank === 0 ? "Nothing there" : "",
    question: blank === 0 ? "Paint what belongs to each of these" : "Paint what each part is",
    keys: [
      ["b e p f", "brush, eraser, polygon and fill; the right button erases"],
      ["[ ]", "a smaller and a larger brush"], ["1 … 9, 0", "the class"],
      ["Enter, Backspace", "close a polygon; take its last corner away"],
      ["o", "how much of the picture is seen through"],
    ],
    start,
    label: () => ({ size: [mask.height, mask.width], runs: cut(mask, [0, 0, mask.width, mask.height]) }),
    empty: () => clear,
    words: () => "mask",
    busy: () => corners.length > 0 || dirty !== null,
    cancel() {
      if (!corners.length && !dirty) return false;
      corners = [];
      drop();
      sketch();
      return true;
    },
    erase() {
      if (!corners.length) return false;
      corners.pop();
      sketch();
      return true;
    },
    wipe() {
      mask.values.fill(blank);
      touch([0, 0, mask.width, mask.height]);
      commit();
    },
    enter: () => (corners.length ? close : null),
    key({ key }) {
      const named = TOOLS.find(([, , one]) => one === key);
      if (named) return () => choose(named[0]);
      if (key === "[" || key === "]") return repeats(() => brush(size + (key === "]" ? 1 : -1)));
      if (key === "o") return () => veil(opacity > 75 ? 35 : opacity > 40 ? 100 : 70);
      const found = penOf(pens, pen, key);
      return found ? () => take(found) : null;
    },
  };
}
