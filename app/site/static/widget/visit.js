// A visit: what the pages that one tab shows after each other have in common, and whether the chat may be there at all.

function noted(what) {
  try {
    return sessionStorage.getItem(`${place("")}:${what}`);
  } catch {
    return null;
  }
}

function note(what, value) {
  try {
    sessionStorage.setItem(`${place("")}:${what}`, value);
  } catch {}
}

// Whether the server speaks all of the wire, as far as is known: then answers are read on and stopped.
let rejoins = false;

/** Asked once a visit. Where the server does not say no, it may come back. */
async function isWelcome() {
  const url = route("widget");
  if (url === endpoint) return true;
  rejoins = Boolean(noted("welcome"));
  if (rejoins) return true;
  const headers = { "x-widget-api-key": data.apiKey };
  try {
    await request(url, { headers, signal: AbortSignal.timeout(4000) });
    note("welcome", 1);
    rejoins = true;
  } catch ({ status, reason }) {
    if (status === 401 || status === 403) {
      complain(`there is no chat here, since this key is not for pages of ${location.origin} (${status}: ${reason})`);
      blockedUntil = Infinity;
    }
  }
  return blockedUntil < Infinity;
}
