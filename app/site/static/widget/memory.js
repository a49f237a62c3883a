// The session and what was said. `running` is an answer as far as it came, for whoever comes back to it: the message, with
// `of`, the question's id.

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
    const { sessionId, messages, running } = JSON.parse(localStorage.getItem(place()));
    if (!/^[\w.:-]{1,128}$/.test(sessionId)) return null;
    if (visitor) return { sessionId, messages: [] };
    const sound = messages.filter((each) => ["user", "bot"].includes(each.role) && typeof each.text === "string");
    return { sessionId, messages: fromQuestion(sound), running };
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
  const size = (message) => JSON.stringify(message).length;
  let total = kept.reduce((sum, each) => sum + size(each), 0);
  while (total > MOST_CHARACTERS && kept.length > 2) total -= size(kept.shift());
  try {
    const { sessionId, running } = memory;
    localStorage.setItem(place(), JSON.stringify({ sessionId, messages: kept, running: visitor ? undefined : running }));
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
