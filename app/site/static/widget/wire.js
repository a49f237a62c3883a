// The wire: docs/wires/widget.md.

// Milliseconds; a living server says something every 15 seconds.
const SILENCE = 90000;

function failure(state, details) {
  return Object.assign(new Error(state), { state, ...details });
}

const STATES = {
  401: "refused", 402: "refused", 403: "refused", 404: "refused", 409: "busy", 429: "limited", 503: "busy",
};

const ENDS = {
  "The answer was stopped": "stopped", "The answer was broken off": "broken", "The answer was lost": "broken",
};
// Of answers that are not there to be read on, 405 where the server cannot do it.
const GONE = [204, 404, 405];
// How often it comes back to an answer that has begun, each time waiting twice as long: for half a minute.
const MOST_TRIES = 5;

/** The address of what lies beside the endpoint. */
function route(name) {
  return endpoint.replace(/(v1\/)?chat(\/stream)?$/, `v1/chat/${name}`);
}

/** Asks, or comes back to the answer; hands each event to `receive`, once. Throws a failure unless `done` has come. */
async function exchange(turn, receive) {
  const { message, abort } = turn;
  await recall(abort.signal);
  turn.session = memory.sessionId;
  let lost;
  for (let tries = 0; ; tries++) {
    const from = message.cursor;
    const back = turn.back || from || lost;
    try {
      return await listen(turn, back, receive);
    } catch (error) {
      const { state, status, ended, reason } = error;
      const { cursor } = message;
      if (cursor !== from) tries = 0;
      if (back && GONE.includes(status)) throw (!from && lost) || failure("broken", { quiet: true, ended: from });
      const returns = state === "broken" || state === "offline" || (back && (status >= 500 || !status));
      if (!rejoins || abort.signal.aborted || ended || !returns) throw error;
      lost = lost || error;
      if (tries >= (cursor ? MOST_TRIES : 2)) throw cursor ? failure("broken", { status, reason }) : lost;
      await pause(turn, 1000 * 2 ** tries);
    }
  }
}

function pause(turn, milliseconds) {
  return new Promise((resolve) => {
    turn.wake = resolve;
    setTimeout(resolve, milliseconds);
  });
}

/** Once. With `back` to an answer that was asked for before: from its cursor, if it has one. */
async function listen(turn, back, receive) {
  const { message, abort, question, session } = turn;
  // The connection broke, or the page was left, behind the end.
  if (message.cursor && message.cursor.endsWith(".end")) return;
  const attempt = new AbortController();
  const cut = () => attempt.abort();
  abort.signal.addEventListener("abort", cut);
  if (abort.signal.aborted) cut();
  const more = rejoins ? { "last-event-id": message.cursor || "" } : {};
  const options = { signal: attempt.signal, more };
  if (!back) {
    Object.assign(options, { method: "POST", body: JSON.stringify({ sessionId: session, message: question.text }) });
    if (rejoins) more["idempotency-key"] = message.key;
  }
  turn.wake = back ? cut : () => {};
  const alarm = back && setTimeout(cut, SILENCE / 4);
  const response = await request(back ? runningAt(session) : endpoint, options).finally(() => clearTimeout(alarm));
  if (response.status === 204) throw failure("broken", { status: 204 });
  turn.wake = cut;
  let done = false;
  await readLines(response.body, turn, (line) => {
    const event = parsed(line);
    if (event.type === "error") throw ending(String(event.error));
    receive(event);
    done = done || event.type === "done";
  });
  if (!done) throw failure("broken");
}

function runningAt(session) {
  return `${route("stream")}?sessionId=${session}`;
}

/** Who is too slow has not heard the end. */
function ending(reason) {
  return failure(ENDS[reason] || "failed", { reason, ended: !reason.startsWith("Too slow") });
}

/** Ends a running answer at the server; what is kept of it, or nothing where that is not known. */
async function halt({ session }) {
  if (!rejoins || !session) return null;
  try {
    const response = await request(runningAt(session), { method: "DELETE", signal: AbortSignal.timeout(5000) });
    return await response.json();
  } catch {
    return null;
  }
}

/** The response, to a request with `more` headers or its own. Throws a failure where there is none, or a refusal. */
async function request(url, options) {
  const headers = { "content-type": "application/json", "x-widget-api-key": data.apiKey, ...options.more };
  if (visitor) headers["x-visitor"] = visitor;
  const { signal } = options;
  const response = await fetch(url, { headers, credentials: "omit", cache: "no-store", ...options }).catch((error) => {
    throw signal && signal.aborted ? error : failure("offline");
  });
  if (STATES[response.status] === "refused") note("welcome", "");
  if (!response.ok) throw await refusal(response);
  return response;
}

/** What a vouched-for visitor has said before, on whatever device, is put in front. Throws a failure. */
async function recall(signal) {
  if (!visitor || memory.known) return;
  const [asked, anew] = [memory, remembered()];
  const url = route("history");
  const response = await request(anew ? `${url}?sessionId=${anew.sessionId}` : url, { signal });
  const { sessionId, messages } = await response.json();
  if (memory !== asked || memory.known || !sessionId) return;
  // Answers that have not begun are empty.
  const told = messages.filter((each) => each.message);
  const before = told.map(({ role, message, status, messageId, sources, rating }) => ({
    ...(role === "user" ? { role } : { role: "bot", id: messageId, sources, rating }),
    text: message,
    state: status === "complete" ? undefined : "broken",
  }));
  const since = fromQuestion(memory.messages);
  Object.assign(memory, { sessionId, messages: [...before, ...since] });
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
async function readLines(body, turn, receive) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (let end = false; !end; ) {
      const piece = await nextPiece(reader, turn.abort);
      turn.heard = Date.now();
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
