// What the page says while there is nothing to answer: why, and what comes next.

const comes = "The next samples come by themselves.";

/** Title and note by the server's word for where the campaign stands; null where all is answered. */
export function waits({ phase, disputed, left }) {
  const review = !disputed ? ""
    : `${disputed} on which people disagree ${disputed === 1 ? "waits" : "wait"} for the reviewer.`;
  const rest = left > disputed ? "Others have the rest; what they leave comes here by itself." : "";
  return {
    others: ["Nothing for you now", [rest, review].filter(Boolean).join(" ")],
    learning: ["The model is learning", `It learns from the answers so far. ${comes}`],
    between: [null, `The model is about to learn from them. ${comes}`],
    ended: ["The campaign has ended", "Thank you. You can close this page."],
  }[phase] ?? [null, "The campaign goes on by itself, or with its next command."];
}

/** What others said of a sample that comes to the reviewer. */
export const disagreement = (votes) =>
  `People disagree: ${votes.map(([who, words]) => `${who} said ${words}`).join("; ")}.`;
