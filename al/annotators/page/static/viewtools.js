// The buttons of a picture: zoom, and how light it is. What is set stays for the next pictures.

const set = { brightness: 100, contrast: 100 };

function button(text, title, act) {
  const found = Object.assign(document.createElement("button"), {
    type: "button", textContent: text, title, ariaLabel: title,
  });
  found.addEventListener("click", act);
  return found;
}

function slider(words, name, viewer) {
  const label = document.createElement("label");
  const field = Object.assign(document.createElement("input"), {
    type: "range", min: 20, max: 400, step: 5, value: set[name], name,
  });
  field.addEventListener("input", () => { set[name] = Number(field.value); viewer.light(); });
  // Arrows are the slider's.
  field.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) event.stopPropagation();
  });
  label.append(words, field);
  return [label, field];
}

/** Buttons beside a picture, by what they are called in the viewer. */
export function viewTools(viewer) {
  const element = document.createElement("div");
  element.className = "view-tools";
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "Picture");
  const size = document.createElement("span");
  size.className = "view-scale";
  const panel = document.createElement("div");
  panel.className = "view-light";
  panel.hidden = true;
  const [bright, brightField] = slider("Brightness", "brightness", viewer);
  const [strong, strongField] = slider("Contrast", "contrast", viewer);
  const reset = button("Reset", "Brightness and contrast as they were", () => {
    set.brightness = set.contrast = 100;
    brightField.value = strongField.value = 100;
    viewer.light();
  });
  panel.append(bright, strong, reset);
  const light = button("◐", "Brightness and contrast", () => {
    panel.hidden = !panel.hidden;
    light.setAttribute("aria-expanded", String(!panel.hidden));
  });
  light.setAttribute("aria-expanded", "false");
  element.append(
    button("−", "Smaller, key -", () => viewer.zoom(0.8)),
    size,
    button("+", "Larger, key +", () => viewer.zoom(1.25)),
    button("Fit", "Fit to the window, key Home", () => viewer.fit()),
    light, panel,
  );
  return {
    element,
    get brightness() { return set.brightness; },
    get contrast() { return set.contrast; },
    say(scale) {
      size.textContent = scale < 2 ? `${Math.round(scale * 100)} %` : `${Number(scale.toFixed(1))}×`;
    },
  };
}
