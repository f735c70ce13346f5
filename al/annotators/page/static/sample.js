// A sample as people see it: an image, a text or a row. What comes from outside is never markup.

import { fetchAhead, pictureAt } from "./pictures.js";
import { drawRow } from "./row.js";
import { viewerIn } from "./viewer.js";

/** Show a sample in a box; `shown` is called when it is there to be seen, `next` are where the
 * pictures of those are that come after it, and `failed` is told why it cannot be shown. */
export function drawSample(box, item, shown, next = [], failed = () => {}) {
  box.replaceChildren();
  box.classList.toggle("picture", item.image !== undefined);
  if (item.image !== undefined) {
    drawPicture(box, item, shown, next, failed);
    return;
  }
  if (item.text !== undefined) {
    const text = document.createElement("p");
    text.dir = "auto";
    text.textContent = item.text;
    box.append(text);
  } else {
    box.append(drawRow(item));
  }
  shown();
}

async function drawPicture(box, item, shown, next, failed) {
  const viewer = viewerIn(box), mine = {};
  viewer.clear();
  viewer.showing = mine;
  box.append(viewer.element);
  try {
    const image = await pictureAt(item.image);
    if (viewer.showing !== mine) return;  // another sample came first
    image.alt = `Sample ${item.place + 1}`;
    viewer.show(image);
    shown();
    fetchAhead(next);
  } catch (error) {
    if (viewer.showing === mine) failed(error.message);
  }
}
