// A number a sample.

/** @see page.js, "forms" */
export default function value({ area, trouble, keep }) {
  const label = document.createElement("label");
  const field = document.createElement("input");
  field.id = "number";
  field.inputMode = "decimal";
  field.autocomplete = "off";
  label.append("A number, then Enter", field);

  function submit() {
    const typed = field.value.trim().replace(",", ".");
    if (typed === "" || !Number.isFinite(Number(typed))) { trouble("That is no number."); return; }
    trouble("");
    keep(Number(typed), typed);
  }

  return {
    begin() {
      area.replaceChildren(label);
      field.value = "";
      field.focus();
    },
    writing: () => field.value !== "",
    clear() { field.value = ""; },
    key(event) {
      if (event.key !== "Enter" || event.target.tagName === "BUTTON") return null;
      return submit;
    },
  };
}
