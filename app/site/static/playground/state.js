// What the page knows: which wire, in which language code is shown, who is there (`about`), who has signed in (`user`), and
// the conversation.
import { WIRES } from "./wires.js";

export const state = { wire: "workers", language: "curl", about: null, user: null, workflows: [] };
anew();

export const wire = () => WIRES[state.wire];

// Another conversation. `running` is the connection on which an answer comes.
export function anew() {
  Object.assign(state, { history: [], session: `playground-${randomId()}`, conversation: null, chat: null, running: null });
}

// crypto.randomUUID is only there over https and on the machine itself.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
