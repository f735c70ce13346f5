// Random fast input to the page, and a record of its own of what was on the screen: read from
// the document at each frame, not from what the page believes.
//
// arguments: seed, kind of input ("keys" or "typing"), events to make now

const [seed, kind, many] = arguments;
const watch = (window.fuzz ??= begin());
return run();

function begin() {
  const found = { seen: null, since: 0, now: null, posts: [], wrong: [], events: 0, refused: 0 };
  const look = (time) => {
    const there = onScreen();
    if (there !== found.seen) { found.seen = there; found.since = time; }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  new MutationObserver(() => {
    if (document.getElementById("said").textContent.includes("Not taken")) found.refused += 1;
  }).observe(document.getElementById("said"), { childList: true, characterData: true, subtree: true });
  const decode = HTMLImageElement.prototype.decode;
  HTMLImageElement.prototype.decode = async function late() {
    await new Promise((go) => setTimeout(go, Math.random() * 800));
    return decode.call(this);
  };
  const real = window.fetch;
  window.fetch = async (path, how) => {
    const post = how?.method === "POST" && /^(answer|undo)$/.test(path);
    const mine = post ? posted(found, path, JSON.parse(how.body)) : null;
    await new Promise((go) => setTimeout(go, Math.random() * 60));
    if (Math.random() < 0.02) throw new TypeError("the network is away");
    const answer = await real(path, how);
    if (mine) mine.ok = answer.ok;
    return answer;
  };
  return found;
}

/** What names the sample that a person sees: its picture's address or its text. */
function onScreen() {
  const image = document.querySelector("#sample .plane img");
  if (image) return image.complete && image.naturalWidth ? image.getAttribute("src") : null;
  return document.querySelector("#sample > p")?.textContent ?? null;
}

function posted(found, path, body) {
  const again = found.posts.find((one) => one.text === JSON.stringify([path, body]) && !one.ok);
  if (again) return again;  // it did not get through
  const cause = found.now;
  const age = performance.now() - found.since;
  const post = { path, body, text: JSON.stringify([path, body]), ok: false, seen: found.seen,
    now: onScreen(), age };
  found.posts.push(post);
  const wrong = (why) => found.wrong.push({ why, ...post, cause });
  if (!cause) wrong("nobody did anything");
  else if (path === "answer") {
    if (cause.repeat) wrong("a key that was held");
    if (post.now === null || post.seen !== post.now || age < 100) wrong("the sample had not been seen");
    if (cause.busy) wrong("something was on its way");
    const said = body.skip ? "skip" : body.label;
    if (said !== cause.means) wrong(`that means ${cause.means}`);
  }
  return post;
}

async function run() {
  let state = seed;
  const random = () => { state = (state * 1664525 + 1013904223) % 4294967296; return state / 4294967296; };
  const one = (list) => list[Math.floor(random() * list.length)];
  if (!watch.events) await new Promise((go) => setTimeout(go, 300));  // it has seen something
  for (let n = 0; n < many; n += 1) {
    event(random, one);
    watch.events += 1;
    if (random() < 0.25) await new Promise((go) => setTimeout(go, random() * 30));
  }
  return { posts: watch.posts, wrong: watch.wrong, events: watch.events, refused: watch.refused };
}

function event(random, one) {
  const what = random();
  if (what < 0.1) { click(one); return; }
  const typing = [..."abcdefrs_ ", "Enter", "Enter", "ArrowDown", "1", "2", "9", "Backspace"];
  const keys = [..."0123456789", "Enter", "x", " ", "ArrowRight"];
  const key = what < 0.15 ? "Backspace" : what < 0.18 ? "Escape" : one(kind === "keys" ? keys : typing);
  press(key, random() < 0.2);
}

/** What a key means by what is on the screen. */
function meaning(key, repeat) {
  const button = (css) => document.querySelector(`#choices button${css}`)?.dataset.name ?? null;
  if (repeat) return null;
  if (key === "Escape") return document.getElementById("filter")?.value ? null : "skip";
  if (key === "Enter") return button(".first");
  return button(`[aria-keyshortcuts="${CSS.escape(key)}"]`);
}

function press(key, repeat) {
  const filter = document.getElementById("filter");
  const target = filter?.isConnected ? filter : document.activeElement;
  watch.now = { key, repeat, means: meaning(key, repeat) };
  const down = new KeyboardEvent("keydown", { key, repeat, bubbles: true, cancelable: true });
  const typed = target.dispatchEvent(down);
  if (typed && target === filter && (key.length === 1 || key === "Backspace")) {
    filter.value = key === "Backspace" ? filter.value.slice(0, -1) : filter.value + key;
    filter.dispatchEvent(new Event("input", { bubbles: true }));
  }
  watch.now = null;
}

function click(one) {
  const buttons = [...document.querySelectorAll("#choices button, #skip, #undo")];
  const button = one(buttons.filter((each) => each.getClientRects().length && !each.disabled));
  if (!button) return;
  watch.now = { means: button.dataset.name ?? button.id };
  button.click();
  watch.now = null;
}
