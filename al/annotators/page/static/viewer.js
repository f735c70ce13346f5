// A picture that fits its window, and can be zoomed, moved, made lighter and drawn on.
//
// The picture lies in a plane of its own pixels, which one transform brings to the screen: a view
// that changes draws nothing anew, however large the picture is. A form draws by a tool
//   { cursor, down(at, event), move(at, event), up(at, event), cancel(), hover(at, event), leave() }
// where `at` is [x, y] in pixels of the picture, with fractions; all but the first four may lack.

import { Hand, writes } from "./hand.js";
import { viewTools } from "./viewtools.js";

/** From so many screen pixels a pixel on, pixels are shown as squares. */
const SQUARES = 4;
/** Screen pixels a pixel at most. */
const LARGEST = 64;

function made(name, className) {
  const element = document.createElement(name);
  element.className = className;
  return element;
}

/** The viewer of a box, made once. */
export function viewerIn(box) {
  if (!box.viewer) box.viewer = new Viewer();
  return box.viewer;
}

class Viewer {
  constructor() {
    this.element = made("div", "viewer");
    this.stage = made("div", "stage");
    this.stage.tabIndex = -1;
    this.plane = made("div", "plane");
    this.over = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.over.classList.add("over");
    this.over.setAttribute("aria-hidden", "true");
    this.stage.setAttribute("role", "group");
    this.stage.setAttribute("aria-label", "Picture");
    this.note = made("p", "picture-note");
    this.stage.append(this.plane, this.over, this.note);
    this.tools = viewTools(this);
    this.element.append(this.stage, this.tools.element);
    this.width = this.height = 0;
    this.scale = 1;
    this.x = this.y = 0;
    this.fitted = true;
    this.hands = null;
    this.onview = null;
    this.image = null;
    this.later = null;
    this.hand = new Hand(this);
  }

  // -- what is shown -------------------------------------------------------------------------

  /** Show nothing until the next picture is there. */
  clear() {
    this.image = this.later = this.tool = this.onview = null;
    this.stage.style.cursor = "";
    this.plane.replaceChildren();
    this.over.replaceChildren();
    this.say("");
    this.hand.stop();
  }

  show(image) {
    this.image = image;
    this.width = image.naturalWidth;
    this.height = image.naturalHeight;
    this.plane.style.width = `${this.width}px`;
    this.plane.style.height = `${this.height}px`;
    this.plane.prepend(image);
    this.light();
    this.fit();
    const then = this.later;
    this.later = null;
    then?.();
  }

  /** Do something once the picture is there; nothing where another comes first. */
  once(then) {
    if (this.image) then(); else this.later = then;
  }

  /** Say something over the picture, where it moves nothing. */
  say(words) {
    this.note.textContent = words;
    this.note.hidden = !words;
  }

  get tool() { return this.hands; }

  /** What hands do; null where they move the picture. */
  set tool(tool) {
    this.hands = tool;
    this.element.classList.toggle("drawing", tool !== null);
  }

  light() {
    const { brightness, contrast } = this.tools;
    const plain = brightness === 100 && contrast === 100;
    const filter = plain ? "" : `brightness(${brightness}%) contrast(${contrast}%)`;
    if (this.image) this.image.style.filter = filter;
  }

  // -- the view ------------------------------------------------------------------------------

  /** The largest scale at which the whole picture is seen; where pixels are squares, all of one
   * size. */
  get fitting() {
    const { clientWidth, clientHeight } = this.stage;
    const scale = Math.min(clientWidth / this.width, clientHeight / this.height);
    const fine = scale * devicePixelRatio;
    return Math.max(fine >= SQUARES ? Math.floor(fine) / devicePixelRatio : scale, 1e-3);
  }

  fit() {
    this.fitted = true;
    this.look(this.fitting, 0, 0);
  }

  /** Zoom by a factor about a place of the stage, its middle by default. */
  zoom(by, [x, y] = [this.stage.clientWidth / 2, this.stage.clientHeight / 2]) {
    const least = Math.min(this.fitting, 1);
    const scale = Math.min(Math.max(this.scale * by, least), Math.max(LARGEST, this.fitting));
    const grown = scale / this.scale;
    this.fitted = scale <= this.fitting && this.fitting < 1;
    this.look(scale, x - (x - this.x) * grown, y - (y - this.y) * grown);
  }

  pan(across, down) {
    this.fitted = false;
    this.look(this.scale, this.x + across, this.y + down);
  }

  /** See as much as before in a window of another size. */
  resized() {
    if (this.fitted) this.fit(); else this.look(this.scale, this.x, this.y);
  }

  look(scale, x, y) {
    if (!this.image) return;
    this.scale = scale;
    const { clientWidth, clientHeight } = this.stage;
    this.x = kept(x, this.width * scale, clientWidth);
    this.y = kept(y, this.height * scale, clientHeight);
    this.plane.style.transform = `translate(${this.x}px, ${this.y}px) scale(${scale})`;
    this.plane.classList.toggle("squares", scale * devicePixelRatio >= SQUARES);
    this.element.classList.toggle("zoomed", scale > this.fitting * 1.001);
    this.tools.say(scale);
    this.onview?.();
  }

  /** Where an event is, in pixels of the picture. */
  at(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [(event.clientX - left - this.x) / this.scale, (event.clientY - top - this.y) / this.scale];
  }

  /** Where a pixel of the picture is, in the stage. */
  onto(x, y) {
    return [x * this.scale + this.x, y * this.scale + this.y];
  }

  /** What a key does, or null. */
  key(event) {
    if (!this.image || !this.element.isConnected || writes(document.activeElement)) return null;
    const far = 60, { key } = event;
    if (key === "+" || key === "=") return repeats(() => this.zoom(1.25));
    if (key === "-") return repeats(() => this.zoom(0.8));
    if (key === "Home") return () => this.fit();
    const [across, down] = ARROWS[key] ?? [0, 0];
    if (!(across || down) || !this.element.classList.contains("zoomed")) return null;
    return repeats(() => this.pan(-far * across, -far * down));
  }
}

/** Keys and what they do, for the help. */
export const VIEW_KEYS = [
  ["+ −", "larger and smaller; the wheel and two fingers too"], ["Home", "fit to the window"],
  ["← ↑ → ↓", "move a picture that is larger than the window; Space with the mouse too"],
];

export const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

/** What a key does, again and again while it is held. */
export function repeats(act) {
  return Object.assign(() => act(), { repeats: true });
}

/** Where a picture begins: in the middle where it is smaller than its room, else no edge comes
 * further in than a hand's breadth, so that people can draw across it. */
function kept(start, size, room) {
  const beyond = 48;
  if (size <= room) return Math.round((room - size) / 2);
  return Math.min(Math.max(start, room - size - beyond), beyond);
}
