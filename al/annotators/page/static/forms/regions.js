// A class for each pixel.

import { drawn } from "../drawing.js";
import { masksEasel } from "../masks.js";

/** @see page.js, "forms" */
export default (desk) => drawn(desk, masksEasel);
