// Signing in and out.
import { $, getJson, getPages, post, refusal } from "./page.js";
import { state, wire } from "./state.js";
import { takeWire } from "./talk.js";

// Who has signed in, also before this page was opened. Throws where nobody has.
async function recognise() {
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
  if (!wire().session || state.user) return; // Enter in the key's field
  const response = await post("/api/auth/sign-in/email", { email: $("email").value, password: $("password").value });
  if (!response.ok) return void ($("hint").textContent = refusal(await response.text(), response));
  $("password").value = ""; // the next one at this computer may sign out and find it
  return recognise();
}

async function signOut() {
  const response = await post("/api/auth/sign-out", {});
  if (!response.ok) return void ($("hint").textContent = refusal(await response.text(), response));
  Object.assign(state, { user: null, workflows: [] });
  takeWire(state.wire);
}

export function beginAccount() {
  $("access").onsubmit = signIn;
  $("sign-out").onclick = signOut;
  recognise().catch(() => {}); // most have not
}
