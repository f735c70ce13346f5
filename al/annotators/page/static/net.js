// Talking to the server: what it has not confirmed is sent again until it has.

/** What a proxy answers while the server behind it is away. */
const AWAY = [502, 503, 504];
const box = document.getElementById("trouble");

/** Say what is wrong; "" where nothing is. What is calm needs nobody to act. */
export function trouble(text, calm = false) {
  box.classList.toggle("calm", calm);
  box.textContent = text;
  box.hidden = text === "";
}

/** What the server says: of a GET, or of a POST where there is a body. Throws what it refuses. */
export async function ask(path, body) {
  for (;;) {
    let answer;
    try {
      answer = await fetch(path, body === undefined ? { cache: "no-store" } : {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      });
      if (AWAY.includes(answer.status)) throw new Error("a proxy says that the server is away");
    } catch {
      if (body === undefined) {  // nothing of this person is unsent, and a training may be why
        trouble("Nothing is served just now: the command learns from the answers, or has ended. "
          + "This page goes on by itself when it is served again.", true);
      } else {
        trouble("The page's server is away. What you said last is sent again until it is kept; "
          + "start the same command again, and this page goes on.");
      }
      await new Promise((go) => setTimeout(go, 1000));
      continue;
    }
    const found = await answer.json().catch(() => ({ error: `answer ${answer.status}` }));
    if (answer.status === 429) {
      trouble(found.error);
      await new Promise((go) => setTimeout(go, 1000));
      continue;
    }
    trouble("");
    if (!answer.ok) throw new Error(found.error || `answer ${answer.status}`);
    return found;
  }
}
