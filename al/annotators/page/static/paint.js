// A mask on the screen: classes by colour, pattern and outline, in a canvas of the picture's pixels.

import { PATTERNS } from "./pens.js";

/** How much of the picture the plain parts and the lines of a class cover, of 255; the canvas as a
 * whole can be seen through besides. */
const PLAIN = 130, LINE = 255;
/** Lines lie so many of the picture's longer side apart, but for the smallest pictures. */
const LINES = 48;
/** Rows that are drawn at once: the whole of a large picture would take as much memory again. */
const BAND = 256;

export class Paint {
  constructor(pens, blank) {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "mask";
    this.plain = new Uint32Array(256);
    this.line = new Uint32Array(256);
    this.patterns = new Array(256).fill(PATTERNS[0]);
    for (const { value, colour, pattern } of pens) {
      if (value === blank) continue;
      this.plain[value] = rgba(colour, PLAIN);
      this.line[value] = rgba(colour, LINE);
      this.patterns[value] = PATTERNS[pattern];
    }
  }

  /** Make room for a mask. */
  size(width, height) {
    this.canvas.width = width;
    this.canvas.height = height;
    this.context = this.canvas.getContext("2d");
    this.apart = Math.max(6, Math.round(Math.max(width, height) / LINES));
    this.edge = Math.max(1, Math.round(Math.max(width, height) / 1000));
  }

  /** Show a rectangle of a mask, and the outlines that its change moves. */
  show({ width, height, values }, [left, top, right, bottom]) {
    const { edge, apart, plain, line, patterns } = this;
    const [x0, y0] = [Math.max(0, left - edge), Math.max(0, top - edge)];
    const [x1, y1] = [Math.min(width, right + edge), Math.min(height, bottom + edge)];
    for (let from = y0; from < y1; from += BAND) {
      const high = Math.min(BAND, y1 - from), wide = x1 - x0;
      const image = this.context.createImageData(wide, high);
      const pixels = new Uint32Array(image.data.buffer);
      for (let y = 0; y < high; y += 1) {
        const row = from + y;
        for (let x = 0; x < wide; x += 1) {
          const column = x0 + x, at = row * width + column, value = values[at];
          if (!plain[value]) continue;
          const outline = (column >= edge && values[at - edge] !== value)
            || (column < width - edge && values[at + edge] !== value)
            || (row >= edge && values[at - edge * width] !== value)
            || (row < height - edge && values[at + edge * width] !== value);
          const strong = outline || patterns[value](column, row, apart);
          pixels[y * wide + x] = strong ? line[value] : plain[value];
        }
      }
      this.context.putImageData(image, x0, from);
    }
  }
}

/** As a canvas holds it in memory, where the first byte is the lowest. */
function rgba([red, green, blue], alpha) {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
