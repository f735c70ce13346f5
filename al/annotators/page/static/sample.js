// A sample as people see it: an image, a text or a row. What comes from outside is never markup.

import { drawRow } from "./row.js";

/** Show a sample in a box; `shown` is called when it is there to be seen. */
export function drawSample(box, item, shown) {
  box.replaceChildren();
  if (item.image !== undefined) {
    const image = new Image();
    image.alt = `Sample ${item.place + 1}`;
    image.addEventListener("load", () => { fit(image, box); shown(); });
    image.src = item.image;
    box.append(image);
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

function fit(image, box) {  // small images grow by whole numbers, so that their pixels stay squares
  const room = Math.min(box.clientWidth - 40, innerHeight * 0.5, 420);
  const times = Math.floor(room / Math.max(image.naturalWidth, image.naturalHeight));
  image.classList.toggle("small", times >= 2);
  if (times >= 2) {
    image.width = image.naturalWidth * times;
    image.height = image.naturalHeight * times;
  }
}
