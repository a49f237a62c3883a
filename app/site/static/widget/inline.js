// Markdown: within a paragraph.

// Every repetition is bounded, so that no text makes the search slow.
const PAIR = '\\([^\\s()<>"`]{0,300}\\)';
const TITLE = "(?:\"[^\"\\n]{0,300}\"|'[^'\\n]{0,300}'|\\([^()\\n]{0,300}\\))";
const INLINE = [
  "\\\\\\((?<math>[^]{1,1000}?)\\\\\\)",
  "\\\\\\[(?<display>[^]{1,2000}?)\\\\\\]",
  "\\$\\$(?<dollars>[^$]{1,2000})\\$\\$",
  "(?<![\\w$])\\$(?<dollar>[^\\s$](?:[^$\\n]{0,200}[^\\s$])?)\\$(?![\\w$])",
  "\\\\(?<escaped>[!-\\/:-@[-`{-~])",
  "&(?<entity>#\\d{1,7}|#x[\\da-f]{1,6}|[a-z][a-z\\d]{1,31});",
  "(?<ticks>`{1,3})(?!`)(?<code>[^]{1,500}?)\\k<ticks>(?!`)",
  "(?<image>!?)\\[(?<label>(?:[^[\\]\\\\]|\\\\[^]|\\[[^[\\]]{0,200}\\]){0,300})\\]" +
    `(?:\\(\\s?(?:<(?<angled>[^<>\\n]{1,2000})>|(?<tel>tel:\\+?[-\\d()./ ]{2,40})|` +
    `(?<target>(?:[^\\s()<>]|${PAIR}){1,2000}))(?:\\s{1,3}${TITLE})?\\s?\\)|` +
    `\\((?<spaced>(?:https?:\\/\\/|\\/)[^()<>"\\n]{1,500})\\)|(?:\\[(?<ref>[^[\\]]{0,100})\\])?)`,
  "<(?<auto>(?:https?:\\/\\/|mailto:|tel:|www\\.)[^\\s<>]{1,2000}|[\\w.+-]{1,64}@[^\\s<>@]{1,255})>",
  "(?<bare>(?:https?:\\/\\/|(?<![\\w.@\\/-])www\\.)(?=[\\p{L}\\p{N}[])(?:[^\\s<>\"`\\\\|]|\\\\_){1,2000})",
  "(?<![\\w.+@\\/-])(?<mail>(?:mailto:)?[\\w.+-]{1,64}@(?:[a-z\\d](?:[a-z\\d-]{0,61}[a-z\\d])?\\.){1,8}[a-z]{2,24})" +
    "(?![\\w@-]|:[\\w\\/])",
  "(?<br><\\/?br\\s{0,3}\\/?>)",
  "(?<comment><!--[^]{0,2000}?-->)",
  "<a\\s[^<>]{0,300}?href=(?<quote>[\"'])(?<href>[^\"'<>]{1,2000})\\k<quote>[^<>]{0,300}>(?<anchor>[^]{0,300}?)<\\/a>",
  "<(?<list>[uo]l)>(?<items>[^]{0,2000}?)<\\/\\k<list>>",
  "<(?<tag>b|i|u|s|strong|em|del|sub|sup|kbd|mark)>(?<tagText>[^]{0,1000}?)<\\/\\k<tag>>",
  "(?<strong>\\*\\*|__)(?=\\S)(?<strongText>[^]{0,1000}?\\S)\\k<strong>(?!\\*)",
  "(?<em>[*_])(?=[^\\s*_])(?<emText>[^]{0,1000}?[^\\s*_])\\k<em>(?![*_])",
  "~~(?=[^\\s~])(?<struck>[^]{0,1000}?[^\\s~])~~(?!~)",
].join("|");

// Whether the paragraph, which is read in pieces, has letters from right to left.
let isolates = false;
// The deepest level, where there are no links.
const IN_LINK = 3;

