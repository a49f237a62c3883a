// Markdown: what is shown of a message, and its blocks.

const FENCE = /^(\s*)(`{3,}(?!.*`)|~{3,})\s*([\w+#.-]{0,30})/;
const HEADING = /^ {0,3}(#{1,6})(?:\s+|(?<=##)(?=[^\s#]))(.*)/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const QUOTE = /^ {0,3}>/;
const ITEM = /^(\s*(?:[-*+]|(\d{1,9})[.)])(?:\s{1,4}|$))(.*)/;
const INDENTED = /^(?: {4}| {0,3}\t)/;
// A heading's second line. Under prose, dashes are meant for a rule.
const UNDERLINE = /^ {0,3}=+\s*$/;
const DASHES = /^ {0,3}-{3,}\s*$/;
const PROSE = /[.,:;!?\u2026\u3002]\W*$/;
const DEFINITION =
  /^ {0,3}\[(?!\^)([^[\]]{1,100})\]:\s*(?:<([^<>]{1,2000})>|((?:https?:|mailto:|tel:|www\.|[.\/?#])\S{0,2000}))(?:\s+["'(].{0,300})?\s*$/i;
// Quotes and lists in each other; what is deeper is shown flat.
const DEEPEST = 6;
const MOST_BLOCKS = 500;
// What goes on behind them is another block.
const MOST_ROWS = 100;
const MOST_COLUMNS = 12;
// Characters of one paragraph; a longer one is shown as plain text.
const LONGEST_INLINE = 20000;

// Where links of the message that is being shown lead, by their names; and which of these were asked for.
let targets = new Map();
let asked = new Set();

/** Blocks that have not changed since the last time keep their elements, and those that nothing behind them can change are
    not looked at again. `isOpen`: more is coming. */
function showMarkdown(target, text, isOpen = false) {
  const state = (target.shown = target.shown || { from: 0, kept: 0, keys: [], targets: new Map(), asked: new Set() });
  const rest = text.slice(state.from).replace(/\r(?!\n)/g, "\n");
  const raw = (isOpen ? settled(rest) : rest).split("\n");
  const blocks = split(raw.map((line) => line.replace(/\r$/, "")), MOST_BLOCKS - state.kept);
  if (isOpen) closeMarks(blocks);
  if (define(isOpen ? blocks.slice(0, -1) : blocks, state)) {
    Object.assign(state, { from: 0, kept: 0, keys: [] });
    target.replaceChildren();
    return showMarkdown(target, text, isOpen);
  }
  const keys = blocks.map((block) => `${block.kind}\n${block.lines.join("\n")}`);
  let same = 0;
  while (same < keys.length && state.keys[same] === keys[same]) same++;
  while (target.childNodes.length > state.kept + same) target.lastChild.remove();
  ({ targets, asked } = state);
  target.append(...blocks.slice(same).map((block) => build(block, 0)));
  const final = Math.max(blocks.length - 2, 0);
  if (final) state.from += raw.slice(0, blocks[final].at).reduce((sum, line) => sum + line.length + 1, 0);
  state.kept += final;
  state.keys = keys.slice(final);
}

/** Whether there are new names of links, which blocks before them may ask for. */
function define(blocks, { targets: known }) {
  const before = known.size;
  for (const { kind, lines } of blocks) {
    const [, name, angled, bare] = (kind === "definition" && DEFINITION.exec(lines[0])) || [];
    if (name && !known.has(named(name))) known.set(named(name), angled || bare);
  }
  return known.size > before;
}

function named(label) {
  return label.trim().replace(/\s+/g, " ").toLowerCase();
}

function reference(label) {
  const name = named(label);
  if (targets.has(name)) asked.add(name);
  return targets.get(name);
}

// ---------------------------------------------------------------- an answer that is being written

/** Without what may still become anything: a last line of nothing but marks, a mark or half a link at the end. */
function settled(text) {
  const start = text.lastIndexOf("\n") + 1;
  const line = text.slice(start);
  if (/^(?:[-\s>+*_=#|:~`.)\d]{0,60}| {0,3}\[[^[\]]{1,100}\]:\s*\S*)$/.test(line)) return text.slice(0, start);
  const half =
    /(?:\\|&#?\w{0,31}|<[^<>\s]{0,300}|[*_~`]{1,3}|!?\[[^[\]]{0,300}(?:\](?:\([^\s()]{0,300})?)?)$/.exec(line.slice(-700));
  return half ? text.slice(0, text.length - half[0].length) : text;
}

/** What is bold or code will be so when its end comes; the first line of a table is none without the second. */
function closeMarks(blocks) {
  const { kind, lines } = blocks[blocks.length - 1] || { kind: "code" };
  if (kind === "code" || kind === "indented") return;
  const last = lines.pop();
  const prose = last.replace(/`[^`]*`/g, "");
  if (kind === "paragraph" && /^\s*\|/.test(last)) lines.length || blocks.pop();
  else if (prose.includes("`")) lines.push(`${last}\``);
  else if (/(?:^|[\s(>|])\*\*[^\s*][^*]*$/.test(prose)) lines.push(`${last.trimEnd()}**`);
  else lines.push(last);
}

// ---------------------------------------------------------------- where blocks begin and end

function split(lines, most = MOST_BLOCKS) {
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (!lines[at].trim()) {
      at++;
      continue;
    }
    const enough = blocks.length >= most;
    let kind = enough ? "paragraph" : kindOf(lines[at], lines[at + 1]);
    let end = enough ? lines.length : endOf(kind, lines, at);
    if (kind === "paragraph" && !enough && isTitle(lines, at, end)) [kind, end] = ["underlined", end + 1];
    blocks.push({ kind, lines: lines.slice(at, end), at });
    at = end;
  }
  return blocks;
}

function kindOf(line, next) {
  if (FENCE.test(line)) return "code";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (QUOTE.test(line)) return "quote";
  if (ITEM.test(line)) return "list";
  if (DEFINITION.test(line)) return "definition";
  if (line.includes("|") && next !== undefined && isDelimiter(next)) return "table";
  if (INDENTED.test(line)) return "indented";
  return "paragraph";
}

function isTitle(lines, at, end) {
  if (end >= lines.length) return false;
  return UNDERLINE.test(lines[end]) || (DASHES.test(lines[end]) && end === at + 1 && !PROSE.test(lines[at]));
}

/** The index behind the block's last line. */
function endOf(kind, lines, at) {
  if (["heading", "rule", "definition"].includes(kind)) return at + 1;
  if (kind === "code") return endOfCode(lines, at);
  if (kind === "list") return endOfList(lines, at);
  let end = kind === "table" ? at + 2 : at + 1;
  while (end < lines.length && goesOn(kind, lines, end, end - at)) end++;
  return end;
}

function goesOn(kind, lines, index, count) {
  const line = lines[index];
  if (kind === "indented") return INDENTED.test(line) || (!line.trim() && INDENTED.test(lines[index + 1] || ""));
  if (!line.trim()) return false;
  if (kind === "quote") return QUOTE.test(line);
  if (kind === "table") return line.includes("|") && count < MOST_ROWS + 2;
  return !UNDERLINE.test(line) && goesOnAsParagraph(line, lines[index + 1]);
}

function goesOnAsParagraph(line, next) {
  return ["paragraph", "indented"].includes(kindOf(line, next));
}

/** An open fence reaches to the end, so code looks like code while it is being written. */
function endOfCode(lines, at) {
  const fence = FENCE.exec(lines[at])[2];
  const closes = (line) => line.trim().startsWith(fence) && !line.split(fence[0]).join("").trim();
  const length = lines.slice(at + 1).findIndex(closes);
  return length < 0 ? lines.length : at + length + 2;
}

function endOfList(lines, at) {
  const indent = indentOf(lines[at]);
  let end = at + 1;
  for (; end < Math.min(lines.length, at + MOST_ROWS); end++) {
    // Empty lines do not end a list; what is behind them may.
    const next = lines.slice(end, end + MOST_ROWS).findIndex((line) => line.trim());
    if (next < 0) break;
    const line = lines[end + next];
    if (indentOf(line) > indent) continue;
    const sameList = kindOf(line) === "list" && isOrdered(line) === isOrdered(lines[at]);
    const sameParagraph = goesOnAsParagraph(line) && !next && lines[end - 1].trim();
    if (!sameList && !sameParagraph) break;
  }
  return end;
}

function indentOf(line) {
  return line.search(/\S|$/);
}

function isOrdered(item) {
  return Boolean(ITEM.exec(item)[2]);
}

function isDelimiter(line) {
  return line.includes("-") && line.includes("|") && cells(line).every((cell) => /^:?-+:?$/.test(cell));
}

function cells(line) {
  const inner = line.trim().replace(/\\\|/g, "\0").replace(/^\|/, "").replace(/\|$/, "");
  return inner.split("|").map((cell) => cell.trim().replace(/\0/g, "|"));
}
