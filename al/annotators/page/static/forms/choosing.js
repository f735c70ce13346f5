// Classes as buttons with keys; with more than ten, a field to find them by typing.
//
// Nothing is framed before somebody typed or moved. Where the sample may be shown with a guess
// the likeliest classes come first, elsewhere those that were used lately: never more is said of
// what the model believes.

import { made, parted, percent } from "../made.js";
import { found } from "./finding.js";
import { PLACES, recent } from "./recent.js";

const single = (c) => [...c].length === 1;
const NONE = "-";

export function chooser({ area, task, keep, refuse }, several) {
  let chosen = new Set(), framed = -1, shown = [], likely = new Map(), moved = false;
  const lately = recent(task.campaign);
  const filter = made("input", {
    id: "filter", autocomplete: "off", spellcheck: false, aria: { controls: "choices" },
    placeholder: "Type to find a class",
  });
  const hint = several
    ? "Type, Enter marks the framed one; Enter on nothing typed keeps what is marked"
    : "Type, Enter takes the framed one; ↑ ↓ move";
  const filterLabel = made("label", { id: "filter-label" },
    made("span", { className: "hint", textContent: hint }), filter);
  const nothing = made("p", { id: "nothing", className: "note", role: "status" });
  const buttons = made("div", {
    id: "choices", role: "group", aria: { labelledby: "question" },
  });
  const otherName = made("input", {
    id: "other-name", maxLength: 80, autocomplete: "off", required: true,
  });
  const other = made("form", { id: "other" },
    made("label", {}, "None of these? Name another class", otherName),
    made("button", { textContent: "Add it" }));

  const filtered = () => task.classes.length > 10;
  // A class that is a digit has that key and no other class has it, as one that came later would.
  const letters = () => task.classes.length <= 10
    && (task.classes.every(single) || task.classes.some((c) => /^\d$/.test(c)));
  const digitsFree = () => !task.classes.some((c) => /\d/.test(c));
  const noneKey = () => (several && !task.classes.some((c) => c.startsWith(NONE)) ? NONE : "");

  function keyOf(place) {
    if (letters()) return single(shown[place]) ? shown[place] : "";
    if (!filtered()) return place < 9 ? String(place + 1) : place === 9 ? "0" : "";
    if (!digitsFree() || place >= PLACES) return "";
    return filter.value || place < favourites().length ? String(place + 1) : "";
  }

  const favourites = () => (likely.size ? [...likely.keys()] : lately.names(task.classes));

  function order() {
    if (!filtered()) return [...task.classes];
    const rank = (name) => likely.has(name) ? [...likely.keys()].indexOf(name) : PLACES;
    if (filter.value) return found(task.classes, filter.value, rank);
    const first = favourites();
    return [...first, ...task.classes.filter((name) => !first.includes(name))];
  }

  function draw() {
    buttons.classList.toggle("many", filtered());
    shown = order();
    framed = Math.min(framed, shown.length - 1);
    const head = filtered() && !filter.value && favourites().length;
    buttons.replaceChildren();
    shown.forEach((name, place) => {
      if (head && place === 0) title(likely.size ? "Likely" : "Recent");
      if (head && place === favourites().length) title("All");
      buttons.append(button(name, place));
    });
    const none = filter.value !== "" && !shown.length;
    nothing.textContent = none ? `Nothing matches “${filter.value}”. Esc clears it.` : "";
    if (several) finish();
    buttons.querySelector(".first")?.scrollIntoView({ block: "nearest" });
  }

  const title = (words) => buttons.append(made("span", { className: "title", textContent: words }));

  function button(name, place) {
    const key = keyOf(place);
    const says = key && !(letters() && key === name);
    const found = made("button", { type: "button", data: { name } },
      says ? made("kbd", { textContent: key, ariaHidden: "true" }) : null,
      made("bdi", {}, ...parted(name)));
    if (key) found.setAttribute("aria-keyshortcuts", key);
    if (likely.has(name)) {
      found.append(made("small", { textContent: percent(likely.get(name)) }));
    }
    const first = filtered() && place === framed;
    found.classList.toggle("first", first);
    if (first) found.setAttribute("aria-current", "true");
    if (several) found.setAttribute("aria-pressed", String(chosen.has(name)));
    found.addEventListener("click", () => pick(name));
    return found;
  }

  function finish() {
    const key = noneKey();
    const keepThem = made("button", { type: "button", className: "primary", disabled: !chosen.size,
      textContent: chosen.size ? `Keep ${chosen.size}  ⏎` : "Mark what applies" });
    const none = made("button", { type: "button", id: "none" },
      key ? made("kbd", { textContent: key, ariaHidden: "true" }) : null, "None applies");
    if (key) none.setAttribute("aria-keyshortcuts", key);
    none.hidden = chosen.size > 0;
    keepThem.addEventListener("click", submit);
    none.addEventListener("click", () => keep([], "none applies"));
    buttons.append(keepThem, none);
  }

  function pick(name) {
    lately.use(name);
    if (!several) { keep(name, name); return; }
    if (!chosen.delete(name)) chosen.add(name);
    filter.value = "";
    framed = -1;
    draw();
  }

  function submit() {
    if (!chosen.size) {
      refuse(`nothing is marked${noneKey() ? `; ${NONE} says that none applies` : ""}`);
      return;
    }
    const labels = task.classes.filter((c) => chosen.has(c)).sort((a, b) => (a < b ? -1 : 1));
    keep(labels, labels.join(", "));
  }

  function nameOther(event) {
    event.preventDefault();
    const name = otherName.value.trim();
    if (!name) return;
    if (!several) { keep(name, name); return; }
    task.classes = [...new Set([...task.classes, name])];
    chosen.add(name);
    otherName.value = "";
    draw();
  }

  function enter() {
    if (several && filter.value === "" && !moved) { submit(); return; }
    if (framed >= 0 && shown.length) pick(shown[framed]);
    else if (filter.value) refuse(`nothing matches “${filter.value}”`);
    else refuse(filtered() ? "nothing is chosen: type, or move with ↓" : "nothing is chosen");
  }

  function move(step) {
    moved = true;
    framed = Math.max(0, Math.min(shown.length - 1, framed + step));
    draw();
  }

  filter.addEventListener("input", () => {
    moved = false;
    framed = filter.value ? 0 : -1;
    draw();
  });
  other.addEventListener("submit", nameOther);

  return {
    get tall() { return filtered(); },
    question: several ? "Which of these apply?" : "Which class is it?",
    begin(item) {
      const finder = filtered() ? [filterLabel, nothing] : [];
      area.replaceChildren(...finder, buttons, ...(task.grows ? [other] : []));
      likely = new Map((item.suggestion?.likely ?? []).filter(([c]) => task.classes.includes(c)));
      chosen = new Set(several && Array.isArray(item.given?.label) ? item.given.label : []);
      framed = -1;
      moved = false;
      filter.value = otherName.value = "";
      draw();
      buttons.scrollTop = 0;
      if (filtered() && !matchMedia("(pointer: coarse)").matches) filter.focus();
      else document.activeElement.blur();
    },
    writing: () => filter.value !== "",
    clear() { filter.value = ""; framed = -1; moved = false; draw(); },
    ownsKeys: (target) => other.contains(target),
    accept(item) {
      const { label } = item.suggestion;
      [label].flat().forEach((name) => lately.use(name));
      return label;
    },
    keys: () => [
      ...(letters() ? [["the class's own letter", several ? "mark it" : "choose it"]]
        : digitsFree() || !filtered() ? [["1 … 9", "the class with that number"]] : []),
      ...(filtered() ? [["letters", "find classes"], ["↑ ↓", "move the frame"]] : []),
      ...(several ? [["Enter", "keep what is marked"]]
        : filtered() ? [["Enter", "choose the framed class"]] : []),
      ...(noneKey() ? [[NONE, "none applies"]] : []),
    ],
    key(event) {
      if (event.key === "Enter") return enter;
      if (filtered() && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        return Object.assign(() => move(step), { repeats: true });
      }
      if (event.key === noneKey() && filter.value === "" && !chosen.size) {
        return () => keep([], "none applies");
      }
      const place = shown.findIndex((_, at) => keyOf(at) === event.key);
      if (place >= 0) return () => pick(shown[place]);
      if (filtered() && event.key.length === 1) filter.focus();
      return null;
    },
  };
}
