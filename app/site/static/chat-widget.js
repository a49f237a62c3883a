// Parlance's chat widget (docs/widget.md). No build step: browsers run this, without the lines that are comments. What a
// comment beside code says is sent to every page, so it is short.
//
// No string ever becomes markup (no innerHTML, no style or handler attributes), so nothing that a model says can run.
// Page and widget share nothing but `window.ParlanceChat`.
(() => {
  "use strict";

  const script = document.currentScript || document.querySelector("script[data-api-key]");
  // A second tag changes nothing.
  if (window.ParlanceChat || !script) return;

  // ---------------------------------------------------------------- words

  const WORDS = {
    __proto__: null,
    en: {
      title: "Chat", greeting: "Hello! How can I help you?", placeholder: "Write a message…",
      open: "Open the chat", close: "Close the chat", unread: "There is a new answer", messages: "Messages",
      send: "Send", stop: "Stop", retry: "Try again", clear: "New conversation", copy: "Copy", copied: "Copied",
      you: "You", answer: "Answer", typing: "The answer is being written", stopped: "Stopped.",
      limited: "That was a lot at once. You can go on in {seconds} s.", ready: "You can go on now.",
      broken: "The connection broke. This answer is not complete.",
      offline: "The chat cannot be reached at the moment.",
      busy: "There is a lot going on. Please try again in a moment.",
      refused: "The chat is not available here.", expired: "Your sign-in has ended. Please reload the page.",
      failed: "Something went wrong.",
    },
    de: {
      title: "Chat", greeting: "Hallo! Wie kann ich helfen?", placeholder: "Nachricht schreiben …",
      open: "Chat öffnen", close: "Chat schließen", unread: "Es gibt eine neue Antwort", messages: "Nachrichten",
      send: "Senden", stop: "Anhalten", retry: "Noch einmal", clear: "Neue Unterhaltung", copy: "Kopieren",
      copied: "Kopiert", you: "Sie", answer: "Antwort", typing: "Die Antwort wird geschrieben", stopped: "Angehalten.",
      limited: "Das war viel auf einmal. In {seconds} s geht es weiter.", ready: "Jetzt geht es weiter.",
      broken: "Die Verbindung ist abgebrochen. Diese Antwort ist unvollständig.",
      offline: "Der Chat ist gerade nicht erreichbar.",
      busy: "Gerade ist viel los. Bitte gleich noch einmal versuchen.",
      refused: "Der Chat steht hier nicht zur Verfügung.",
      expired: "Ihre Anmeldung ist abgelaufen. Bitte laden Sie die Seite neu.",
      failed: "Da ist etwas schiefgegangen.",
    },
    es: {
      title: "Chat", greeting: "¡Hola! ¿En qué puedo ayudarle?", placeholder: "Escriba un mensaje…",
      open: "Abrir el chat", close: "Cerrar el chat", unread: "Hay una respuesta nueva", messages: "Mensajes",
      send: "Enviar", stop: "Detener", retry: "Reintentar", clear: "Nueva conversación", copy: "Copiar",
      copied: "Copiado", you: "Usted", answer: "Respuesta", typing: "Se está escribiendo la respuesta",
      stopped: "Detenido.", limited: "Han sido muchos mensajes seguidos. Podrá continuar en {seconds} s.",
      ready: "Ya puede continuar.", broken: "Se cortó la conexión. Esta respuesta está incompleta.",
      offline: "No se puede conectar con el chat en este momento.",
      busy: "Hay mucha demanda. Inténtelo de nuevo en un momento.", refused: "El chat no está disponible aquí.",
      expired: "Su sesión ha caducado. Vuelva a cargar la página.", failed: "Algo ha salido mal.",
    },
    ar: {
      title: "محادثة", greeting: "مرحبًا! كيف يمكنني مساعدتك؟", placeholder: "اكتب رسالة…",
      open: "فتح المحادثة", close: "إغلاق المحادثة", unread: "هناك إجابة جديدة", messages: "الرسائل",
      send: "إرسال", stop: "إيقاف", retry: "حاول مرة أخرى", clear: "محادثة جديدة", copy: "نسخ", copied: "تم النسخ",
      you: "أنت", answer: "الإجابة", typing: "تجري كتابة الإجابة", stopped: "تم الإيقاف.",
      limited: "رسائل كثيرة دفعة واحدة. يمكنك المتابعة بعد {seconds} ث.", ready: "يمكنك المتابعة الآن.",
      broken: "انقطع الاتصال. هذه الإجابة غير مكتملة.", offline: "لا يمكن الوصول إلى المحادثة حاليًا.",
      busy: "الضغط كبير الآن. حاول مرة أخرى بعد لحظات.",
      refused: "المحادثة غير متاحة هنا.", failed: "حدث خطأ ما.",
      expired: "انتهت صلاحية تسجيل الدخول. يرجى إعادة تحميل الصفحة.",
    },
  };

  // ---------------------------------------------------------------- settings: the script tag's attributes

  const data = script.dataset;
  const wanted = [document.documentElement.lang, ...navigator.languages];
  const ownTexts = Object.keys(data).some((name) => name.startsWith("text"));
  const lang = spoken(data.lang) || wanted.find((each) => base(each) in WORDS) || "en";
  const words = chosenWords();
  const rtl = /^(ar|fa|he|ur)$/.test(base(lang));
  const side = ["left", "right"].includes(data.position) ? data.position : rtl ? "left" : "right";
  const imageHosts = (data.imageHosts || "").toLowerCase().split(/[\s,]+/).filter(Boolean);
  // That of a visitor for whom the site vouches.
  const token = (data.visitor || "").trim();
  const endpoint = address(data.endpoint || "/chat", data.endpoint ? document.baseURI : script.src);

  if (!data.apiKey) return complain("the script tag needs data-api-key, a widget key");
  if (!endpoint) return complain(`data-endpoint is no address: ${data.endpoint}`);
  if (token && !isToken(token)) return complain("data-visitor is no visitor's token");

  function base(language) {
    return language.toLowerCase().split("-")[0];
  }

  /** The language that is named, as far as there are words for it; English where there are none. */
  function spoken(language) {
    return language && (ownTexts || base(language) in WORDS ? language : "en");
  }

  /** The language's words, unless the tag has its own: data-text-NAME. An empty greeting is left out. */
  function chosenWords() {
    const own = { textTitle: data.title, textGreeting: data.greeting, ...data };
    const chosen = { ...(WORDS[base(lang)] || WORDS.en) };
    for (const name of Object.keys(chosen)) {
      const text = own[`text${name[0].toUpperCase()}${name.slice(1)}`];
      if (text !== undefined) chosen[name] = text;
    }
    return chosen;
  }

  function address(text, from) {
    try {
      return new URL(text, from).href;
    } catch {
      return null;
    }
  }

  function isToken(text) {
    return /^\d{1,11}\.[0-9a-f]{64}\.[\w.@:+-]{1,128}$/.test(text);
  }

  function complain(text) {
    console.error(`ParlanceChat: ${text}`);
  }

  // ---------------------------------------------------------------- events for the page

  const handlers = new Map(["open", "close", "send", "token", "answer", "error"].map((event) => [event, new Set()]));

  function handlersOf(event) {
    if (!handlers.has(event)) throw new TypeError(`ParlanceChat has no event "${event}"`);
    return handlers.get(event);
  }

  function tell(event, detail) {
    for (const handler of [...handlers.get(event)]) {
      try {
        handler(detail);
      } catch (error) {
        // A mistake of the page's must not end the answer.
        console.error(error);
      }
    }
  }

  // ---------------------------------------------------------------- memory: the session and what was said

  // Of visitors for whom the site vouches only the server keeps what was said. The browser knows nothing of them, but
  // for the session of a conversation that they have begun anew, until something is said in it.
  const MOST_MESSAGES = 60;
  const MOST_CHARACTERS = 200000;
  let visitor = token;
  // Storage is full or refused: the conversation lives as long as the page.
  let unsaved = false;
  let memory = remembered() || fresh();

  /** Each visitor has a place: the next one at a shared computer is another. */
  function place(whose = visitor) {
    return `parlance-chat:${data.apiKey}${whose ? whose.replace(/^\d+\.\w+\./, ":") : ""}`;
  }

  /** A conversation in which nothing was said. */
  function fresh() {
    return { sessionId: randomId(), messages: [] };
  }

  function randomId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** What localStorage holds, unless it is refused, empty or not ours. */
  function remembered() {
    try {
      const { sessionId, messages } = JSON.parse(localStorage.getItem(place()));
      if (!/^[\w.:-]{1,128}$/.test(sessionId)) return null;
      if (visitor) return { sessionId, messages: [] };
      const sound = messages.filter((each) => ["user", "bot"].includes(each.role) && typeof each.text === "string");
      return { sessionId, messages: fromQuestion(sound) };
    } catch {
      return null;
    }
  }

  /** A conversation begins with a question. */
  function fromQuestion(messages) {
    const first = messages.findIndex((each) => each.role === "user");
    return first < 0 ? [] : messages.slice(first);
  }

  function remember() {
    const kept = visitor ? [] : memory.messages.slice(-MOST_MESSAGES);
    let size = kept.reduce((sum, each) => sum + each.text.length, 0);
    while (size > MOST_CHARACTERS && kept.length > 2) size -= kept.shift().text.length;
    try {
      localStorage.setItem(place(), JSON.stringify({ sessionId: memory.sessionId, messages: kept }));
      unsaved = false;
    } catch {
      unsaved = true;
    }
  }

  /** Before each change: another tab may have gone on, or have begun anew, which ends an answer here. */
  function catchUp() {
    const latest = !unsaved && remembered();
    const anew = latest && latest.sessionId !== memory.sessionId;
    if (!latest || (visitor && !anew)) return;
    memory = latest;
    if (anew) showAnew();
  }

  /** The server has something of this conversation now, so a visitor's browser need not know of it. */
  function settle() {
    memory.known = true;
    try {
      if (visitor) localStorage.removeItem(place());
    } catch {}
  }

  // ---------------------------------------------------------------- elements

  /** An element; what it has no property for becomes an attribute. Names are ours, never a model's. */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    // First: under dir=auto a browser would look at all of them again for each.
    element.append(...children);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element) element[name] = value;
      else element.setAttribute(name, value);
    }
    return element;
  }

  function icon(path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  }

  const ICONS = {
    chat: "M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.8A8.4 8.4 0 1 1 21 11.5z",
    close: "M6 6l12 12M18 6L6 18",
    clear: "M12 20h9M16.5 3.5a2.1 2.1 0 0 1 3 3L7 19l-4 1 1-4z",
    send: "M12 19V5M5 12l7-7 7 7",
    stop: "M7 7h10v10H7z",
    down: "M6 9l6 6 6-6",
  };

  // ---------------------------------------------------------------- Markdown: blocks

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

  // ---------------------------------------------------------------- Markdown: within a line

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

  // ---------------------------------------------------------------- the wire: docs/wires/widget.md

  // Milliseconds; a living server says something every 15 seconds.
  const SILENCE = 90000;

  function failure(state, details) {
    return Object.assign(new Error(state), { state, ...details });
  }

  const STATES = {
    401: "refused", 402: "refused", 403: "refused", 404: "refused", 409: "busy", 429: "limited", 503: "busy",
  };

  /** Posts the question and hands each event of the answer to `receive`. Throws a failure unless `done` has come. */
  async function exchange(question, abort, receive) {
    await recall(abort.signal);
    const body = JSON.stringify({ sessionId: memory.sessionId, message: question });
    const response = await request(endpoint, { method: "POST", body, signal: abort.signal });
    let done = false;
    await readLines(response.body, abort, (line) => {
      const event = parsed(line);
      if (event.type === "error") throw failure("failed", { reason: event.error });
      receive(event);
      done = done || event.type === "done";
    });
    if (!done) throw failure("broken");
  }

  /** The response. Throws a failure where there is none, or where it is a refusal. */
  async function request(url, options) {
    const headers = { "content-type": "application/json", "x-widget-api-key": data.apiKey };
    if (visitor) headers["x-visitor"] = visitor;
    const { signal } = options;
    const response = await fetch(url, { headers, credentials: "omit", cache: "no-store", ...options }).catch((error) => {
      throw signal && signal.aborted ? error : failure("offline");
    });
    if (!response.ok) throw await refusal(response);
    return response;
  }

  /** What a vouched-for visitor has said before, on whatever device, is put in front. Throws a failure. */
  async function recall(signal) {
    if (!visitor || memory.known) return;
    const [asked, anew] = [memory, remembered()];
    const url = endpoint.replace(/(v1\/)?chat(\/stream)?$/, "v1/chat/history");
    const response = await request(anew ? `${url}?sessionId=${anew.sessionId}` : url, { signal });
    const { sessionId, messages } = await response.json();
    if (memory !== asked || memory.known || !sessionId) return;
    // Answers that have not begun are empty.
    const told = messages.filter((each) => each.message);
    const before = told.map(({ role, message, status }) => ({
      role: role === "user" ? "user" : "bot",
      text: message,
      state: status === "complete" ? undefined : "broken",
    }));
    const since = fromQuestion(memory.messages);
    const cut = !since.length && before.length && before[before.length - 1].role === "user";
    Object.assign(memory, { sessionId, messages: [...before, ...since] });
    if (cut) memory.messages.push({ role: "bot", text: "", state: "broken" });
    settle();
    showConversation();
  }

  async function refusal(response) {
    const body = await response.json().catch(() => ({}));
    const { status, headers } = response;
    const seconds = Number(headers.get("retry-after")) || 10;
    const expired = status === 401 && visitor && parseInt(visitor) * 1000 < Date.now();
    return failure(expired ? "expired" : STATES[status] || "failed", { status, reason: body && body.error, seconds });
  }

  /** Pieces may end anywhere, within a letter too. Empty lines are keep-alives. */
  async function readLines(body, abort, receive) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for (let end = false; !end; ) {
        const piece = await nextPiece(reader, abort);
        end = piece.done;
        rest += decoder.decode(piece.value, { stream: !end });
        const lines = rest.split("\n");
        // The beginning of a line that is still to come.
        rest = end ? "" : lines.pop();
        for (const line of lines) if (line.trim()) receive(line);
      }
    } finally {
      // Nobody reads on behind a failure.
      reader.cancel().catch(() => {});
    }
  }

  async function nextPiece(reader, abort) {
    // To the reader it is an end that comes too early.
    const alarm = setTimeout(() => reader.cancel(), SILENCE);
    try {
      return await reader.read();
    } catch (error) {
      throw abort.signal.aborted ? error : failure("broken");
    } finally {
      clearTimeout(alarm);
    }
  }

  function parsed(line) {
    try {
      const event = JSON.parse(line);
      if (event.type !== "token" || typeof event.token === "string") return event;
    } catch {}
    throw failure("broken", { reason: `no event: ${line.slice(0, 100)}` });
  }

  // ---------------------------------------------------------------- looks

  const STYLE = `
    :host {
      all: initial !important; display: block !important; position: fixed !important; inset: 0 !important;
      width: 0 !important; height: 0 !important; z-index: var(--parlance-z-index, 2147483000) !important;
    }
    :host([hidden]) { display: none !important; }
    *, *::before, *::after { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .widget {
      --back: #fff; --raised: #f1f3f6; --line: #d9dde3; --text: #1b1f24; --soft: #59626d; --alert: #a3242b;
      --link: var(--accent-on-light); --shadow: 0 8px 32px rgb(0 0 0 / .2);
      --edge: color-mix(in srgb, var(--on-accent) 20%, var(--accent)); /* a white widget on a white page has one, too */
      color-scheme: light dark; color: var(--text); scrollbar-width: thin; scrollbar-color: var(--line) transparent;
      font: 16px/1.5 var(--parlance-font, system-ui, sans-serif);
      overflow-wrap: anywhere; text-align: start;
    }
    @media (prefers-color-scheme: dark) {
      .widget {
        --back: #16191e; --raised: #242930; --line: #3a414b; --text: #eceff3; --soft: #a7b0bb; --alert: #ff9f9a;
        --link: var(--accent-on-dark); --shadow: 0 8px 32px rgb(0 0 0 / .6), 0 0 0 1px var(--line);
      }
    }
    button, textarea { font: inherit; color: inherit; margin: 0; }
    button { cursor: pointer; border: 0; background: none; padding: 0; min-width: 44px; min-height: 44px; }
    button:disabled { cursor: default; opacity: .5; }
    :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
    svg { width: 24px; height: 24px; display: block; margin: auto; fill: none; stroke: currentColor; stroke-width: 2;
      stroke-linecap: round; stroke-linejoin: round; }
    .heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

    .launcher {
      position: fixed; bottom: var(--parlance-bottom, 20px); width: 60px; height: 60px; border-radius: 50%;
      background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow);
    }
    .launcher.unread::after {
      content: ""; position: absolute; top: 2px; inset-inline-end: 2px; width: 14px; height: 14px; border-radius: 50%;
      background: #d92d20; border: 2px solid #fff;
    }
    .right .launcher, .right .panel { right: var(--parlance-side, 20px); }
    .left .launcher, .left .panel { left: var(--parlance-side, 20px); }

    .panel {
      position: fixed; bottom: calc(var(--parlance-bottom, 20px) + 76px); display: flex; flex-direction: column;
      width: min(var(--parlance-width, 400px), calc(100vw - 2 * var(--parlance-side, 20px)));
      height: min(var(--parlance-height, 640px), calc(100vh - var(--parlance-bottom, 20px) - 92px));
      background: var(--back); border-radius: var(--parlance-radius, 16px); box-shadow: var(--shadow); overflow: hidden;
    }
    .head {
      display: flex; align-items: center; gap: 4px; padding: 8px; padding-inline-start: 18px; flex: none;
      background: var(--accent); color: var(--on-accent); border-bottom: 1px solid var(--edge);
    }
    .head h2 { flex: 1; min-width: 0; margin: 0; font-size: 17px; font-weight: 600; line-height: 1.3; }
    .head button { border-radius: 10px; width: 44px; }
    .head button:hover { background: var(--edge); }
    .head :focus-visible { outline-color: currentColor; outline-offset: -4px; }
    .scroll { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px; }
    .scroll:focus-visible { outline-offset: -3px; }

    .message { display: flex; flex-direction: column; align-items: flex-start; margin-bottom: 12px; }
    .message.user { align-items: flex-end; }
    .text { max-width: 88%; padding: 9px 14px; border-radius: 16px; border-end-start-radius: 4px;
      background: var(--raised); }
    .user .text { background: var(--accent); color: var(--on-accent); border: 1px solid var(--edge);
      white-space: pre-wrap; border-end-start-radius: 16px; border-end-end-radius: 4px; }
    .text:empty { display: none; }
    .notice { display: flex; flex-wrap: wrap; align-items: center; column-gap: 10px; margin-top: 2px;
      padding-inline-start: 2px; color: var(--alert); font-size: 14px; }
    .notice.stopped, .notice.calm { color: var(--soft); }
    .retry { padding: 0 14px; border: 1px solid var(--line); border-radius: 22px; color: var(--text); }
    .typing { display: flex; gap: 5px; width: max-content; padding: 15px 16px; border-radius: 16px;
      background: var(--raised); }
    .typing i { width: 8px; height: 8px; border-radius: 50%; background: var(--soft); }

    .foot { display: flex; align-items: flex-end; gap: 8px; padding: 10px; flex: none;
      border-top: 1px solid var(--line); padding-bottom: calc(10px + env(safe-area-inset-bottom, 0px)); }
    textarea {
      flex: 1; min-width: 0; min-height: 44px; max-height: 132px; padding: 9px 14px; resize: none; line-height: 1.5;
      border: 1px solid var(--soft); border-radius: 22px; background: var(--back); overflow-y: auto; display: block;
    }
    textarea::placeholder { color: var(--soft); opacity: 1; }
    textarea:focus-visible { outline-width: 2px; outline-offset: 0; border-color: transparent; }
    .send { flex: none; width: 44px; border-radius: 50%; background: var(--accent); color: var(--on-accent);
      border: 1px solid var(--edge); }
    .send.stop path { fill: currentColor; }

    .text > :first-child { margin-top: 0; }
    .text > :last-child, blockquote > :last-child { margin-bottom: 0; }
    p, ul, ol, blockquote, .table, .code { margin: 0 0 10px; }
    h3 { margin: 14px 0 6px; font-size: 16px; line-height: 1.35; }
    .large { font-size: 18px; }
    ul, ol { padding-inline-start: 22px; }
    li { margin: 3px 0; }
    li > * { margin: 3px 0; }
    hr { border: 0; border-top: 1px solid var(--line); margin: 12px 0; }
    a { color: var(--link); text-decoration: underline; }
    blockquote { padding-inline-start: 12px; border-inline-start: 3px solid var(--line); color: var(--soft); }
    img { max-width: 100%; height: auto; border-radius: 8px; display: block; }
    code { font: .875em/1.5 ui-monospace, monospace; }
    :not(pre) > code { padding: 1px 5px; border-radius: 5px; background: var(--back); border: 1px solid var(--line); }
    .code { border: 1px solid var(--line); border-radius: 10px; background: var(--back); overflow: hidden;
      width: 100%; }
    .bar { display: flex; align-items: center; justify-content: space-between; padding-inline-start: 12px;
      border-bottom: 1px solid var(--line); color: var(--soft); font-size: 13px; }
    .copy { padding: 0 12px; font-weight: 500; color: var(--text); }
    .copy:focus-visible, pre:focus-visible, .table:focus-visible { outline-offset: -3px; }
    pre { margin: 0; padding: 10px 12px; overflow-x: auto; white-space: pre; overflow-wrap: normal; }
    .table { overflow-x: auto; max-width: 100%; }
    table { border-collapse: collapse; font-size: 14px; overflow-wrap: normal; }
    th, td { padding: 5px 9px; border: 1px solid var(--line); text-align: start; vertical-align: top; }
    th { background: var(--back); font-weight: 600; }

    @media (max-width: 479px) {
      .widget .panel { inset: var(--seen-top, 0) 0 auto; width: 100%; height: var(--seen, 100%); border-radius: 0; }
      .head { padding-top: calc(8px + env(safe-area-inset-top, 0px)); }
      .open .launcher { display: none; }
    }
    @media (prefers-reduced-motion: no-preference) {
      .panel { animation: rise .18s ease-out; }
      .typing i { animation: nod 1.2s infinite ease-in-out; }
      .typing i:nth-child(2) { animation-delay: .15s; }
      .typing i:nth-child(3) { animation-delay: .3s; }
    }
    @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
    @keyframes nod { 0%, 60%, 100% { transform: none; } 30% { transform: translateY(-5px); } }
    @media (forced-colors: active) { button, .panel, .text { border: 1px solid; } }
    @media print { .widget { display: none; } }
  `;

  /** A constructed sheet needs no `style-src` of the page. */
  function adopt(root) {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    } catch {
      // Browsers from before 2023.
      root.append(make("style", { textContent: STYLE }));
    }
  }

  /** The page's colour, what can be read on it, and shades of it for links. */
  function paint() {
    const chosen = getComputedStyle(host).getPropertyValue("--parlance-color").trim() || data.color || "";
    const accent = components(chosen) || components("#2457d6");
    if (chosen && !components(chosen)) complain(`this is no colour: ${chosen}`);
    const set = (name, color) => widget.style.setProperty(name, `rgb(${color.map(Math.round).join(" ")})`);
    set("--accent", accent);
    set("--on-accent", contrast(accent, WHITE) >= contrast(accent, BLACK) ? WHITE : BLACK);
    set("--accent-on-light", readable(accent, [241, 243, 246], BLACK));
    set("--accent-on-dark", readable(accent, [36, 41, 48], WHITE));
  }

  const WHITE = [255, 255, 255];
  const BLACK = [0, 0, 0];

  /** [red, green, blue] of any CSS colour, 0 to 255; null where it is none. */
  function components(color) {
    if (!color || !CSS.supports("color", color)) return null;
    const probe = make("i");
    probe.style.color = color;
    // Ignored where it is unknown.
    probe.style.color = `color-mix(in srgb, ${color} 100%, black)`;
    widget.append(probe);
    const computed = getComputedStyle(probe).color;
    probe.remove();
    const scale = computed.startsWith("color(") ? 255 : 1;
    const numbers = computed.replace("srgb", "").match(/-?[\d.]+(e-?\d+)?/g);
    return numbers && numbers.slice(0, 3).map((number) => Math.min(Math.max(number * scale, 0), 255));
  }

  function luminance(color) {
    const [red, green, blue] = color.map((each) => (each <= 10 ? each / 3294 : ((each / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  /** The colour, shifted towards black or white until it can be read on its background (WCAG AA: 4.5). */
  function readable(color, background, towards) {
    let shade = color;
    for (let part = 0.1; contrast(shade, background) < 4.6 && part <= 1; part += 0.1) {
      shade = color.map((each, index) => each + (towards[index] - each) * part);
    }
    return shade;
  }

  // ---------------------------------------------------------------- the parts of the widget

  const button = (name, path, onclick) => make("button", { type: "button", className: name, onclick }, icon(path));
  const launcher = button("launcher", ICONS.chat, () => (panel.hidden ? open() : close()));
  const clearButton = button("clear", ICONS.clear, () => (clear(), input.focus()));
  const closeButton = button("close", ICONS.close, () => close());
  const sendButton = button("send", ICONS.send, () => (current ? stop() : submit()));
  const title = make("h2", { id: "title" }, words.title);
  // Finished messages only: screen readers read what is added here.
  const log = make("div", { role: "log", "aria-live": "polite", "aria-relevant": "additions" });
  // The answer that is being written.
  const pending = make("div");
  const scroll = make("div", { className: "scroll", tabIndex: 0, role: "group" }, log, pending);
  const input = make("textarea", { rows: 1, maxLength: 4000, placeholder: words.placeholder });
  const status = make("div", { className: "heard", role: "status" });
  const panel = make(
    "div",
    { className: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", tabIndex: -1, hidden: true },
    make("div", { className: "head" }, title, clearButton, closeButton),
    scroll,
    make("div", { className: "foot" }, input, sendButton),
  );
  const dir = rtl ? "rtl" : "ltr";
  const widget = make("section", { className: `widget ${side}`, lang, dir, "aria-label": words.title });
  const host = make("parlance-chat");
  const narrow = matchMedia("(max-width: 479px)");
  // The turn that is under way.
  let current = null;
  // After a rate limit: milliseconds since 1970.
  let blockedUntil = 0;

  function label(element, text) {
    element.title = text;
    element.setAttribute("aria-label", text);
  }

  function say(text) {
    status.textContent = text;
  }

  // ---------------------------------------------------------------- the conversation as it is seen

  function messageElement(message, text = make("div", { className: "text" })) {
    const speaker = make("span", { className: "heard" }, message.role === "user" ? words.you : words.answer);
    if (message.role === "bot") showMarkdown(text, message.text);
    else text.append(make("p", { dir: "auto" }, message.text));
    const element = make("div", { className: `message ${message.role}` }, speaker, text);
    if (message.state) element.append(notice(message));
    return element;
  }

  /** What went wrong; behind the last message, with the way on. */
  function notice(message) {
    const line = make("div", { className: `notice ${message.state}` }, make("span", {}, wordsFor(message)));
    const retry = make("button", { type: "button", className: "retry", onclick: tryAgain }, words.retry);
    if (message === memory.messages[memory.messages.length - 1]) line.append(retry);
    if (message.state === "limited") countDown(message, line, retry);
    return line;
  }

  function wordsFor(message) {
    if (message.state !== "limited") return words[message.state] || words.failed;
    const seconds = Math.ceil((message.until - Date.now()) / 1000);
    return seconds > 0 ? words.limited.replace("{seconds}", seconds) : words.ready;
  }

  /** Seen each second, heard when it begins and when it is over. */
  function countDown(message, line, retry) {
    const seen = make("span", { "aria-hidden": "true" });
    line.firstChild.className = "heard";
    line.prepend(seen);
    const tick = () => {
      const wait = message.until - Date.now();
      seen.textContent = wordsFor(message);
      line.classList.toggle("calm", !(wait > 0));
      retry.disabled = wait > 0;
      if (wait > 0) setTimeout(tick, 250);
      else if (line.isConnected) say(words.ready);
      showControls();
    };
    blockedUntil = Math.max(blockedUntil, message.until);
    tick();
  }

  function showConversation() {
    const greeting = words.greeting ? [messageElement({ role: "bot", text: words.greeting })] : [];
    log.replaceChildren(...greeting, ...memory.messages.map((each) => messageElement(each)));
    const limited = { role: "bot", text: "", state: "limited", until: blockedUntil };
    if (Date.now() < blockedUntil && !log.querySelector(".limited")) log.append(messageElement(limited));
    showControls();
    scrollDown();
  }

  /** A conversation that is not the one before; an answer that was under way is nobody's. */
  function showAnew() {
    const turn = current;
    current = null;
    if (turn) turn.abort.abort();
    say("");
    pending.replaceChildren();
    showConversation();
  }

  /** At the end, or behind the question that it answers: another tab may have gone on meanwhile. */
  function addMessage(message, text, question) {
    const { messages } = memory;
    const found = question ? messages.findIndex((each) => each.id && each.id === question.id) : -1;
    const at = found < 0 ? messages.length : found + 1;
    messages.splice(at, 0, message);
    if (at === messages.length - 1) log.append(messageElement(message, text));
    else showConversation();
    if (!visitor) remember();
  }

  function showControls() {
    sendButton.classList.toggle("stop", Boolean(current));
    sendButton.firstChild.firstChild.setAttribute("d", current ? ICONS.stop : ICONS.send);
    label(sendButton, current ? words.stop : words.send);
    sendButton.disabled = !current && Date.now() < blockedUntil;
  }

  function isAtEnd() {
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 48;
  }

  function scrollDown() {
    scroll.scrollTop = scroll.scrollHeight;
  }

  function fitInput() {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight + 2}px`;
  }

  // ---------------------------------------------------------------- a turn

  function submit() {
    if (send(input.value)) {
      input.value = "";
      fitInput();
    }
  }

  /** False where nothing can be sent just now. */
  function send(text) {
    const question = { role: "user", text: wellFormed(String(text)), id: randomId() };
    if (!question.text || current || Date.now() < blockedUntil) return false;
    catchUp();
    forgetNotice();
    addMessage(question);
    tell("send", { message: question.text });
    ask(question);
    return true;
  }

  /** What the server takes: no halves of letters, and more than white space and control characters; or else nothing. */
  function wellFormed(text) {
    const trimmed = text.replace(/\p{Cs}/gu, "\ufffd").trim();
    return trimmed.length <= 4000 && /[^\s\p{Cc}]/u.test(trimmed) ? trimmed : "";
  }

  /** In place of the answer, or of the history, that failed. */
  function tryAgain() {
    catchUp();
    const { messages } = memory;
    const failed = messages[messages.length - 1];
    // Another tab was quicker.
    if (!failed || !failed.state) return;
    messages.pop();
    if (!visitor) remember();
    log.lastChild.remove();
    if (messages.length) ask(messages[messages.length - 1]);
    else showHistory();
    input.focus();
  }

  function forgetNotice() {
    const retry = log.querySelector(".retry");
    if (retry) retry.remove();
  }

  async function showHistory() {
    const asked = memory;
    try {
      await recall();
    } catch (error) {
      // What was asked meanwhile will fail on its own.
      if (memory !== asked || memory.messages.length) return;
      const message = { role: "bot", text: "" };
      fail(message, error);
      // If not, the page has brought another token at once.
      if (memory === asked) addMessage(message);
    }
  }

  async function ask(question) {
    const message = { role: "bot", text: "" };
    const turn = (current = { question, message, abort: new AbortController(), frame: 0, rested: 0 });
    waitForWords(turn);
    try {
      await exchange(question.text, turn.abort, (event) => receive(turn, event));
    } catch (error) {
      if (turn !== current) return;
      if (turn.abort.signal.aborted) message.state = "stopped";
      else fail(message, error);
    }
    finish(turn);
  }

  function waitForWords(turn) {
    turn.element = make("div", { className: "text" });
    const dots = make("div", { className: "typing" }, make("i"), make("i"), make("i"));
    pending.replaceChildren(make("div", { className: "message bot" }, dots, turn.element));
    say(words.typing);
    showControls();
    scrollDown();
  }

  function receive(turn, event) {
    if (turn !== current) return;
    if (event.type === "start") {
      turn.conversationId = event.conversationId;
      settle();
    }
    if (event.type !== "token") return;
    turn.message.text += event.token;
    tell("token", { token: event.token });
    if (turn.frame) return;
    turn.frame = setTimeout(() => requestAnimationFrame(() => show(turn)), turn.rested - performance.now());
  }

  /** At most once a frame, and less often where it takes long. */
  function show(turn) {
    if (turn !== current) return;
    const began = performance.now();
    const follow = isAtEnd();
    pending.querySelectorAll(".typing").forEach((dots) => dots.remove());
    showMarkdown(turn.element, turn.message.text);
    if (follow) scrollDown();
    const now = performance.now();
    turn.rested = now + 4 * (now - began);
    turn.frame = 0;
  }

  function fail(message, error) {
    const { state = "failed", status, reason, seconds } = error;
    message.state = state;
    if (state === "limited") message.until = Date.now() + seconds * 1000;
    complain(`${state}${status ? ` (${status})` : ""}: ${reason || error.message}`);
    tell("error", { state, status, message: wordsFor(message), seconds });
  }

  /** What came stays, whatever happened. It moves to where screen readers hear it. */
  function finish(turn) {
    const follow = isAtEnd();
    catchUp();
    if (turn !== current) return;
    current = null;
    say("");
    pending.replaceChildren();
    addMessage(turn.message, turn.element, turn.question);
    showControls();
    if (follow) scrollDown();
    if (panel.hidden) markUnread(true);
    if (!turn.message.state) tell("answer", { message: turn.message.text, conversationId: turn.conversationId });
  }

  function stop() {
    if (current) current.abort.abort();
  }

  /** An answer that the page does not outlive is kept as far as it came. */
  function leave() {
    const turn = current;
    if (!turn) return;
    turn.message.state = "broken";
    finish(turn);
    turn.abort.abort();
  }

  /** A new conversation: the server knows it by another session id. */
  function clear() {
    memory = { ...fresh(), known: true };
    remember();
    showAnew();
  }

  /** Another visitor, or a new token of the same one; without a token nobody in particular. Throws TypeError. */
  function visit(next) {
    if (next && !isToken(next)) throw new TypeError("ParlanceChat: this is no visitor's token");
    const same = place(next || null) === place();
    if (!same) leave();
    visitor = next;
    if (same && fromQuestion(memory.messages).length) return;
    if (!same) input.value = "";
    memory = remembered() || fresh();
    showAnew();
    markUnread(false);
    showHistory();
  }

  // ---------------------------------------------------------------- open and closed

  function open(takeFocus = true) {
    if (!panel.hidden) return;
    panel.hidden = false;
    paint();
    showOpen();
    scrollDown();
    fitInput();
    if (takeFocus) (matchMedia("(pointer: coarse)").matches ? panel : input).focus({ preventScroll: true });
    tell("open");
  }

  /** The focus goes back to the launcher, unless it is elsewhere in the page. */
  function close() {
    if (panel.hidden) return;
    const focused = panel.contains(panel.getRootNode().activeElement);
    panel.hidden = true;
    showOpen();
    if (focused) launcher.focus({ preventScroll: true });
    tell("close");
  }

  function showOpen() {
    const isOpen = !panel.hidden;
    widget.classList.toggle("open", isOpen);
    launcher.setAttribute("aria-expanded", isOpen);
    launcher.firstChild.firstChild.setAttribute("d", isOpen ? ICONS.down : ICONS.chat);
    markUnread(false);
  }

  function markUnread(unread) {
    launcher.classList.toggle("unread", unread);
    label(launcher, panel.hidden ? (unread ? `${words.open}. ${words.unread}` : words.open) : words.close);
  }

  // ---------------------------------------------------------------- keyboard

  function pressed(event) {
    // A page's shortcuts are not meant for what is typed here.
    event.stopPropagation();
    // Enter chooses a word there.
    if (event.type !== "keydown" || event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") close();
    if (event.key === "Tab" && narrow.matches && !panel.hidden) keepFocus(event);
    if (event.key === "Enter" && !event.shiftKey && event.target === input) {
      event.preventDefault();
      submit();
    }
  }

  /** On a phone the panel covers the page, so the focus must not get lost behind it. */
  function keepFocus(event) {
    const stops = [...panel.querySelectorAll("button:enabled, textarea, a, [tabindex='0']")];
    const [first, last] = [stops[0], stops[stops.length - 1]];
    const focused = panel.getRootNode().activeElement;
    if (event.shiftKey ? focused !== first && focused !== panel : focused !== last) return;
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }

  // ---------------------------------------------------------------- start

  function start() {
    label(input, words.placeholder);
    label(clearButton, words.clear);
    label(closeButton, words.close);
    log.setAttribute("aria-label", words.messages);
    scroll.setAttribute("aria-label", words.messages);
    launcher.setAttribute("aria-controls", "panel");
    launcher.setAttribute("aria-haspopup", "dialog");
    panel.setAttribute("aria-modal", narrow.matches);
    narrow.onchange = () => panel.setAttribute("aria-modal", narrow.matches);
    input.oninput = fitInput;
    for (const kind of ["keydown", "keyup", "keypress"]) widget.addEventListener(kind, pressed);
    const root = host.attachShadow({ mode: "open" });
    adopt(root);
    widget.append(panel, launcher, status);
    root.append(widget);
    document.body.append(host);
    // Sites that go from page to page without loading one put another body in place of the old.
    new MutationObserver(moveAlong).observe(document.documentElement, { childList: true });
    paint();
    showConversation();
    showOpen();
    watchTheWindow();
    showHistory();
    if (data.open !== undefined && data.open !== "false" && !narrow.matches) open(false);
    early.splice(0).forEach((call) => call());
  }

  function moveAlong() {
    if (host.isConnected || !document.body) return;
    document.body.append(host);
    scrollDown();
  }

  // Calls from before the page has a body.
  const early = [];

  function onceStarted(call) {
    if (host.isConnected) call();
    else early.push(call);
  }

  function watchTheWindow() {
    addEventListener("pagehide", leave);
    addEventListener("storage", (event) => {
      if (event.key !== place()) return;
      catchUp();
      showConversation();
    });
    // A phone's keyboard only covers the page.
    const seen = window.visualViewport;
    if (!seen) return;
    seen.onresize = seen.onscroll = () => {
      widget.style.setProperty("--seen", `${seen.height}px`);
      widget.style.setProperty("--seen-top", `${seen.offsetTop}px`);
    };
  }

  window.ParlanceChat = Object.freeze({
    open: () => onceStarted(open),
    close: () => onceStarted(close),
    send,
    clear,
    visitor: visit,
    on: (event, handler) => void handlersOf(event).add(handler),
    off: (event, handler) => void handlersOf(event).delete(handler),
  });

  if (document.body) start();
  else addEventListener("DOMContentLoaded", start);
})();
