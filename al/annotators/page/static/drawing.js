// What drawing boxes and drawing masks have in common: when one begins, is kept, and is left.

import { asks, Changes } from "./changes.js";
import { writes } from "./hand.js";
import { made } from "./made.js";
import { VIEW_KEYS, viewerIn } from "./viewer.js";

const KEYS = [
  [", .", "the class before, and the one after"], ["Enter", "keep what is drawn"],
  ["Shift Enter", "say that there is nothing to draw"],
  ["Shift Delete", "take everything away"],
  ["Ctrl Z", "take a step back; Z alone does it too"], ["Ctrl Y", "do it again"],
  ["Esc", "end what is half drawn; twice, with something drawn, to skip the sample"],
];
/** Drawings that are kept for when people come back to them. */
const LAID = 20;

/** A form of page.js out of an easel:
 *
 *   parts            what stands below the picture
 *   start(viewer, label)   draw on a picture, from a label or null
 *   label()          what is drawn, as the server takes it
 *   empty()          nothing is drawn
 *   nothing          the words for keeping that, or "" where it says nothing
 *   words()          the label in words
 *   cancel()         end what is half done, or let go of what is chosen; false where there is none
 *   wipe()           take everything away, as a step that can be taken back
 *   erase()          what Backspace does; false where it does nothing
 *   key(event)       what another key does, or null; where it goes on while the key is held, the
 *                    function has `repeats`
 *   enter()          what Enter does instead of keeping, or null; optional
 *   find             go to where classes are found by typing, or null
 *   question, keys   as of a form
 *
 * @param make given `{ task, changes, changed }`, makes the easel; `changed` is called after it
 *   changed what is drawn.
 */
export function drawn({ area, sample, task, who, keep, trouble }, make) {
  const changes = new Changes(), left = new Map(), viewer = viewerIn(sample);
  let item = null, whose = "", ready = false, leaving = false, touched = false, suggested = false;
  const easel = make({ task, changes, changed });
  const back = button("Undo a step", "Ctrl+Z", () => step("back"), "↶");
  const again = button("Redo a step", "Ctrl+Y", () => step("again"), "↷");
  const none = button("Clear", "Shift+Delete", () => { if (ready && !easel.empty()) easel.wipe(); });
  const done = button("", "", () => submit(easel.empty()));
  done.classList.add("primary");
  const end = made("div", { className: "drawing-end" }, none, back, again, done);
  const bar = made("div", { className: "drawing-bar" }, ...easel.parts, end);

  function changed() {
    leaving = false;
    trouble("");
    touched = true;
    show();
  }

  /** Keep what somebody drew on a sample for when they see it again in this window. */
  function lay() {
    if (!item || !ready || !touched) return;
    left.delete(whose);
    left.set(whose, easel.label());
    for (const old of [...left.keys()].slice(0, Math.max(0, left.size - LAID))) left.delete(old);
  }

  function show() {
    back.disabled = !changes.done.length;
    again.disabled = !changes.undone.length;
    none.disabled = !ready || easel.empty();
    const key = easel.empty() ? "⇧⏎" : "⏎";
    done.textContent = easel.empty() ? easel.nothing || "Keep" : `Keep ${easel.words()}`;
    done.append(made("kbd", { textContent: key, aria: { hidden: "true" } }));
    done.disabled = !ready || (easel.empty() && !easel.nothing);
    const guess = ready && suggested && !changes.done.length;
    viewer.say(guess ? "A model drew this: mend it, or keep it as it is" : "");
  }

  function step(which) {
    if (ready && changes[which]()) changed();
  }

  /** Keep what is drawn; that nothing is there needs to be said on purpose. */
  function submit(sure) {
    if (!ready) return;
    if (easel.empty() && !(sure && easel.nothing)) {
      trouble(easel.nothing
        ? `Nothing is drawn yet. Shift+Enter, or the button “${easel.nothing}”, says that there is `
          + "nothing to draw." : "Nothing is drawn yet: draw, or skip.");
      return;
    }
    easel.cancel();
    trouble("");
    keep(easel.label(), easel.empty() ? easel.nothing.toLowerCase() : easel.words());
  }

  document.addEventListener("keydown", (event) => {
    if (!ready || !area.isConnected || !sample.getClientRects().length || writes(event.target)) return;
    const which = event.ctrlKey || event.metaKey ? asks(event) : "";
    if (which) { event.preventDefault(); step(which); return; }
    if (event.ctrlKey || event.metaKey || !event.altKey) return;
    const act = easel.key(event);
    if (act?.repeats) { event.preventDefault(); act(); }
  });

  return {
    begin(next) {
      lay();
      item = next;
      whose = `${item.drawn} ${who()}`;
      ready = leaving = touched = false;
      changes.clear();
      area.replaceChildren(bar);
      const mine = left.get(whose) ?? item.given?.label ?? undefined;
      const guess = item.suggestion?.label;
      suggested = mine === undefined && guess !== undefined;
      show();
      viewer.once(() => {
        ready = true;
        easel.start(viewer, mine ?? guess ?? null);
        show();
        viewer.stage.focus({ preventScroll: true });
      });
    },
    // Esc and Backspace would leave the sample, and what is drawn on it.
    writing: () => ready && !leaving && (changes.done.length > 0 || easel.busy()),
    clear() {
      if (easel.cancel()) return;
      leaving = true;
      trouble("What is drawn here is not kept yet: Esc once more skips the sample.");
    },
    ownsKeys: (target) => target.type === "range" || target.classList.contains("pen-filter"),
    key(event) {
      const { key } = event;
      if (key === "Enter") {
        if (event.target.tagName === "BUTTON") return null;
        return easel.enter?.() ?? (() => submit(event.shiftKey));
      }
      if (!ready) return null;
      if (key === "Backspace") return () => { easel.erase() || step("back"); };
      if (key === "Delete" && event.shiftKey) return easel.empty() ? null : easel.wipe;
      const which = asks(event);
      if (which) return () => step(which);
      leaving = false;
      if (key === "/" && easel.find) return easel.find;
      return easel.key(event) ?? viewer.key(event);
    },
    question: easel.question,
    keys: () => [
      ...easel.keys, ...(easel.find ? [["/", "find a class by typing"]] : []), ...KEYS, ...VIEW_KEYS,
    ],
  };
}

/** A button that also says its key; a sign may stand for its words. */
export function button(words, key, act, sign = words) {
  const found = made("button", { type: "button" }, sign);
  if (key) {
    found.title = `${words}, key ${key}`;
    found.setAttribute("aria-label", words);
  }
  found.addEventListener("click", act);
  return found;
}
