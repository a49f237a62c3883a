// The playground: asks over any wire, shows the answer, and beside it the bytes of which it was made.
import { LANGUAGES } from "./snippets.js";
import { WIRES } from "./wires.js";

const MOST_RAW = 200_000; // characters that are kept on screen
const $ = (id) => document.getElementById(id);
const state = { wire: "workers", language: "curl", ...fresh() };
let running = null; // the controller of the answer that is under way

function fresh() {
  return { history: [], session: `playground-${randomId()}`, conversation: null, chat: null };
}

// crypto.randomUUID, like the clipboard below, is only there over https and on the machine itself.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// A row of choices of which one is taken; arrow keys move.
function choices(group, names, chosen, choose) {
  const buttons = names.map((name) => {
    const button = make("button", "", name);
    Object.assign(button, { type: "button", onclick: () => take(name) });
    button.setAttribute("role", "radio");
    return button;
  });
  const take = (name, focus) => {
    for (const button of buttons) {
      const taken = button.textContent === name;
      button.setAttribute("aria-checked", taken);
      button.tabIndex = taken ? 0 : -1;
      if (taken && focus) button.focus();
    }
    choose(name);
  };
  group.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true");
    take(names[(at + step + names.length) % names.length], true);
  };
  group.replaceChildren(...buttons);
  take(chosen);
}

function post(path, body, options = {}) {
  return fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), ...options });
}

// What all pages of a list have.
async function getPages(path, list) {
  const found = [];
  for (let query = ""; ;) {
    const page = await getJson(path + query);
    found.push(...page[list]);
    if (!page.nextCursor) return found;
    query = `?cursor=${encodeURIComponent(page.nextCursor)}`;
  }
}

