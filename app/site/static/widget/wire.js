// The wire: docs/wires/widget.md.

// Milliseconds; a living server says something every 15 seconds.
const SILENCE = 90000;

function failure(state, details) {
  return Object.assign(new Error(state), { state, ...details });
}

const STATES = {
  401: "refused", 402: "refused", 403: "refused", 404: "refused", 409: "busy", 429: "limited", 503: "busy",
};

/** The address of what lies beside the endpoint. */
function route(name) {
  return endpoint.replace(/(v1\/)?chat(\/stream)?$/, `v1/chat/${name}`);
}

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
