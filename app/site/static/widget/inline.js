// Markdown: within a paragraph.

// Every repetition is bounded, so that no text makes the search slow.
const IN_URL = "[^\\s()<>\"`]";
// Within an address, as in many an encyclopedia's.
const PAIR = `\\(${IN_URL}{0,300}\\)`;
const INLINE = [
  "\\\\(?<escaped>[!-/:-@[-`{-~])",
  "(?<ticks>`{1,3})(?!`)(?<code>[^]{1,500}?)\\k<ticks>(?!`)",
  "(?<image>!?)\\[(?<label>[^[\\]]{0,300})\\]" +
    `\\((?:<(?<angled>[^<>\\n]{1,2000})>|(?<target>(?:[^\\s()<>]|${PAIR}){1,2000}))(?:\\s"[^"\\n]{0,200}")?\\)`,
  "<(?<auto>(?:https?:\\/\\/|mailto:)[^\\s<>]{1,2000})>",
  `(?<bare>https?:\\/\\/(?:${IN_URL}|${PAIR}){0,2000}(?:[^\\s<>"\`.,;:!?()*_'\\]]|${PAIR}))`,
  "(?<strong>\\*\\*|__)(?=\\S)(?<strongText>[^]{0,1000}?\\S)\\k<strong>(?!\\*)",
  "(?<em>[*_])(?=[^\\s*_])(?<emText>[^]{0,1000}?[^\\s*_])\\k<em>(?![*_])",
].join("|");

// The deepest level, where there are no links.
const IN_LINK = 3;

/** A fragment of text and the elements of the whitelist. */
function inline(text, depth = 0) {
  const fragment = document.createDocumentFragment();
  const pattern = new RegExp(INLINE, "g");
  let plain = 0;
  const readable = depth <= IN_LINK && text.length <= LONGEST_INLINE;
  for (let match; readable && (match = pattern.exec(text)); ) {
    const element = inlineElement(match, text, depth);
    if (element === null) pattern.lastIndex = match.index + 1;
    else {
      appendText(fragment, text.slice(plain, match.index));
      fragment.append(element);
      plain = pattern.lastIndex;
    }
  }
  appendText(fragment, text.slice(plain));
  return fragment;
}

function appendText(fragment, text) {
  text.split("\n").forEach((line, index) => fragment.append(...(index ? [make("br"), line] : [line])));
}

/** Null: it is plain text after all. */
function inlineElement(match, text, depth) {
  const found = match.groups;
  if (found.escaped) return found.escaped;
  if (found.code) return make("code", { dir: "ltr" }, found.code.trim() || found.code);
  const target = found.target || found.angled;
  if (found.image) return image(target, found.label) || link(target, found.label || target);
  if (target) return link(target, inline(found.label || target, IN_LINK));
  const url = found.auto || found.bare;
  if (url) return depth < IN_LINK ? link(url, url) : null;
  const around = (text[match.index - 1] || "") + (text[match.index + match[0].length] || "");
  // As in snake_case_names.
  if (match[0][0] === "_" && /[\p{L}\p{N}_]/u.test(around)) return null;
  if (found.strong) return make("strong", {}, inline(found.strongText, depth + 1));
  return make("em", {}, inline(found.emText, depth + 1));
}

function link(target, label) {
  const href = address(target);
  if (!href || !/^(https?|mailto):/.test(href)) return null;
  return make("a", { href, target: "_blank", rel: "noopener nofollow noreferrer" }, label);
}

/** Only from hosts that the site names: an image is a request, and may carry the conversation away. */
function image(target, alt) {
  const href = address(target);
  if (!href || !/^https?:/.test(href) || !imageHosts.includes(new URL(href).host)) return null;
  return make("img", { alt, referrerPolicy: "no-referrer", loading: "lazy", src: href });
}