async function getJson(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function takeWire(name) {
  state.wire = name;
  Object.assign(state, fresh());
  const wire = WIRES[name];
  $("agent-field").hidden = !wire.agent;
  $("key-field").hidden = !wire.key;
  $("key-label").textContent = wire.key ? `${wire.key[0].toUpperCase()}${wire.key.slice(1)}${wire.optional ? " (optional)" : ""}` : "";
  $("key").value = sessionStorage.getItem(`key ${name}`) ?? "";
  $("hint").textContent = wire.hint;
  $("sign-in").hidden = !wire.session || Boolean(state.user);
  $("signed-in").hidden = !wire.session || !state.user;
  clear();
}

function run(controller) {
  running = controller;
  $("stop").disabled = !controller;
  $("send").disabled = Boolean(controller);
}

function clear() {
  running?.abort();
  run(null);
  $("log").replaceChildren();
  $("raw").replaceChildren();
  forgetFigures();
  showGraph();
  showCode();
}

function forgetFigures() {
  for (const id of ["status", "first", "tokens", "pace", "bytes"]) $(id).textContent = "–";
}

function log(element) {
  $("log").append(element);
  scrollLog();
  return element;
}

function scrollLog() {
  $("log").scrollTop = $("log").scrollHeight;
}

function request(text, key) {
  const values = {
    ...state, text, key, agent: $("agent").value, workflow: $("workflow").value,
    user: state.user?.id, chat: state.chat ?? "$CHAT", model: $("model").value,
  };
  return WIRES[state.wire].request(values);
}

const keyGiven = () => $("key").value.trim();

function showCode(text = $("question").value || $("question").placeholder) {
  const wire = WIRES[state.wire];
  const asked = request(text, wire.key && (keyGiven() || !wire.optional) ? "$KEY" : "");
  const known = !wire.session || state.user;
  $("code").textContent = known ? LANGUAGES[state.language](asked, location.origin) : "Sign in first: the request names its user and a model.";
  showAgents();
}

// Who there is, and who answers. Whose a key is, the page cannot know.
function showAgents() {
  const { agents, anonymous, signedIn } = state.about;
  const name = (id) => agents.find((agent) => agent.id === id)?.name;
  const wire = WIRES[state.wire];
  const reached = wire.agent ? `${name($("agent").value)}, with a key of its own`
    : wire.session ? name(signedIn)
    : keyGiven() || !wire.optional ? "the one that your key is for"
    : name(anonymous) ?? "none of them without a key";
  $("agents").textContent = `Agents here: ${agents.map((agent) => agent.name).join(", ")}. You reach ${reached}.`;
}

// ------------------------------------------------------------------ signing in

async function welcome() {
  const [{ user }, { models }, workflows] = await Promise.all(
    [getJson("/api/auth/session"), getJson("/api/models"), getPages("/api/workflows", "workflows")]);
  Object.assign(state, { user, workflows });
  $("who").textContent = user.email;
  $("model").replaceChildren(...models.map((each) => new Option(each.name, each.id)));
  $("workflow").replaceChildren(new Option("none", ""), ...workflows.map((each) => new Option(each.name, each.id)));
  if (state.wire === "chats") takeWire("chats");
}

async function signIn(event) {
  event.preventDefault();
  if (!WIRES[state.wire].session || state.user) return; // Enter in the key's field
  const response = await post("/api/auth/sign-in/email", { email: $("email").value, password: $("password").value });
  if (!response.ok) return void ($("hint").textContent = refusal(await response.text(), response));
  $("password").value = ""; // the next one at this computer may sign out and find it
  return welcome();
}

async function signOut() {
  const response = await post("/api/auth/sign-out", {});
  if (!response.ok) return void ($("hint").textContent = refusal(await response.text(), response));
  Object.assign(state, { user: null, workflows: [] });
  takeWire(state.wire);
}

async function copy() {
  try {
    await navigator.clipboard.writeText($("code").textContent);
  } catch {
    getSelection().selectAllChildren($("code"));
    document.execCommand("copy");
  }
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy"), 2000);
}

async function openChat(signal) {
  const response = await post("/api/chats", {}, { signal });
  if (!response.ok) throw new Error(refusal(await response.text(), response));
  state.chat = (await response.json()).id;
}

// ------------------------------------------------------------------ asking

async function ask(event) {
  event.preventDefault();
  const text = $("question").value.trim();
  if (!text || running) return;
  const mine = new AbortController();
  run(mine);
  $("question").value = "";
  $("raw").replaceChildren();
  forgetFigures();
  showGraph();
  log(make("div", "said user", text));
  const answer = new Answer(text);
  try {
    if (WIRES[state.wire].session && state.user && !state.chat) await openChat(mine.signal);
    showCode(text);
    await answer.listen(request(text, keyGiven()), mine.signal);
  } catch (error) {
    const words = { AbortError: "Stopped.", TypeError: `The connection broke: ${error.message}` };
    if (running === mine) answer.fail(words[error.name] ?? error.message);
  }
  if (running !== mine) return; // another conversation has begun
  run(null);
  $("question").focus();
}

class Answer {
  constructor(question) {
    Object.assign(this, { question, text: "", tokens: 0, bytes: 0, calls: new Map(), said: null });
  }

  async listen({ path, headers, body }, signal) {
    this.begun = performance.now();
    const response = await post(path, body, { headers, signal });
    $("status").textContent = `${response.status} ${response.statusText}`;
    raw(`HTTP/1.1 ${response.status} ${response.statusText}\ncontent-type: ${response.headers.get("content-type")}\n\n`);
    const { end, read } = WIRES[state.wire].frames;
    const decoder = new TextDecoder();
    let rest = "";
    for (const reader = response.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      const piece = decoder.decode(value, { stream: true });
      this.bytes += value.length;
      raw(piece, performance.now() - this.begun);
      rest += piece;
      const cut = rest.lastIndexOf(end) + end.length;
      if (response.ok && cut >= end.length) {
        for (const frame of read(rest.slice(0, cut))) for (const told of WIRES[state.wire].meaning(frame)) this.hear(told);
        rest = rest.slice(cut);
      }
      scrollLog();
      this.figures();
    }
    if (!response.ok) this.fail(refusal(rest, response));
    settleGraph(this.failed);
    if (!this.failed && this.text) state.history.push({ role: "user", content: this.question }, { role: "assistant", content: this.text });
  }

  hear(told) {
    if (told.text !== undefined) {
      this.first ??= performance.now() - this.begun;
      this.tokens += 1;
      this.text += told.text;
      this.said ??= log(make("div", "said")).appendChild(new Text());
      this.said.appendData(told.text);
      markAnswering();
    }
    if (told.call) this.call(told.call);
    if (told.result) this.result(told.result);
    if (told.source) log(make("div", "call", `source: ${told.source}`));
    if (told.conversation) state.conversation = told.conversation;
    if (told.error) this.fail(told.error);
  }

  call({ id, name, args, done }) {
    const element = log(make("div", done ? "call" : "call waiting", `${name}(${JSON.stringify(args)})`));
    this.said = null;
    if (id) this.calls.set(id, element);
    mark(id, "running");
  }

  result({ id, value, failed }) {
    const element = this.calls.get(id) ?? log(make("div", "call"));
    element.classList.remove("waiting");
    element.append(make("div", failed ? "isError" : "", `→ ${JSON.stringify(value)}`));
    mark(id, failed ? "failed" : "complete");
  }

  fail(words) {
    this.failed = true;
    log(make("div", "said failed", words));
    for (const call of this.calls.values()) call.classList.remove("waiting");
    breakOff();
  }

  figures() {
    const seconds = (performance.now() - this.begun - (this.first ?? 0)) / 1000;
    $("first").textContent = this.first === undefined ? "–" : `${Math.round(this.first)} ms`;
    $("tokens").textContent = this.tokens;
    $("pace").textContent = this.tokens > 1 ? (this.tokens / seconds).toFixed(1) : "–";
    $("bytes").textContent = this.bytes;
  }
}

function refusal(text, response) {
  const wait = response.headers.get("Retry-After");
  try {
    const { message, error } = JSON.parse(text);
    return (message ?? error?.message ?? error) + (wait ? ` Wait ${wait} s.` : "");
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

function raw(text, milliseconds) {
  const pane = $("raw");
  if (milliseconds !== undefined) pane.append(make("time", "", `+${Math.round(milliseconds)} ms\n`));
  pane.append(text);
  while (pane.textContent.length > MOST_RAW) pane.firstChild.remove();
  pane.scrollTop = pane.scrollHeight;
}

// ------------------------------------------------------------------ a workflow's steps, as they run

function showGraph() {
  const workflow = state.wire === "chats" && state.workflows?.find((each) => each.id === $("workflow").value);
  $("graph").hidden = !workflow;
  if (!workflow) return $("graph").replaceChildren();
  const row = {};
  const depth = (step) => row[step.id] ??= 1 + Math.max(-1, ...(step.dependsOn ?? []).map((id) => depth(workflow.steps.find((each) => each.id === id))));
  const rows = [];
  for (const step of workflow.steps) (rows[depth(step)] ??= []).push(step);
  $("graph").replaceChildren(...rows.map((steps) => {
    const element = make("div", "row");
    element.append(...steps.map((step) => {
      const box = make("div", "step", step.name ?? step.id);
      box.dataset.step = step.id;
      box.dataset.speaks = !step.tool;
      box.append(make("small", "", step.tool ?? (step.prompt ? "model" : "text")));
      return box;
    }));
    return element;
  }));
}

const boxes = () => [...$("graph").querySelectorAll(".step")];

// A call's id begins with its step's.
function mark(id, how) {
  const box = boxes().find((each) => id?.startsWith(`${each.dataset.step}_`));
  if (box) box.className = `step ${how}`;
}

function markAnswering() {
  const silent = boxes().filter((each) => each.dataset.speaks === "true");
  if (silent.length === 1) silent[0].className = "step running";
}

// What was not heard of by the end was skipped, but for the step that answered.
async function settleGraph(failed) {
  if (!boxes().length || !state.chat) return;
  const { runs } = await getJson(`/api/chats/${state.chat}/workflow-runs?limit=1`);
  if (!runs.length) return;
  for (const step of await getPages(`/api/workflow-runs/${runs[0].id}`, "steps")) {
    const box = boxes().find((each) => each.dataset.step === step.id);
    if (box) box.className = `step ${step.status}`;
  }
  if (failed) breakOff();
}

// What runs when an answer fails, or is stopped, comes to no end.
function breakOff() {
  for (const box of boxes()) if (box.classList.contains("running")) box.className = "step failed";
}

// ------------------------------------------------------------------ the page

async function begin() {
  state.about = await getJson("/playground/about.json");
  const { agents, links } = state.about;
  $("agent").replaceChildren(...agents.map((agent) => new Option(agent.name, agent.id)));
  $("links").replaceChildren(...links.map(({ name, path }) => Object.assign(make("a", "", name), { href: path })));
  choices($("languages"), Object.keys(LANGUAGES), state.language, (name) => { state.language = name; showCode(); });
  choices($("wires"), Object.keys(WIRES), state.wire, takeWire);
  $("ask").onsubmit = ask;
  $("access").onsubmit = signIn;
  $("sign-out").onclick = signOut;
  $("question").oninput = $("agent").onchange = $("model").onchange = () => showCode();
  $("workflow").onchange = () => { showGraph(); showCode(); };
  $("key").oninput = () => { sessionStorage.setItem(`key ${state.wire}`, $("key").value); showCode(); };
  $("stop").onclick = () => running?.abort();
  $("fresh").onclick = () => { Object.assign(state, fresh()); clear(); };
  $("copy").onclick = copy;
  welcome().catch(() => {}); // who has signed in before still is
}

begin();
