// Boxes around things.

import { drawn } from "../drawing.js";
import { boxesEasel } from "../boxes.js";

/** @see page.js, "forms" */
export default (desk) => drawn(desk, boxesEasel);
