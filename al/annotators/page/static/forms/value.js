// A number a sample: typed, or by a slider where its range is known.

import { made } from "../made.js";

const number = (text) => {
  const typed = text.trim().replace(",", ".");
  return typed === "" || !Number.isFinite(Number(typed)) ? null : Number(typed);
};

/** @see page.js, "forms" */
export default function value({ area, task, trouble, keep, refuse, numbers }) {
  const field = made("input", { id: "number", inputMode: "decimal", autocomplete: "off" });
  const label = made("label", {}, `A number${task.unit ? ` in ${task.unit}` : ""}, then Enter`,
    made("span", { className: "with-unit" }, field,
      task.unit ? made("span", { className: "unit", textContent: task.unit, ariaHidden: "true" })
        : null));
  const sure = made("p", { id: "sure", className: "warning", role: "alert", hidden: true });
  const [low, high] = task.range ?? [];
  const slider = task.range ? made("input", {
    type: "range", id: "slider", min: low, max: high, step: step(high - low), ariaLabel:
      `A number from ${low} to ${high}`,
  }) : null;
  const scale = slider && made("div", { className: "scale" },
    made("span", { textContent: low, ariaHidden: "true" }), slider,
    made("span", { textContent: high, ariaHidden: "true" }));
  let asked = null;

  /** What makes a number look wrong; "" where nothing does. */
  function odd(given) {
    if (task.range) return given < low || given > high ? `outside ${low} to ${high}` : "";
    const known = numbers();
    if (!known) return "";
    const room = known[1] - known[0] || Math.abs(known[0]) || 1;
    return given < known[0] - room || given > known[1] + room
      ? `far from the ${known[2]} numbers so far, ${known[0]} to ${known[1]}` : "";
  }

  function submit() {
    const given = number(field.value);
    if (field.value.trim() === "") { refuse("no number is given yet"); return; }
    if (given === null) { trouble("That is not a number."); return; }
    trouble("");
    const why = odd(given);
    if (why && asked !== given) {
      asked = given;
      sure.textContent = `${field.value.trim()} is ${why}. Enter again keeps it.`;
      sure.hidden = false;
      return;
    }
    keep(given, `${field.value.trim()}${task.unit ? ` ${task.unit}` : ""}`);
  }

  function changed() { asked = null; sure.hidden = true; }

  const button = made("button", { type: "button", className: "primary", textContent: "Keep  ⏎" });
  button.addEventListener("click", submit);
  field.addEventListener("input", () => {
    changed();
    if (slider && number(field.value) !== null) slider.value = number(field.value);
  });
  slider?.addEventListener("input", () => { changed(); field.value = slider.value; });

  return {
    question: "Which number is it?",
    begin(item) {
      area.classList.add("line");
      area.replaceChildren(...[label, button, scale, sure].filter(Boolean));
      field.value = item.given?.label ?? "";
      if (slider) slider.value = item.given?.label ?? (low + high) / 2;
      changed();
      trouble("");
      if (!matchMedia("(pointer: coarse)").matches) field.focus();
    },
    writing: () => field.value !== "",
    clear() { field.value = ""; changed(); },
    accept: (item) => item.suggestion.label,
    keys: () => [["digits", "type the number"], ["Enter", "keep it"]],
    key(event) {
      if (event.key === "Enter") return submit;
      if (event.key.length === 1) field.focus();
      return null;
    },
  };
}

/** A step of a slider: about two hundred of them, round. */
function step(span) {
  const ten = 10 ** Math.floor(Math.log10(span / 100));
  return [1, 2, 5].map((times) => times * ten).findLast((one) => one <= span / 100) ?? ten;
}
