// Instructions: the part of Markdown that they need, made of elements; no markup is let through.

import { made } from "./made.js";

/** An element with headings, paragraphs, lists, quotes, code, bold, italics and links as text. */
export function drawMarkdown(text) {
  const box = made("div", { className: "markdown", dir: "auto" });
  let list = null, code = null, lines = [];
  const flush = () => {
    if (lines.length) box.append(made("p", {}, ...inline(lines.join(" "))));
    lines = [];
  };
  const end = () => { flush(); list = null; };
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*```/.test(line)) {
      end();
      code = code ? null : box.appendChild(made("pre"));
    } else if (code) {
      code.append(`${line}\n`);
    } else if (!line.trim()) {
      end();
    } else {
      const heading = /^(#{1,4})\s+(.*)$/.exec(line), item = /^\s*(?:([-*+])|\d+[.)])\s+(.*)$/.exec(line);
      const quote = /^>\s?(.*)$/.exec(line);
      if (heading) {
        end();
        box.append(made(heading[1].length < 2 ? "h3" : "h4", {}, ...inline(heading[2])));
      } else if (item) {
        flush();
        const name = item[1] ? "UL" : "OL";
        if (list?.tagName !== name) list = box.appendChild(made(name.toLowerCase()));
        list.append(made("li", {}, ...inline(item[2])));
      } else if (quote) {
        end();
        box.append(made("blockquote", {}, ...inline(quote[1])));
      } else if (list && /^\s/.test(line)) {
        list.lastChild.append(" ", ...inline(line.trim()));
      } else {
        list = null;
        lines.push(line.trim());
      }
    }
  }
  end();
  return box;
}

function inline(text) {
  const found = [];
  const pattern = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\b_([^_]+)_\b|!?\[([^\]]*)\]\(([^)\s]*)\)/g;
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    found.push(text.slice(done, match.index));
    const [whole, code, bold, star, under, words, address] = match;
    if (code) found.push(made("code", { textContent: code }));
    else if (bold) found.push(made("strong", { textContent: bold }));
    else if (star ?? under) found.push(made("em", { textContent: star ?? under }));
    else found.push(words && address ? `${words} (${address})` : words || address);
    done = match.index + whole.length;
  }
  return [...found, text.slice(done)];
}
