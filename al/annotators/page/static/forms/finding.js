// Finding classes by what is typed: whole words, beginnings, letters left out, one slip.

/** How a name is compared: small letters without accents, words apart by one space. */
export const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase()
  .replace(/[\s_\-./]+/g, " ").trim();

/** The classes that match, the best first; ties by `rank`, then in their order. */
export function found(classes, typed, rank = () => 0) {
  const words = plain(typed).split(" ").filter(Boolean);
  if (!words.length) return [...classes];
  const costs = classes.map((name, place) => ({ name, place, cost: cost(plain(name), words) }));
  return costs.filter((one) => one.cost < Infinity)
    .sort((a, b) => a.cost - b.cost || rank(a.name) - rank(b.name) || a.place - b.place)
    .map((one) => one.name);
}

/** How far a name is from what was typed; Infinity where it does not match. */
function cost(name, words) {
  const whole = words.join(" ");
  if (name === whole) return -2;
  const together = name.startsWith(whole) ? -1 : name.includes(whole) ? -0.5 : 0;
  const parts = name.split(" ");
  return words.reduce((sum, word) => sum + ofWord(name, parts, word), together);
}

function ofWord(name, parts, word) {
  if (parts.includes(word)) return 0;
  if (parts.some((part) => part.startsWith(word))) return 1;
  if (name.includes(word)) return 2;
  if (parts.some((part) => part[0] === word[0] && inOrder(part, word))) return 3;
  if (word.length >= 3 && parts.some((part) => slipped(part.slice(0, word.length + 1), word))) {
    return 4;
  }
  return word.length >= 3 && name[0] === word[0] && inOrder(name, word) ? 6 : Infinity;
}

function inOrder(text, letters) {
  let at = 0;
  for (const letter of text) if (letter === letters[at]) at += 1;
  return at === letters.length;
}

/** One letter too many, too few, another, or two changed places, at the beginning of a part. */
function slipped(part, word) {
  const same = (a, b) => a.startsWith(b);
  for (let at = 0; at < word.length; at += 1) {
    const head = word.slice(0, at), tail = word.slice(at + 1);
    if (!part.startsWith(head)) return false;
    if (same(part, head + tail) && tail) return true;
    if (part.length > at && same(part.slice(at + 1), tail)) return true;
    if (same(part.slice(at + 1), word.slice(at)) && part.length > word.length) return true;
    if (tail && same(part, head + tail[0] + word[at] + tail.slice(1))) return true;
  }
  return false;
}
