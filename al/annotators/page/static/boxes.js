// Boxes: drawn, moved, resized, by hand and by key.

import { made } from "./made.js";
import { button } from "./drawing.js";
import { penOf, pensOf, pensRow } from "./pens.js";
import { svg } from "./svg.js";
import { ARROWS, repeats } from "./viewer.js";

/** Sides of a box are at least so long, in pixels of the picture; positions are tenths of one. */
const LEAST = 1;
/** A finger or a hand is on a handle so many pixels of the screen from it, and has drawn a box
 * when it went so far. */
const NEAR = { mouse: 9, touch: 24 }, FAR = 4;
/** Handles: which sides they move, as shares of the box. */
const HANDLES = [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1], [0.5, 1], [0, 1], [0, 0.5]];

const tenth = (value) => Math.round(value * 10) / 10;

/** @see drawing.js */
export function boxesEasel({ task, changes, changed }) {
  const pens = pensOf(task);
  let viewer = null, boxes = [], chosen = null, pen = pens[0], gesture = null, before = null;
  const row = pensRow(pens, (taken) => take(taken, true));
  const remove = button("Delete box", "Delete", () => erase());
  const fresh = button("New box", "n", () => add());
  const tools = made("div", { className: "drawing-tools" }, fresh, remove);

  // -- boxes ---------------------------------------------------------------------------------

  const copies = () => boxes.map((box) => ({ ...box, node: null }));

  function restore(snapshot, place) {
    boxes = snapshot.map((box) => ({ ...box }));
    choose(boxes[place] ?? null);
    rebuild();
    if (chosen) focus(chosen);
  }

  /** Do something to the boxes that can be taken back. */
  function change(act) {
    const [old, place] = [copies(), boxes.indexOf(chosen)];
    act();
    commit(old, place);
  }

  function commit(old, place) {
    const [now, here] = [copies(), boxes.indexOf(chosen)];
    changes.add(() => restore(old, place), () => restore(now, here));
    rebuild();
    changed();
  }

  /** A box between two corners, inside the picture. */
  function bounded(x0, y0, x1, y1) {
    const side = (one, other, most) => {
      const low = Math.min(Math.max(tenth(Math.min(one, other)), 0), most - LEAST);
      const high = Math.max(Math.min(tenth(Math.max(one, other)), most), low + LEAST);
      return [low, tenth(high - low)];
    };
    const [x, w] = side(x0, x1, viewer.width), [y, h] = side(y0, y1, viewer.height);
    return { x, y, w, h };
  }

  function moved(box, across, down) {
    const x = tenth(Math.min(Math.max(box.x + across, 0), viewer.width - box.w));
    const y = tenth(Math.min(Math.max(box.y + down, 0), viewer.height - box.h));
    return { x, y };
  }

  function take(taken, said) {
    if (!taken) return;
    pen = taken;
    row.show(pen);
    if (said && chosen && chosen.pen !== pen) change(() => { chosen.pen = pen; });
    if (said && chosen) focus(chosen);
  }

  function choose(box) {
    chosen = box;
    if (box) take(box.pen, false);
    remove.disabled = !box;
    if (viewer) draw();
  }

  function focus(box) {
    box.node?.focus({ preventScroll: true });
  }

  /** A new box in the middle of what is seen, for who draws by key. */
  function add() {
    const { clientWidth, clientHeight } = viewer.stage, size = Math.min(clientWidth, clientHeight) / 8;
    const [x, y] = [(clientWidth / 2 - viewer.x) / viewer.scale, (clientHeight / 2 - viewer.y) / viewer.scale];
    const far = size / viewer.scale;
    change(() => {
      const box = { pen, ...bounded(x - far, y - far, x + far, y + far) };
      boxes.push(box);
      choose(box);
    });
    focus(chosen);
  }

  function erase() {
    if (!chosen) return false;
    const place = boxes.indexOf(chosen);
    change(() => {
      boxes.splice(place, 1);
      choose(null);
    });
    viewer.stage.focus({ preventScroll: true });
    return true;
  }

  // -- hands ---------------------------------------------------------------------------------

  const inside = ({ x, y, w, h }, [px, py], room = 0) => px >= x - room && px <= x + w + room
    && py >= y - room && py <= y + h + room;

  function handleAt(at, event) {
    const near = (event.pointerType === "touch" ? NEAR.touch : NEAR.mouse) / viewer.scale;
    const { x, y, w, h } = chosen;
    const far = ([across, down]) => Math.hypot(at[0] - x - across * w, at[1] - y - down * h);
    const found = HANDLES.filter((handle) => far(handle) <= near).sort((a, b) => far(a) - far(b));
    return found[0] ?? null;
  }

  const tool = {
    down(at, event) {
      before = { boxes: copies(), place: boxes.indexOf(chosen) };
      const handle = chosen && handleAt(at, event);
      if (handle) gesture = { kind: "size", handle, from: { ...chosen }, at };
      else if (chosen && inside(chosen, at)) gesture = { kind: "move", from: { ...chosen }, at };
      else gesture = { kind: "new", at };
    },
    move(at) {
      if (!gesture) return;
      const [across, down] = [at[0] - gesture.at[0], at[1] - gesture.at[1]];
      const far = Math.hypot(across, down) * viewer.scale;
      if (!gesture.moved && far < FAR) return;
      gesture.moved = true;
      const { from, handle } = gesture;
      if (gesture.kind === "new") {
        if (!gesture.box) {
          gesture.box = { pen };
          boxes.push(gesture.box);
        }
        Object.assign(gesture.box, bounded(...gesture.at, ...at));
        chosen = gesture.box;
        remove.disabled = false;
      } else if (gesture.kind === "move") {
        Object.assign(chosen, moved(from, across, down));
      } else {
        Object.assign(chosen, resized(from, handle, across, down));
      }
      draw();
    },
    up(at, event) {
      const { kind, moved: went } = gesture ?? {};
      gesture = null;
      if (went) commit(before.boxes, before.place);
      else if (kind === "new") choose(boxAt(at, event));
      if (chosen) focus(chosen);
    },
    cancel() {
      if (!gesture) return;
      gesture = null;
      restore(before.boxes, before.place);
    },
    hover(at, event) {
      const handle = chosen && handleAt(at, event);
      const [across, down] = handle ?? [];
      const cursor = !handle ? chosen && inside(chosen, at) ? "move" : "crosshair"
        : across === 0.5 ? "ns-resize" : down === 0.5 ? "ew-resize"
          : across === down ? "nwse-resize" : "nesw-resize";
      viewer.stage.style.cursor = cursor;
    },
  };

  function resized({ x, y, w, h }, [across, down], dx, dy) {
    const sides = [x, y, x + w, y + h];
    if (across === 0) sides[0] += dx;
    if (across === 1) sides[2] += dx;
    if (down === 0) sides[1] += dy;
    if (down === 1) sides[3] += dy;
    return bounded(...sides);
  }

  /** The smallest box there. */
  function boxAt(at, event) {
    const room = (event.pointerType === "touch" ? 12 : 4) / viewer.scale;
    const there = boxes.filter((box) => inside(box, at, room));
    return there.sort((a, b) => a.w * a.h - b.w * b.h)[0] ?? null;
  }

  // -- drawing -------------------------------------------------------------------------------

  /** Nodes anew: as many as there are boxes, in their order, which is that of Tab. */
  function rebuild() {
    for (const box of boxes) {
      if (box.node?.isConnected) continue;
      box.node = svg("g", { tabindex: 0, role: "option", class: "box" },
        svg("rect", { class: "under" }), svg("rect", { class: "line" }), svg("text", {}));
      box.node.addEventListener("focus", () => choose(box));
    }
    // Moving a node would take the focus from it.
    const there = [...viewer.over.children], wanted = boxes.map((box) => box.node);
    for (const node of there) if (!wanted.includes(node)) node.remove();
    wanted.forEach((node) => { if (!node.isConnected) viewer.over.append(node); });
    draw();
  }

  function draw() {
    for (const box of boxes) {
      if (!box.node) { rebuild(); return; }
      const { node, x, y, w, h } = box;
      const [left, top] = viewer.onto(x, y), [wide, high] = [w * viewer.scale, h * viewer.scale];
      const sides = { x: left, y: top, width: wide, height: high };
      const colour = `rgb(${box.pen.colour.join(" ")})`;
      const [under, line, text] = node.children;
      for (const rect of [under, line]) for (const [k, v] of Object.entries(sides)) rect.setAttribute(k, v);
      line.style.stroke = colour;
      line.style.strokeDasharray = box.pen.dash;
      node.classList.toggle("chosen", box === chosen);
      node.setAttribute("aria-selected", String(box === chosen));
      text.textContent = box === chosen || wide >= 24 ? box.pen.name : "";
      text.setAttribute("x", Math.max(left, 2) + 3);
      text.setAttribute("y", top < 20 ? Math.min(top + high, viewer.stage.clientHeight - 20) + 15 : top - 5);
      node.setAttribute("aria-label", `${box.pen.name}, ${w} by ${h} pixels at ${x}, ${y}`);
    }
    viewer.over.querySelectorAll(".handle").forEach((handle) => handle.remove());
    if (!chosen) return;
    for (const [across, down] of HANDLES) {
      const [x, y] = viewer.onto(chosen.x + across * chosen.w, chosen.y + down * chosen.h);
      viewer.over.append(svg("rect", { class: "handle", "aria-hidden": true, x: x - 4, y: y - 4, width: 9, height: 9 }));
    }
  }

  // -- the easel -----------------------------------------------------------------------------

  function nudge(key, far, grows) {
    const [across, down] = ARROWS[key].map((way) => way * far);
    change(() => {
      const { x, y, w, h } = chosen;
      Object.assign(chosen, grows ? bounded(x, y, Math.max(x + w + across, x + LEAST), Math.max(y + h + down, y + LEAST))
        : moved(chosen, across, down));
    });
  }

  return {
    find: row.find,
    parts: [row.row, tools],
    nothing: "Nothing there",
    question: "Draw a box around each of these",
    keys: [
      ["drag", "a new box; from inside the chosen box it moves that, by a handle it resizes it"],
      ["click, Tab", "choose a box"], ["1 … 9, 0", "the class of the chosen box, and of new ones"],
      ["← ↑ → ↓", "move the chosen box by a pixel; by ten with Shift; resize it with Alt"],
      ["n", "a new box in the middle"], ["Delete", "take the chosen box away"],
    ],
    start(found, label) {
      viewer = found;
      boxes = (label ?? []).map(({ label: name, box: [x, y, w, h] }) => (
        { pen: pens.find((one) => one.name === name), x, y, w, h })).filter((box) => box.pen);
      viewer.over.setAttribute("role", "listbox");
      viewer.over.setAttribute("aria-label", "Boxes");
      viewer.over.removeAttribute("aria-hidden");
      viewer.tool = tool;
      viewer.onview = draw;
      viewer.stage.style.cursor = "crosshair";
      choose(null);
      row.show(pen);
      rebuild();
    },
    label: () => boxes.map(({ pen: { name }, x, y, w, h }) => ({ label: name, box: [x, y, w, h] })),
    empty: () => boxes.length === 0,
    words: () => (boxes.length === 1 ? "1 box" : `${boxes.length} boxes`),
    busy: () => Boolean(chosen || gesture),
    cancel() {
      if (gesture) { tool.cancel(); return true; }
      if (!chosen) return false;
      choose(null);
      viewer.stage.focus({ preventScroll: true });
      return true;
    },
    wipe: () => change(() => {
      boxes = [];
      choose(null);
    }),
    erase,
    key(event) {
      const { key } = event;
      if (key === "Delete" && chosen) return erase;
      if (key === "n") return add;
      if (chosen && ARROWS[key]) {
        return repeats(() => nudge(key, event.shiftKey ? 10 : 1, event.altKey));
      }
      const found = penOf(pens, pen, key);
      return found ? () => take(found, true) : null;
    },
  };
}
