// Any number of classes a sample.

import { chooser } from "./choosing.js";

/** @see page.js, "forms" */
export default (desk) => chooser(desk, true);
