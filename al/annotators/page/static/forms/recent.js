// The classes that somebody used lately, each at a place that it keeps as long as it can.

export const PLACES = 9;

/** Remembers in this browser, for one campaign. */
export function recent(campaign) {
  const at = `recent ${campaign}`;
  let places = [], turn = 0;
  const used = new Map();
  try { places = JSON.parse(localStorage.getItem(at)) || []; } catch { places = []; }
  if (!Array.isArray(places)) places = [];
  return {
    names: (classes) => places.filter((name) => classes.includes(name)),
    use(name) {
      used.set(name, ++turn);
      if (places.includes(name)) return;
      if (places.length < PLACES) places.push(name);
      else {
        const oldest = places.reduce((a, b) => ((used.get(b) ?? 0) < (used.get(a) ?? 0) ? b : a));
        places[places.indexOf(oldest)] = name;
      }
      try { localStorage.setItem(at, JSON.stringify(places)); } catch { /* private windows */ }
    },
  };
}
