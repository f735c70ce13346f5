// Classes to draw with: a colour each, and a pattern, as colour alone says nothing to many.

import { found } from "./forms/finding.js";
import { made } from "./made.js";

/** Dashes of outlines, by position of the class. */
const DASHES = ["", "9 5", "3 4", "14 4 3 4", "2 7", "14 4 3 4 3 4"];

/** The classes that people draw, in their order: { name, value, key, colour, pattern, dash }. */
export function pensOf(task) {
  const { first, unknown, blank, colours } = task.pens;
  const found = task.classes.slice(first).map((name, place) => ({
    name, value: place + first, colour: colours[place % colours.length],
    pattern: place % PATTERNS.length, dash: DASHES[place % DASHES.length],
  }));
  if (unknown !== null && unknown !== undefined && unknown !== blank) {
    found.push({ name: "not known", value: unknown, colour: [150, 150, 150], pattern: 5, dash: "" });
  }
  return found.map((pen, place) => ({ ...pen, key: place < 10 ? String((place + 1) % 10) : "" }));
}

/** Whether a pixel is on a line of a pattern, whose lines are so many pixels apart. */
export const PATTERNS = [
  () => false,
  (x, y, apart) => (x + y) % apart < apart / 4,
  (x, y, apart) => (x - y + 65536 * apart) % apart < apart / 4,
  (x, y, apart) => y % apart < apart / 4,
  (x, y, apart) => x % apart < apart / 4,
  (x, y, apart) => (x + y) % apart < apart / 4 || (x - y + 65536 * apart) % apart < apart / 4,
];

/** From so many classes on they are also found by typing. */
const MANY = 11;

/** Buttons of pens, and which one is taken. */
export function pensRow(pens, take) {
  const row = made("div", { className: "pens", role: "group", aria: { label: "Classes" } });
  row.classList.toggle("many", pens.length >= MANY);
  const field = made("input", {
    className: "pen-filter", placeholder: "Find a class: /", autocomplete: "off",
    spellcheck: false, aria: { label: "Find a class", keyshortcuts: "/" },
  });
  if (pens.length >= MANY) row.append(field);
  const buttons = pens.map((pen) => {
    const button = made("button", { type: "button", className: "pen" });
    if (pen.key) {
      button.append(made("kbd", { textContent: pen.key, aria: { hidden: "true" } }));
      button.setAttribute("aria-keyshortcuts", pen.key);
    }
    button.append(swatch(pen), pen.name);
    button.addEventListener("click", () => take(pen));
    row.append(button);
    return button;
  });
  const matching = () => found(pens.map(({ name }) => name), field.value);
  function filter() {
    const names = matching();
    pens.forEach(({ name }, place) => { buttons[place].hidden = !names.includes(name); });
  }
  function leave() {
    field.value = "";
    filter();
    field.blur();
  }
  field.addEventListener("input", filter);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    const first = event.key === "Enter" && field.value.trim() ? matching()[0] : undefined;
    leave();
    take(pens.find(({ name }) => name === first));
  });

  return {
    row,
    /** The field in which classes are found, where there are many. */
    find: pens.length >= MANY ? () => field.focus() : null,
    show(taken) {
      pens.forEach((pen, place) => {
        buttons[place].setAttribute("aria-pressed", String(pen === taken));
      });
      buttons[pens.indexOf(taken)]?.scrollIntoView({ block: "nearest" });
    },
  };
}

function swatch(pen) {
  const side = 18, canvas = made("canvas", { width: side, height: side, className: "swatch" });
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  for (let at = 0; at < side * side; at += 1) {
    const [x, y] = [at % side, Math.floor(at / side)];
    const edge = Math.min(x, y, side - 1 - x, side - 1 - y) < 2;
    const strong = edge || PATTERNS[pen.pattern](x, y, 8);
    image.data.set([...pen.colour, strong ? 255 : 120], 4 * at);
  }
  context.putImageData(image, 0, 0);
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

/** The pen that a key takes, or one further with , and . */
export function penOf(pens, taken, key) {
  const step = { ",": -1, ".": 1 }[key];
  if (step) return pens[(pens.indexOf(taken) + step + pens.length) % pens.length];
  return pens.find((pen) => pen.key && pen.key === key);
}
