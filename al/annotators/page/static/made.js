// Elements in a line; what they say is text, never markup.

/** A probability in words that stay together. */
export const percent = (share) => (share > 0.995 ? ">99" : share < 0.005 ? "<1"
  : String(Math.round(share * 100))) + "\u00a0%";

/** A name that may be parted after its underscores. */
export const parted = (name) => name.split(/(?<=_)/)
  .flatMap((part, at) => (at ? [document.createElement("wbr"), part] : [part]));

/** An element with properties and children; `aria` and `data` are sets of attributes. */
export function made(name, { aria = {}, data = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  for (const [key, value] of Object.entries(aria)) element.setAttribute(`aria-${key}`, value);
  Object.assign(element.dataset, data);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
