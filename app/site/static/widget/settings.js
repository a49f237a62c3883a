// The script tag's attributes, and the events that the page hears.

const script = document.currentScript || document.querySelector("script[data-api-key]");
// A second tag changes nothing.
if (window.ParlanceChat || !script) return;

const data = script.dataset;
const wanted = [document.documentElement.lang, ...navigator.languages];
const ownTexts = Object.keys(data).some((name) => name.startsWith("text"));
const lang = spoken(data.lang) || wanted.find((each) => base(each) in WORDS) || "en";
const words = chosenWords();
const rtl = /^(ar|fa|he|ur)$/.test(base(lang));
const side = ["left", "right"].includes(data.position) ? data.position : rtl ? "left" : "right";
const imageHosts = parts((data.imageHosts || "").toLowerCase(), /[\s,]+/);
// That of a visitor for whom the site vouches.
const token = (data.visitor || "").trim();
const endpoint = address(data.endpoint || "/chat", data.endpoint ? document.baseURI : script.src);

if (!data.apiKey) return complain("the script tag needs data-api-key, a widget key");
if (!endpoint) return complain(`data-endpoint is no address: ${data.endpoint}`);
if (token && !isToken(token)) return complain("data-visitor is no visitor's token");

function parts(text, separator) {
  return (text || "").split(separator).map((each) => each.trim()).filter(Boolean);
}

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
