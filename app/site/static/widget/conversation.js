// The parts of the widget, and the conversation as it is seen.

const button = (name, path, onclick) => make("button", { type: "button", className: name, onclick }, icon(path));
const launcher = button("launcher", ICONS.chat, () => (panel.hidden ? open() : close()));
const clearButton = button("clear", ICONS.clear, askToClear);
const closeButton = button("close", ICONS.close, () => close());
const sendButton = button("send", ICONS.send, () => (current ? stop() : submit()));
const logo = data.logo && address(data.logo, document.baseURI);
const names = make("div", { className: "names" }, make("h2", { id: "title" }, words.title));
if (data.subtitle) names.append(make("p", {}, make("span", { dir: "auto" }, data.subtitle)));
// Finished messages only: screen readers read what is added here.
const log = make("div", { role: "log", "aria-live": "polite", "aria-relevant": "additions" });
// The answer that is being written.
const pending = make("div");
const suggestions = make("div", { className: "suggestions" }, ...parts(data.suggestions, /[|\n]/).map(suggestion));
const scroll = make("div", { className: "scroll", tabIndex: 0, role: "group" }, log, suggestions, pending);
const input = make("textarea", { rows: 1, maxLength: 4000, placeholder: words.placeholder });
const status = make("div", { className: "heard", role: "status" });
const confirmation = make(
  "div",
  { className: "confirmation", role: "alertdialog", "aria-labelledby": "forget", hidden: true },
  make("p", { id: "forget" }, words.forget),
  textButton("cancel", words.cancel, askToClear),
  textButton("begin", words.clear, begin),
);
const panel = make(
  "div",
  { className: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", tabIndex: -1, hidden: true },
  make("div", { className: "head" }, ...(logo ? [picture(logo)] : []), names, clearButton, closeButton),
  confirmation,
  scroll,
  make("div", { className: "foot" }, input, sendButton),
);
if (data.privacy) panel.append(make("p", { className: "privacy", dir: "auto" }, inline(data.privacy)));

const dir = rtl ? "rtl" : "ltr";
const widget = make("section", { className: `widget ${side}`, lang, dir, "aria-label": words.title });
const host = make("parlance-chat");
const narrow = matchMedia("(max-width: 479px)");
// The turn that is under way.
let current = null;
// After a rate limit: milliseconds since 1970.
let blockedUntil = 0;
// A visitor's history is on its way.
let recalling = false;

function textButton(name, text, onclick) {
  return make("button", { type: "button", className: `pill ${name}`, dir: "auto", onclick }, text);
}

function suggestion(text) {
  return textButton("", text, () => send(text) && takeFocus());
}

/** The owner's own; one that cannot be had is left out. */
function picture(src) {
  const image = make("img", { alt: "", referrerPolicy: "no-referrer", loading: "lazy", src });
  image.onerror = () => image.remove();
  return image;
}

function takeFocus() {
  (matchMedia("(pointer: coarse)").matches ? panel : input).focus({ preventScroll: true });
}

/** Where there is something to forget; asked again, it is a no. */
function askToClear() {
  if (!memory.messages.length) return begin();
  confirmation.hidden = !confirmation.hidden;
  (confirmation.hidden ? clearButton : confirmation.querySelector("button")).focus();
}

function begin() {
  clear();
  takeFocus();
}

function label(element, text) {
  element.title = text;
  element.setAttribute("aria-label", text);
}

function say(text) {
  status.textContent = text;
}

function messageElement(message, text = make("div", { className: "text" })) {
  const speaker = make("span", { className: "heard" }, message.role === "user" ? words.you : words.answer);
  if (message.role === "bot") showMarkdown(text, message.text);
  else text.append(make("p", { dir: "auto" }, ...withNumbers(message.text, RIGHT_TO_LEFT.test(message.text))));
  const element = make("div", { className: `message ${message.role}` }, speaker, text);
  if (message.state) element.append(notice(message));
  else if (message.role === "bot") element.append(...below(message));
  return element;
}

/** What went wrong; behind the last message, with the way on. */
function notice(message) {
  const line = make("div", { className: `notice ${message.state}` }, make("span", {}, wordsFor(message)));
  const retry = textButton("retry", words.retry, tryAgain);
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
  if (turn) {
    turn.abort.abort();
    halt(turn);
  }
  say("");
  pending.replaceChildren();
  confirmation.hidden = true;
  showConversation();
}

/** At the end, or behind the question that it answers: another tab may have gone on meanwhile, or have heard it too. */
function addMessage(message, text, question) {
  const { messages } = memory;
  const found = question ? messages.findIndex((each) => each.id && each.id === question.id) : -1;
  const at = found < 0 ? messages.length : found + 1;
  const told = found < 0 ? null : messages[at];
  if (!told || told.role === "user") messages.splice(at, 0, message);
  else if (!message.state || told.state) messages[at] = message;
  if (!told && at === messages.length - 1) log.append(messageElement(message, text));
  else showConversation();
  if (!visitor) remember();
}

function showControls() {
  sendButton.classList.toggle("stop", Boolean(current));
  sendButton.firstChild.firstChild.setAttribute("d", current ? ICONS.stop : ICONS.send);
  label(sendButton, current ? words.stop : words.send);
  sendButton.disabled = !current && Date.now() < blockedUntil;
  suggestions.hidden = memory.messages.length || recalling;
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
