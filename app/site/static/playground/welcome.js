// The welcome: the widget on a sample page, the line that puts it into any page, and questions to click.
import { $, copies, getJson, make } from "./page.js";
import { state } from "./state.js";
import { askOpenly } from "./talk.js";

const KEPT = "key widget"; // where the widget wire's field and the sample page have it from, too
const CLOSED = "playground welcome";
const REFUSED = {
  401: "This is no widget key of this server, or it was revoked.",
  403: `This key is bound to other pages than those of ${location.origin}, so nobody can chat with it here.`,
};

const keyHere = () => sessionStorage.getItem(KEPT) ?? "";
let chat = null; // the sample page's, where it may be asked

// The first start prints a link with the key behind `#`, which browsers send to nobody.
function takeKeyFromAddress() {
  const [, key] = /^#(wk_[\w-]+)$/.exec(location.hash) ?? [];
  if (!key) return false;
  history.replaceState(null, "", location.pathname);
  takeKey(key);
  return true;
}

function takeKey(text) {
  const key = text.trim();
  sessionStorage.setItem(KEPT, key);
  $("widget-key").value = key;
  if (state.wire === "widget") $("key").value = key;
  showKey();
}

async function showKey() {
  const key = keyHere();
  chat = null;
  $("tag").textContent = `<script src="${location.origin}/widget.js" data-api-key="${key || "wk_…"}" async></script>`;
  $("sample").contentWindow.location.replace("/playground/sample"); // so that "back" leads off this page
  const wrong = key && (await whyNot(key));
  if (key === keyHere()) tell(key && (wrong || "The chat is on the sample page."), wrong);
}

function tell(text, isWrong) {
  $("key-state").textContent = text;
  $("key-state").classList.toggle("wrong", Boolean(isWrong));
}

// In words; nothing where the key is good, or where nobody can say.
async function whyNot(key) {
  if (key.startsWith("sk_")) return "This is a secret key: it belongs into no page. A widget key begins with wk_.";
  if (/[^!-~]/.test(key)) return REFUSED[401]; // what no header can have
  const response = await fetch("/v1/chat/widget", { headers: { "x-widget-api-key": key } });
  return REFUSED[response.status];
}

// To which pages a key is bound is not known before something is asked.
function listen() {
  chat = $("sample").contentWindow.ParlanceChat ?? null;
  chat?.on("error", ({ status }) => REFUSED[status] && tell(REFUSED[status], true));
}

// Of the one agent that there is, they are the widget's, too. Whose a key is, the page cannot know.
async function showQuestions() {
  const { questions } = await getJson("/playground/questions.json");
  const isAlone = state.about.agents.length === 1;
  sessionStorage.setItem("questions", isAlone ? questions.join("|") : "");
  $("questions").replaceChildren(...questions.map((question) => {
    const button = make("button", "", question);
    Object.assign(button, { type: "button", dir: "auto", onclick: () => ask(question, isAlone && chat) });
    return button;
  }));
  $("offered").hidden = !questions.length;
}

function ask(question, there) {
  if (!there || $("key-state").classList.contains("wrong")) return askOpenly(question);
  there.open();
  there.send(question);
}

export async function beginWelcome() {
  const { agents, anonymous } = state.about;
  $("make-key").textContent = `.venv/bin/flask keys create --kind widget --agent ${anonymous ?? agents[0].id}`;
  $("welcome").open = localStorage.getItem(CLOSED) === null;
  $("welcome").ontoggle = () => ($("welcome").open ? localStorage.removeItem(CLOSED) : localStorage.setItem(CLOSED, ""));
  $("bring").onsubmit = (event) => { event.preventDefault(); takeKey($("widget-key").value); };
  copies($("copy-tag"), $("tag"));
  copies($("copy-make-key"), $("make-key"));
  $("sample").onload = listen;
  $("widget-key").value = keyHere();
  const offered = showQuestions().catch(() => {}); // it is a welcome without them
  await Promise.race([offered, new Promise((enough) => setTimeout(enough, 2000))]); // knowledge may be indexed just now
  if (!takeKeyFromAddress()) showKey();
  addEventListener("hashchange", takeKeyFromAddress);
  $("welcome").setAttribute("aria-busy", "false");
}
