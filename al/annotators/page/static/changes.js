// What was done to a drawing, to be taken back and done again.

/** Steps that are kept. */
const MOST = 200;

export class Changes {
  constructor() { this.clear(); }

  clear() {
    this.done = [];
    this.undone = [];
  }

  /** Remember a step: two functions, which take it back and do it again. */
  add(back, again) {
    this.done.push([back, again]);
    if (this.done.length > MOST) this.done.shift();
    this.undone = [];
  }

  back() {
    const step = this.done.pop();
    if (!step) return false;
    step[0]();
    this.undone.push(step);
    return true;
  }

  again() {
    const step = this.undone.pop();
    if (!step) return false;
    step[1]();
    this.done.push(step);
    return true;
  }
}

/** What a key says of changes: "back", "again" or "". */
export function asks(event) {
  const key = event.key.toLowerCase();
  if (event.altKey) return "";
  if (key === "z") return event.shiftKey ? "again" : "back";
  return key === "y" && (event.ctrlKey || event.metaKey) ? "again" : "";
}
