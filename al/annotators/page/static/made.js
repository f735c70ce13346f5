// Elements in a line; what they say is text, never markup.

/** An element with properties and children; `aria` and `data` are sets of attributes. */
export function made(name, { aria = {}, data = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  for (const [key, value] of Object.entries(aria)) element.setAttribute(`aria-${key}`, value);
  Object.assign(element.dataset, data);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
