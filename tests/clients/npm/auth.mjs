// Signs up, in and out with better-auth's own client, as a page of the server's own origin does it.
//
//   node auth.mjs URL EMAIL     one line of JSON: what each call told, and the cookie that the server gave with it
import { createAuthClient } from "better-auth/client";

const [url, email] = process.argv.slice(2);
const [password, image] = ["correct horse", `${url}/ada.png`];
let cookie = "";
let given = null;

/** A browser's `fetch`, as far as cookies and the origin go. */
async function customFetchImpl(input, init) {
  const headers = new Headers(init.headers);
  headers.set("origin", url);
  if (cookie) headers.set("cookie", cookie);
  const response = await fetch(input, { ...init, headers });
  given = response.headers.get("set-cookie");
  if (given) cookie = given.split(";")[0];
  return response;
}

const client = createAuthClient({ baseURL: url, fetchOptions: { customFetchImpl } });
const told = {};

async function call(name, answer) {
  const { data, error } = await answer;
  told[name] = { data, error, cookie: given };
}

await call("nobody", client.getSession());
await call("made", client.signUp.email({ email, password, name: "Ada", image, callbackURL: "/welcome" }));
await call("known", client.getSession());
told.dates = Object.values(told.known.data.session).filter((each) => each instanceof Date).length;
await call("out", client.signOut());
await call("gone", client.getSession());
await call("wrong", client.signIn.email({ email, password: "wrong horse" }));
await call("taken", client.signUp.email({ email, password, name: "Eve" }));
await call("elsewhere", client.signIn.email({ email, password, callbackURL: "https://evil.example/" }));
await call("short", client.signIn.email({ email, password, rememberMe: false, callbackURL: "/home" }));
await call("still", client.getSession());
await call("left", client.signOut());
await call("long", client.signIn.email({ email, password, rememberMe: true }));
console.log(JSON.stringify(told));
