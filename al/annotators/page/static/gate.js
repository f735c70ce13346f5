// When an answer may be given: the sample has been drawn, painted and seen for a moment, and
// nothing that was said before is still on its way.
//
// What comes earlier is refused, and said to be: it cannot be about this sample, as nobody had
// seen it, and it was not meant for the one before. It is not kept for later either.

/** Milliseconds that a sample has to be on the screen: people react to no picture in less. */
export const SEEN = 150;
/** Milliseconds between two clicks that answer two samples: less is a double click. */
export const DOUBLE = 300;

let drawing = 0, shownAt = null, open = false, busy = false, failed = false;
let away = 0, hiddenAt = 0, clickedAt = -Infinity, clickedIn = 0;
const changed = [];

/** Call `what` whenever the gate opens or closes. */
export const onChange = (what) => changed.push(what);
const set = (value) => { open = value; changed.forEach((what) => what()); };

/** A new sample is being drawn; returns what to call when it is there to be seen. */
export function begin() {
  const mine = ++drawing;
  shownAt = null;
  failed = false;
  set(false);
  return () => afterPaint(() => { if (mine === drawing) seen(); });
}

function afterPaint(what) {  // the second frame begins when the first one has been painted
  requestAnimationFrame(() => requestAnimationFrame(what));
}

function seen() {
  if (document.hidden) return;  // seen when the page is
  const mine = drawing;
  if (shownAt === null) { shownAt = performance.now(); away = 0; }
  setTimeout(() => { if (mine === drawing && !document.hidden) set(true); }, SEEN);
}

/** The sample cannot be shown: it can be skipped, and nothing else. */
export function fail() {
  failed = true;
  set(false);
}

/** Something is on its way to the server, or no longer. */
export function keeping(now) {
  busy = now;
  changed.forEach((what) => what());
}

export const isBusy = () => busy;
export const isOpen = () => open && !busy;

/** Why nothing can be said of the sample now; "" where it can. */
export function refusal({ skips = false } = {}) {
  if (busy) return "what you said before is still being kept";
  if (failed) return skips ? "" : "this picture did not load, so it can only be skipped";
  return open ? "" : "the sample had not been seen yet";
}

/** The same of a click, which may be the second half of a double click. */
export function refusalOfClick(how) {
  const why = refusal(how);
  if (why) return why;
  const now = performance.now();
  if (clickedIn !== drawing && now - clickedAt < DOUBLE) return "a double click answers once";
  clickedAt = now;
  clickedIn = drawing;
  return "";
}

/** Seconds for which the sample has been on the screen. */
export function taken() {
  return shownAt === null ? 0 : Math.max(0, performance.now() - shownAt - away) / 1000;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hiddenAt = performance.now();
    set(false);
  } else {
    if (hiddenAt && shownAt !== null) away += performance.now() - hiddenAt;
    hiddenAt = 0;
    afterPaint(seen);
  }
});
