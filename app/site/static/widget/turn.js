// A turn: a question and its answer.

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

/** In place of the answer, or of the history, that failed; where nobody has clicked, nobody is to lose the focus. */
function tryAgain(clicked) {
  catchUp();
  const { messages } = memory;
  const failed = messages[messages.length - 1];
  // Another tab was quicker.
  if (!failed || !failed.state) return;
  messages.pop();
  if (!visitor) remember();
  log.lastChild.remove();
  const { key = randomId(), cursor } = failed;
  const begun = cursor ? { ...failed, state: undefined } : { role: "bot", text: "", key };
  if (messages.length) ask(messages[messages.length - 1], begun);
  else showHistory();
  if (clicked) input.focus();
}

function forgetNotice() {
  const retry = log.querySelector(".retry");
  if (retry) retry.remove();
}

async function showHistory() {
  const asked = memory;
  recalling = Boolean(visitor);
  showControls();
  try {
    await recall();
  } catch (error) {
    // What was asked meanwhile will fail on its own.
    if (memory !== asked || memory.messages.length) return;
    const message = { role: "bot", text: "" };
    fail(message, error);
    // If not, the page has brought another token at once.
    if (memory === asked) addMessage(message);
  } finally {
    recalling = false;
    showControls();
  }
  if (memory === asked) resume();
}

/** The same key is for the same question where nobody knows what became of it. `back`: it has been asked before. */
async function ask(question, message = { role: "bot", text: "", key: question.id }, back = false) {
  question.id = question.id || randomId();
  message.of = question.id;
  const abort = new AbortController();
  const turn = { question, message, back, abort, wake: () => {}, heard: Date.now(), frame: 0, rested: 0 };
  current = turn;
  waitForWords(turn);
  try {
    await exchange(turn, (event) => receive(turn, event));
    if (!saysSomething(message.text)) throw wordless(turn);
  } catch (error) {
    if (turn !== current) return;
    if (error.quiet && visitor && !message.cursor && !memory.again) return lookAgain();
    const kept = abort.signal.aborted && (await halt(turn));
    if (turn !== current) return;
    if (abort.signal.aborted) endAsKept(message, kept);
    else if (error.quiet || error.state === "stopped") message.state = error.state;
    else fail(message, error);
    if (error.ended) forgetPlace(message);
  }
  finish(turn);
}

function saysSomething(text) {
  return /[^\s\p{C}]/u.test(text.replace(/<!--[^]*?-->/g, ""));
}

function wordless(turn) {
  turn.message.text = "";
  turn.element = undefined;
  return failure("failed", { reason: "an answer without a word", ended: true });
}

function waitForWords(turn) {
  turn.element = make("div", { className: "text" });
  const dots = make("div", { className: "typing" }, make("i"), make("i"), make("i"));
  pending.replaceChildren(make("div", { className: "message bot" }, turn.element, dots));
  say(words.typing);
  showControls();
  if (turn.message.text) show(turn);
  scrollDown();
}

function receive(turn, event) {
  if (turn !== current) return;
  const { message } = turn;
  message.cursor = event.cursor;
  turn.conversationId = event.conversationId || turn.conversationId;
  if (event.type === "start") {
    message.text = "";
    settle();
    keepPlace(turn);
  }
  if (event.type === "done") Object.assign(message, { id: event.messageId, sources: event.sources });
  if (event.type !== "token") return;
  message.text += event.token;
  tell("token", { token: event.token });
  if (turn.frame) return;
  turn.frame = setTimeout(() => requestAnimationFrame(() => show(turn)), turn.rested - performance.now());
}

/** At most once a frame, and less often where it takes long. */
function show(turn) {
  if (turn !== current) return;
  const began = performance.now();
  const follow = isAtEnd();
  showMarkdown(turn.element, turn.message.text, true);
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
  const { message } = turn;
  const follow = isAtEnd();
  catchUp();
  if (turn !== current) return;
  current = null;
  if (memory.running && memory.running.of === message.of) memory.running = undefined;
  if (!message.state) forgetPlace(message);
  message.of = undefined;
  say("");
  pending.replaceChildren();
  addMessage(message, turn.element, turn.question);
  showControls();
  if (follow) scrollDown();
  if (panel.hidden) markUnread(true);
  if (!message.state) tell("answer", { message: message.text, conversationId: turn.conversationId });
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
  if (!same) leave(true);
  visitor = next;
  if (same && fromQuestion(memory.messages).length) return;
  if (!same) input.value = "";
  memory = remembered() || fresh();
  showAnew();
  markUnread(false);
  showHistory();
}
