// A row as a table: name, value and unit; what is the same everywhere is folded away.

import { made } from "./made.js";

/** The element for an item with a row. */
export function drawRow(item) {
  const box = made("div", { className: "row" }, table(item.row));
  if (item.folded?.length) {
    const many = item.folded.length;
    const words = many === 1 ? "1 column is the same everywhere"
      : `${many} columns are the same everywhere`;
    box.append(made("details", {}, made("summary", { textContent: words }), table(item.folded)));
  }
  return box;
}

function table(row) {
  const found = made("table");
  for (const [name, value, unit] of row) {
    const line = found.insertRow();
    line.append(made("th", { scope: "row", textContent: name, dir: "auto" }));
    const cell = line.insertCell();
    cell.append(made("bdi", { textContent: value }));
    if (unit) cell.append(made("span", { className: "unit", textContent: ` ${unit}` }));
  }
  return found;
}
