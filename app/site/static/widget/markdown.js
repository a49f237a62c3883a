// Markdown: blocks.

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]{0,30})/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)/;
const RULE = /^ {0,3}([-*_])( *\1){2,} *$/;
const QUOTE = /^ {0,3}>/;
const ITEM = /^(\s*(?:[-*+]|(\d{1,9})[.)])(?:\s{1,4}|$))(.*)/;
// Quotes and lists in each other; what is deeper is shown flat.
const DEEPEST = 6;
const MOST_BLOCKS = 500;
// What goes on behind them is another block.
const MOST_ROWS = 100;
const MOST_COLUMNS = 12;
// Characters of one paragraph; a longer one is shown as plain text.
const LONGEST_INLINE = 20000;

/** Blocks that have not changed since the last time keep their elements. */
function showMarkdown(target, text) {
  const blocks = split(text.replace(/\r\n?/g, "\n").split("\n"));
  const keys = blocks.map((block) => `${block.kind}\n${block.lines.join("\n")}`);
  const shown = target.shownKeys || [];
  let same = 0;
  while (same < shown.length && shown[same] === keys[same]) same++;
  while (target.childNodes.length > same) target.lastChild.remove();
  target.append(...blocks.slice(same).map((block) => build(block, 0)));
  target.shownKeys = keys;
}

function split(lines) {
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (!lines[at].trim()) {
      at++;
      continue;
    }
    const enough = blocks.length === MOST_BLOCKS;
    const kind = enough ? "paragraph" : kindOf(lines[at], lines[at + 1]);
    const end = enough ? lines.length : endOf(kind, lines, at);
    blocks.push({ kind, lines: lines.slice(at, end) });
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
  if (line.includes("|") && next !== undefined && isDelimiter(next)) return "table";
  return "paragraph";
}

/** The index behind the block's last line. */
function endOf(kind, lines, at) {
  if (kind === "heading" || kind === "rule") return at + 1;
  if (kind === "code") return endOfCode(lines, at);
  if (kind === "list") return endOfList(lines, at);
  let end = kind === "table" ? at + 2 : at + 1;
  while (end < lines.length && goesOn(kind, lines, end, end - at)) end++;
  return end;
}

function goesOn(kind, lines, index, count) {
  const line = lines[index];
  if (!line.trim()) return false;
  if (kind === "quote") return QUOTE.test(line);
  if (kind === "table") return line.includes("|") && count < MOST_ROWS + 2;
  return kindOf(line, lines[index + 1]) === "paragraph";
}

/** An open fence reaches to the end, so code looks like code while it is being written. */
function endOfCode(lines, at) {
  const fence = FENCE.exec(lines[at])[1];
  const closes = (line) => line.trim().startsWith(fence) && !line.split(fence[0]).join("").trim();
  const length = lines.slice(at + 1).findIndex(closes);
  return length < 0 ? lines.length : at + length + 2;
}

function endOfList(lines, at) {
  const indent = indentOf(lines[at]);
  let end = at + 1;
  for (; end < Math.min(lines.length, at + MOST_ROWS); end++) {
    // One empty line does not end a list.
    const line = lines[end].trim() ? lines[end] : lines[end + 1];
    if (line === undefined || !line.trim()) break;
    if (indentOf(line) > indent) continue;
    const kind = kindOf(line);
    const sameList = kind === "list" && isOrdered(line) === isOrdered(lines[at]);
    const sameParagraph = kind === "paragraph" && lines[end].trim() && lines[end - 1].trim();
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

function build({ kind, lines }, depth) {
  if (depth > DEEPEST) return paragraph(lines.map((line) => line.replace(/^[>\s]+/, "")));
  return BUILDERS[kind](lines, depth);
}

const BUILDERS = { paragraph, heading, code, quote, list, table, rule: () => make("hr") };

function paragraph(lines) {
  return make("p", { dir: "auto" }, inline(lines.map((line) => line.trim()).join("\n")));
}

/** All on one level, since models begin on any; the sizes differ. */
function heading([line]) {
  const [, marks, text] = HEADING.exec(line);
  return make("h3", { className: marks.length < 3 ? "large" : "", dir: "auto" }, inline(text.trim()));
}

function quote(lines, depth) {
  const inner = split(lines.map((line) => line.replace(/^ {0,3}> ?/, "")));
  return make("blockquote", {}, ...inner.map((block) => build(block, depth + 1)));
}

function list(lines, depth) {
  const indent = indentOf(lines[0]);
  const items = [];
  let width = 0;
  for (const line of lines) {
    const item = indentOf(line) <= indent && ITEM.exec(line);
    if (item) {
      width = item[1].length;
      items.push([item[3]]);
    } else items[items.length - 1].push(line.slice(Math.min(indentOf(line), width)));
  }
  const built = items.map((inner) => listItem(split(inner), depth));
  const first = ITEM.exec(lines[0])[2];
  return first ? make("ol", { dir: "auto", start: first }, ...built) : make("ul", { dir: "auto" }, ...built);
}

function listItem(blocks, depth) {
  const built = blocks.map((block) => build(block, depth + 1));
  if (blocks.length && blocks[0].kind === "paragraph") built.splice(0, 1, ...built[0].childNodes);
  return make("li", {}, ...built);
}

function code(lines) {
  const [, fence, language] = FENCE.exec(lines[0]);
  const closed = lines.length > 1 && lines[lines.length - 1].trim().startsWith(fence);
  const text = lines.slice(1, closed ? -1 : undefined).join("\n");
  const button = make("button", { type: "button", className: "copy", onclick: () => copy(text, button) }, words.copy);
  const bar = make("div", { className: "bar" }, make("span", {}, language), button);
  return make("div", { className: "code", dir: "ltr" }, bar, make("pre", { tabIndex: 0 }, make("code", {}, text)));
}

function table([head, , ...rows]) {
  const width = Math.min(cells(head).length, MOST_COLUMNS);
  const row = (tag) => (line) => {
    const found = cells(line);
    const shown = Array.from({ length: width }, (_, index) => inline(found[index] || ""));
    return make("tr", {}, ...shown.map((text) => make(tag, { dir: "auto" }, text)));
  };
  const body = make("tbody", {}, ...rows.map(row("td")));
  const inner = make("table", {}, make("thead", {}, row("th")(head)), body);
  return make("div", { className: "table", tabIndex: 0 }, inner);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Clipboard exists on https only, and may be forbidden.
    copyByHand(button);
  }
  button.textContent = words.copied;
  say(words.copied);
  setTimeout(() => (button.textContent = words.copy), 2000);
}

function copyByHand(button) {
  getSelection().selectAllChildren(button.closest(".code").querySelector("code"));
  document.execCommand("copy");
}
