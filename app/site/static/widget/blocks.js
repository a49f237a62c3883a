// Markdown: the elements of blocks.

const BUILDERS = {
  ...{ paragraph, heading, underlined, code, indented, quote, list, table, definition },
  rule: () => make("hr"),
};

function build({ kind, lines }, depth) {
  if (depth > DEEPEST) return paragraph(lines.map((line) => line.replace(/^[>\s]+/, "")));
  return BUILDERS[kind](lines, depth);
}

/** A place without an element where nothing is to be seen, such as for a comment. */
function paragraph(lines) {
  const trimmed = lines.map((line, index) => (index < lines.length - 1 ? line.replace(/(?<!\\)\\$/, "") : line).trim());
  const text = inline(trimmed.join("\n"));
  const isEmpty = !text.textContent.trim() && !text.firstElementChild;
  return isEmpty ? document.createComment("") : make("p", { dir: "auto" }, text);
}

/** All on one level, since models begin on any; the sizes differ. */
function heading([line]) {
  const [, marks, text] = HEADING.exec(line);
  const shown = text.replace(/(?:^|\s)#+\s*$/, "").trim();
  return make("h3", { className: marks.length < 3 ? "large" : "", dir: "auto" }, inline(shown));
}

/** With its underline. */
function underlined(lines) {
  const text = lines.slice(0, -1).map((line) => line.trim());
  return make("h3", { className: "large", dir: "auto" }, inline(text.join("\n")));
}

/** Seen where nobody has asked for it, so that nothing that was said is lost. */
function definition([line]) {
  return asked.has(named(DEFINITION.exec(line)[1])) ? document.createComment("") : paragraph([`\\${line.trim()}`]);
}

function quote(lines, depth) {
  const inner = split(lines.map((line) => line.replace(/^ {0,3}> ?/, "")));
  return make("blockquote", {}, ...inner.map((block) => build(block, depth + 1)));
}

function list(given, depth) {
  const lines = given.map((line) => line.replace(/^\s+/, (blanks) => blanks.replace(/\t/g, "    ")));
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
  const built = items.map((inner) => listItem(inner, depth));
  const first = ITEM.exec(lines[0])[2];
  return first ? make("ol", { dir: "auto", start: first }, ...built) : make("ul", { dir: "auto" }, ...built);
}

function listItem([first, ...more], depth) {
  const task = /^\[([ xX])\]\s+(?=\S)/.exec(first);
  const text = task ? `${task[1] === " " ? "\u2610" : "\u2611"} ${first.slice(task[0].length)}` : first;
  const blocks = split([text, ...more]);
  const built = blocks.map((block) => build(block, depth + 1));
  if (blocks.length && blocks[0].kind === "paragraph") built.splice(0, 1, ...built[0].childNodes);
  return make("li", task ? { className: "task" } : {}, ...built);
}

function code(lines) {
  const [, indent, fence, language] = FENCE.exec(lines[0]);
  const closed = lines.length > 1 && lines[lines.length - 1].trim().startsWith(fence);
  const inner = lines.slice(1, closed ? -1 : undefined);
  return codeBlock(inner.map((line) => line.slice(Math.min(indentOf(line), indent.length))), language);
}

function indented(lines) {
  return codeBlock(lines.map((line) => line.replace(INDENTED, "")), "");
}

function codeBlock(lines, language) {
  const text = lines.join("\n");
  const button = make("button", { type: "button", className: "copy", onclick: () => copy(text, button) }, words.copy);
  const bar = make("div", { className: "bar" }, make("span", {}, language), button);
  return make("div", { className: "code", dir: "ltr" }, bar, make("pre", { tabIndex: 0 }, make("code", {}, text)));
}

function table([head, delimiter, ...rows]) {
  const width = Math.min(cells(head).length, MOST_COLUMNS);
  const sides = cells(delimiter).map((cell) => (/:$/.test(cell) ? (cell[0] === ":" ? "centered" : "ending") : ""));
  const row = (tag) => (line) => {
    const found = cells(line);
    const cell = (_, index) => {
      const side = sides[index] ? { className: sides[index] } : {};
      return make(tag, { dir: "auto", ...side }, inline(found[index] || ""));
    };
    return make("tr", {}, ...Array.from({ length: width }, cell));
  };
  const body = make("tbody", {}, ...rows.map(row("td")));
  // Tables of documents often have none, which Markdown can only say with an empty one.
  const named = /[^|\s]/.test(head) ? [make("thead", {}, row("th")(head))] : [];
  const inner = make("table", {}, ...named, body);
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
