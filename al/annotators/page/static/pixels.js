// Masks by the pixel: what is painted, filled and enclosed, exactly; nothing of it knows a screen.
//
// A mask is { width, height, values }, values one byte a pixel along the rows. What changes it
// gives back the rectangle [left, top, right, bottom) that it changed, or null.

/** Paint all pixels whose centre is no farther than half a brush from a line between two pixels. */
export function stroke(mask, [x0, y0], [x1, y1], size, value) {
  const { width, height, values } = mask, reach = size / 2;
  const [ax, ay] = [Math.floor(x0) + 0.5, Math.floor(y0) + 0.5];
  const [bx, by] = [Math.floor(x1) + 0.5, Math.floor(y1) + 0.5];
  const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
  const right = Math.min(width, Math.ceil(Math.max(ax, bx) + reach));
  const top = Math.max(0, Math.floor(Math.min(ay, by) - reach));
  const bottom = Math.min(height, Math.ceil(Math.max(ay, by) + reach));
  if (left >= right || top >= bottom) return null;
  const [dx, dy] = [bx - ax, by - ay], long = dx * dx + dy * dy, most = reach * reach + 1e-9;
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const share = long ? Math.min(1, Math.max(0, (px * dx + py * dy) / long)) : 0;
      const [ex, ey] = [px - share * dx, py - share * dy];
      if (ex * ex + ey * ey <= most) values[y * width + x] = value;
    }
  }
  return [left, top, right, bottom];
}

/** Paint all pixels whose centre lies in a polygon; even-odd where it crosses itself. */
export function polygon(mask, points, value) {
  const { width, height, values } = mask;
  const rows = points.map(([, y]) => y);
  const top = Math.max(0, Math.ceil(Math.min(...rows) - 0.5));
  const bottom = Math.min(height, Math.ceil(Math.max(...rows) - 0.5));
  let [left, right] = [width, 0];
  for (let y = top; y < bottom; y += 1) {
    const crossings = [];
    points.forEach(([x0, y0], place) => {
      const [x1, y1] = points[(place + 1) % points.length], middle = y + 0.5;
      // An end that two edges share counts once.
      if ((y0 <= middle) !== (y1 <= middle)) {
        crossings.push(x0 + (middle - y0) * (x1 - x0) / (y1 - y0));
      }
    });
    crossings.sort((a, b) => a - b);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      const from = Math.max(0, Math.ceil(crossings[pair] - 0.5));
      const to = Math.min(width, Math.ceil(crossings[pair + 1] - 0.5));
      if (from >= to) continue;
      values.fill(value, y * width + from, y * width + to);
      left = Math.min(left, from);
      right = Math.max(right, to);
    }
  }
  return left < right ? [left, top, right, bottom] : null;
}

/** Paint the pixels of the same value that hang together, by their sides, with one of them. */
export function flood(mask, [px, py], value) {
  const { width, height, values } = mask;
  const [x0, y0] = [Math.floor(px), Math.floor(py)];
  if (x0 < 0 || y0 < 0 || x0 >= width || y0 >= height) return null;
  const old = values[y0 * width + x0];
  if (old === value) return null;
  let [left, top, right, bottom] = [x0, y0, x0 + 1, y0 + 1];
  const waiting = [[x0, y0]];
  while (waiting.length) {
    const [x, y] = waiting.pop(), row = y * width;
    if (values[row + x] !== old) continue;
    let [from, to] = [x, x + 1];
    while (from > 0 && values[row + from - 1] === old) from -= 1;
    while (to < width && values[row + to] === old) to += 1;
    values.fill(value, row + from, row + to);
    left = Math.min(left, from);
    right = Math.max(right, to);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
    for (const next of [y - 1, y + 1]) {
      if (next < 0 || next >= height) continue;
      const line = next * width;
      for (let at = from; at < to; at += 1) {  // one seed a run is enough
        const starts = at === from || values[line + at - 1] !== old;
        if (values[line + at] === old && starts) waiting.push([at, next]);
      }
    }
  }
  return [left, top, right, bottom];
}

/** The smallest rectangle around two, either of which may be null. */
export function around(one, other) {
  if (!one || !other) return one ?? other;
  return [Math.min(one[0], other[0]), Math.min(one[1], other[1]),
    Math.max(one[2], other[2]), Math.max(one[3], other[3])];
}

/** Whether all pixels have a value. */
export function holds({ values }, value) {
  for (let at = 0; at < values.length; at += 1) if (values[at] !== value) return false;
  return true;
}

/** A rectangle of a mask as runs [value, length, …] along its rows. */
export function cut({ width, values }, [left, top, right, bottom]) {
  const runs = [];
  let [value, length] = [-1, 0];
  for (let y = top; y < bottom; y += 1) {
    for (let at = y * width + left; at < y * width + right; at += 1) {
      if (values[at] === value) { length += 1; continue; }
      if (length) runs.push(value, length);
      value = values[at];
      length = 1;
    }
  }
  if (length) runs.push(value, length);
  return runs;
}

/** Runs back into a rectangle of a mask. */
export function paste({ width, values }, [left, top, right, bottom], runs) {
  const across = right - left;
  let at = 0;
  for (let pair = 0; pair < runs.length; pair += 2) {
    for (let rest = runs[pair + 1]; rest > 0;) {
      const column = at % across, part = Math.min(rest, across - column);
      const from = (top + (at - column) / across) * width + left + column;
      values.fill(runs[pair], from, from + part);
      at += part;
      rest -= part;
    }
  }
  return at === across * (bottom - top);
}
