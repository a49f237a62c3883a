// Asking over the wire that was chosen, and the request as code.
import { Answer } from "./answer.js";
import { Connection } from "./connection.js";
import { showGraph } from "./graph.js";
import { forget, words } from "./log.js";
import { $, choices, copies, make, post, refusal } from "./page.js";
import { LANGUAGES } from "./snippets.js";
import { anew, state, wire } from "./state.js";
import { WIRES } from "./wires.js";

export function takeWire(name) {
  state.wire = name;
  const { agent, key, optional, hint, session } = wire();
  $("agent-field").hidden = !agent;
  $("key-field").hidden = !key;
  $("key-label").textContent = key ? `${key[0].toUpperCase()}${key.slice(1)}${optional ? " (optional)" : ""}` : "";
  $("key").value = sessionStorage.getItem(`key ${name}`) ?? "";
  $("hint").textContent = hint;
  $("sign-in").hidden = !session || Boolean(state.user);
  $("signed-in").hidden = !session || !state.user;
  clear();
}

function run(connection) {
  state.running = connection;
  $("stop").disabled = $("cut").disabled = !connection;
  $("send").disabled = Boolean(connection);
  if (!connection) $("cut").textContent = "Cut";
}

function clear() {
  state.running?.stop(false);
  anew();
  run(null);
  $("log").replaceChildren();
  forget();
  showGraph();
  showCode();
}

function values(text, key) {
  return {
    ...state, text, key, agent: $("agent").value, workflow: $("workflow").value,
    user: state.user?.id, chat: state.chat ?? "$CHAT", model: $("model").value,
  };
}

const keyGiven = () => $("key").value.trim();

function showCode(text = $("question").value || $("question").placeholder) {
  const asked = wire().request(values(text, wire().key && (keyGiven() || !wire().optional) ? "$KEY" : ""));
  const known = !wire().session || state.user;
  $("code").textContent = known ? LANGUAGES[state.language](asked, location.origin) : "Sign in first: the request names its user and a model.";
  showAgents();
}

// Who there is, and who answers. Whose a key is, the page cannot know.
function showAgents() {
  const { agents, anonymous, signedIn } = state.about;
  const name = (id) => make("bdi", "", agents.find((each) => each.id === id)?.name ?? "none of them");
  const { agent, session, optional } = wire();
  const reached = agent ? [name($("agent").value), ", with a key of its own"]
    : session ? [name(signedIn)]
    : keyGiven() || !optional ? ["the one that your key is for"]
    : [name(anonymous), anonymous ? "" : " without a key"];
  const names = agents.flatMap(({ id }) => [", ", name(id)]).slice(1);
  $("agents").replaceChildren("Agents here: ", ...names, ". You reach ", ...reached, ".");
}

async function openChat(signal) {
  const response = await post("/api/chats", {}, { signal });
  if (!response.ok) throw new Error(refusal(await response.text(), response));
  state.chat = (await response.json()).id;
}

async function ask(event) {
  event.preventDefault();
  const text = $("question").value.trim();
  if (!text || state.running) return;
  const opening = new AbortController();
  const answer = new Answer(text);
  const mine = new Connection(wire(), values(text, keyGiven()), answer);
  mine.line = opening;
  run(mine);
  $("question").value = "";
  forget();
  showGraph();
  words("user", text);
  try {
    if (wire().session && state.user && !state.chat) await openChat(opening.signal);
    showCode(text);
    mine.values = values(text, keyGiven());
    await mine.carry(wire().request(mine.values));
  } catch (error) {
    const reasons = { AbortError: "Stopped.", TypeError: `The connection broke: ${error.message}` };
    if (state.running === mine) answer.fail(reasons[error.name] ?? error.message);
  }
  if (state.running !== mine) return; // another conversation has begun
  run(null);
  $("question").focus();
}

// A question of the page's own, to the agent that needs no key.
export function askOpenly(question) {
  if (state.wire !== "workers") showWires("workers");
  $("key").value = "";
  $("question").value = question;
  $("ask").requestSubmit();
  $("log").scrollIntoView({ block: "center" });
}

function showWires(name) {
  choices($("wires"), Object.keys(WIRES), name, takeWire);
}

export function beginTalk() {
  choices($("languages"), Object.keys(LANGUAGES), state.language, (name) => { state.language = name; showCode(); });
  showWires(state.wire);
  $("ask").onsubmit = ask;
  $("question").oninput = $("agent").onchange = $("model").onchange = () => showCode();
  $("workflow").onchange = () => { showGraph(); showCode(); };
  $("key").oninput = () => { sessionStorage.setItem(`key ${state.wire}`, $("key").value); showCode(); };
  $("stop").onclick = () => state.running?.stop();
  $("cut").onclick = () => state.running?.cutOrMend();
  $("fresh").onclick = clear;
  copies($("copy"), $("code"));
}
