// How fast it goes, and how long the rest will take.

const LAST = 15;
const PAUSE = 180_000;  // who was away for so long has paused
let before = null;
const steps = [];

/** An answer was kept. */
export function step() {
  const now = performance.now();
  if (before !== null && now - before < PAUSE) steps.push(now - before);
  if (steps.length > LAST) steps.shift();
  before = now;
}

/** What to say of it; "" while too little is known. */
export function said(left) {
  if (steps.length < 3) return "";
  const middle = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] / 1000;
  const each = middle < 10 ? `${middle.toFixed(1)} s each` : `${Math.round(middle)} s each`;
  if (left === 0) return each;
  const rest = middle * left;
  const time = rest < 90 ? `${Math.max(1, Math.round(rest))} s`
    : rest < 5400 ? `${Math.round(rest / 60)} min` : `${(rest / 3600).toFixed(1)} h`;
  return `${each}, about ${time} left`;
}
