// The playground: asks over any wire, shows the answer, and beside it the bytes of which it was made.
import { beginAccount } from "./account.js";
import { $, getJson, make } from "./page.js";
import { state } from "./state.js";
import { beginTalk } from "./talk.js";
import { beginWelcome } from "./welcome.js";

state.about = await getJson("/playground/about.json");
$("agent").replaceChildren(...state.about.agents.map((agent) => new Option(agent.name, agent.id)));
$("links").replaceChildren(...state.about.links.map(({ name, path }) => Object.assign(make("a", "", name), { href: path })));
beginTalk();
beginAccount();
beginWelcome();