/** A fragment of text and the elements of the whitelist. */
function inline(text, depth = 0) {
  const fragment = document.createDocumentFragment();
  const pattern = new RegExp(INLINE, "giu");
  if (!depth) isolates = RIGHT_TO_LEFT.test(text);
  let plain = 0;
  const readable = depth <= IN_LINK && text.length <= LONGEST_INLINE;
  for (let match; readable && (match = pattern.exec(text)); ) {
    const element = inlineElement(match, text, depth, pattern);
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
  text.split("\n").forEach((line, index) => fragment.append(...(index ? [make("br")] : []), ...withNumbers(line, isolates)));
}

/** Null: it is plain text after all. A bare address may be shorter than what was found. */
function inlineElement(match, text, depth, pattern) {
  const found = match.groups;
  // A dollar on either side may be money.
  if (found.dollar && !/[\\^_{}]|^[a-z]$/i.test(found.dollar)) return null;
  const formula = found.math || found.display || found.dollars || found.dollar;
  if (formula && isMath(formula)) return make("code", { dir: "ltr" }, formula.trim());
  if (formula) return bracket(match, pattern);
  if (found.escaped) return found.escaped;
  if (found.entity) return character(found.entity);
  if (found.code) return make("code", { dir: "ltr" }, found.code.trim() || found.code);
  if (found.label !== undefined) return labelled(found, depth);
  if (found.auto || found.bare || found.mail) return depth < IN_LINK ? plainLink(match, text, pattern) : null;
  if (found.href) return depth < IN_LINK ? link(found.href, inline(found.anchor, IN_LINK)) : null;
  if (found.br) return make("br");
  if (found.comment) return "";
  if (found.list) return htmlList(found.list, found.items, depth);
  if (found.tag) return make(found.tag.toLowerCase(), {}, inline(found.tagText, depth + 1));
  if (found.struck) return make("del", {}, inline(found.struck, depth + 1));
  const around = (text[match.index - 1] || "") + (text[match.index + match[0].length] || "");
  // As in snake_case_names.
  if (match[0][0] === "_" && /[\p{L}\p{N}_]/u.test(around)) return null;
  if (found.strong) return make("strong", {}, inline(found.strongText, depth + 1));
  return make("em", {}, inline(found.emText, depth + 1));
}

/** The escaped one that is no formula's. */
function bracket(match, pattern) {
  pattern.lastIndex = match.index + 2;
  return match[0][0] === "\\" ? match[0][1] : null;
}

/** Or else its brackets are escaped, as some models do in prose. */
function isMath(text) {
  return /[\\^_={}]/.test(text) || (!/\p{L}{2}/u.test(text) && /[a-z+*\/<>-]/i.test(text));
}

/** [label](target), [label][reference], [reference], ![alt](target), and [^1]. */
function labelled({ image: mark, label, angled, tel, target, spaced, ref }, depth) {
  const to = angled || tel || target || spaced || reference(ref || label);
  if (!to) return /^\^\d{1,3}$/.test(label) && !mark ? make("sup", {}, label.slice(1)) : null;
  if (mark) return image(to, unescaped(label)) || (depth < IN_LINK ? link(to, unescaped(label) || to) : unescaped(label));
  return depth < IN_LINK ? link(to, inline(label || to, IN_LINK)) : null;
}

function plainLink(match, text, pattern) {
  const { auto, bare, mail } = match.groups;
  const before = text[match.index - 1] || "";
  if (auto) return link(auto, unescaped(auto));
  // It would begin in the middle of a word.
  if (mail) return /\p{sc=Latin}/u.test(before) ? null : link(mail, mail);
  const found = addressIn(bare, before);
  pattern.lastIndex = match.index + found.length;
  return link(found, unescaped(found));
}

/** Tables have no other way to say it. */
function htmlList(kind, text, depth) {
  const items = text.replace(/<\/li>/gi, "").split(/<li>/i).filter((each) => each.trim());
  return make(kind.toLowerCase(), {}, ...items.map((each) => make("li", {}, inline(each.trim(), depth + 1))));
}
