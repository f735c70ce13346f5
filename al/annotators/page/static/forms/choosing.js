// Classes as buttons with keys; with more than ten, a field to find them by typing.

const single = (c) => [...c].length === 1;
const plain = (text) => text.toLowerCase().replace(/[\s_]+/g, " ");

function made(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

export function chooser({ area, task, keep }, several) {
  let chosen = new Set(), first = 0, shown = [];
  const filter = made("input", { id: "filter", autocomplete: "off", spellcheck: false });
  const filterLabel = made("label", { id: "filter-label" }, several
    ? "Type to filter, Enter to mark; Enter on nothing typed keeps what is marked"
    : "Type to filter, Enter takes the framed one, ↑ ↓ move", filter);
  const buttons = made("div", { id: "choices", role: "group", ariaLabel: "Labels" });
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

  function keyOf(place) {
    if (letters()) return single(shown[place]) ? shown[place] : "";
    if (filtered() && !digitsFree()) return "";
    return place < 9 ? String(place + 1) : place === 9 && !filtered() ? "0" : "";
  }

  function draw() {
    filterLabel.hidden = !filtered();
    buttons.replaceChildren();
    buttons.classList.toggle("many", filtered());
    const words = plain(filter.value).split(" ").filter(Boolean);
    const whole = words.join(" ");
    const far = (c) => Number(!plain(c).includes(whole));
    shown = task.classes.filter((c) => words.every((word) => plain(c).includes(word)));
    shown.sort((a, b) => far(a) - far(b));
    first = Math.min(first, Math.max(0, shown.length - 1));
    shown.forEach((label, place) => {
      const button = made("button");
      const key = keyOf(place);
      if (key && !(letters() && key === label)) button.append(made("kbd", { textContent: key }));
      button.append(label);
      button.classList.toggle("first", filtered() && place === first);
      if (several) button.setAttribute("aria-pressed", String(chosen.has(label)));
      button.addEventListener("click", () => pick(label));
      buttons.append(button);
    });
    if (several) {
      const text = chosen.size ? `Keep ${chosen.size}  ⏎` : "None applies  ⏎";
      const done = made("button", { className: "primary", textContent: text });
      done.addEventListener("click", submit);
      buttons.append(done);
    }
    buttons.querySelector(".first")?.scrollIntoView({ block: "nearest" });
  }

  function pick(label) {
    if (!several) { keep(label, label); return; }
    if (!chosen.delete(label)) chosen.add(label);
    filter.value = "";
    draw();
  }

  function submit() {
    const labels = task.classes.filter((c) => chosen.has(c)).sort((a, b) => (a < b ? -1 : 1));
    keep(labels, labels.join(", ") || "none");
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

  filter.addEventListener("input", () => { first = 0; draw(); });
  other.addEventListener("submit", nameOther);

  return {
    begin() {
      area.replaceChildren(filterLabel, buttons, ...(task.grows ? [other] : []));
      chosen = new Set();
      first = 0;
      filter.value = otherName.value = "";
      draw();
      if (filtered()) filter.focus(); else document.activeElement.blur();
    },
    writing: () => filter.value !== "",
    clear() { filter.value = ""; draw(); },
    ownsKeys: (target) => other.contains(target),
    key(event) {
      if (event.key === "Enter" && event.target.tagName !== "BUTTON") {
        if (several && filter.value === "") return submit;
        return filtered() && shown.length ? () => pick(shown[first]) : null;
      }
      if (filtered() && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        return () => { first = Math.max(0, Math.min(shown.length - 1, first + step)); draw(); };
      }
      const place = shown.findIndex((_, at) => keyOf(at) === event.key);
      if (place >= 0) return () => pick(shown[place]);
      if (filtered() && event.key.length === 1) filter.focus();
      return null;
    },
  };
}
