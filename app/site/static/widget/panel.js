// Open and closed, the keyboard, the start.

function open(focuses = true) {
  if (!panel.hidden) return;
  panel.hidden = false;
  note("open", 1);
  // What was open on the page before does not come in anew.
  widget.classList.toggle("still", !focuses);
  paint();
  showOpen();
  scrollDown();
  fitInput();
  if (focuses) takeFocus();
  tell("open");
}

/** The focus goes back to the launcher, unless it is elsewhere in the page. */
function close() {
  if (panel.hidden) return;
  const focused = panel.contains(panel.getRootNode().activeElement);
  panel.hidden = confirmation.hidden = true;
  note("open", 0);
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

function pressed(event) {
  // A page's shortcuts are not meant for what is typed here.
  event.stopPropagation();
  // Enter chooses a word there.
  if (event.type !== "keydown" || event.isComposing || event.keyCode === 229) return;
  if (event.key === "Escape") confirmation.hidden ? close() : askToClear();
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

async function start() {
  if (!(await isWelcome())) return;
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
  const opens = noted("open") || Number(data.open !== undefined && data.open !== "false");
  if (Number(opens) && !narrow.matches) open(false);
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
  addEventListener("pagehide", () => leave());
  // A page that the browser had put aside.
  addEventListener("pageshow", ({ persisted }) => persisted && (catchUp(), showConversation(), resume()));
  addEventListener("online", resume);
  document.addEventListener("visibilitychange", () => document.hidden || (current && isHeard(current)) || resume());
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
