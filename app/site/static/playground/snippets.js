// A request as code to take along, in each language: complete, so that it runs as it stands.
//
// Secrets are read from the environment (KEY, or EMAIL and PASSWORD), since what is copied gets around. Where a path has
// $CHAT, a chat is begun first; where a header has $KEY, the key belongs. Where a vendor has an SDK for it, the code uses that.

const SIGN_IN = "/api/auth/sign-in/email";
const CHATS = "/api/chats";
const json = { "Content-Type": "application/json" };
const opensChat = ({ path }) => path.includes("$CHAT");

function curl(asked, origin) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const post = (options, path, headers, data) => [
    `curl ${options} "${origin}${path}"`,
    ...Object.entries(headers).map(([name, value]) => `-H "${name}: ${value}"`),
    `-d ${data}`,
  ].join(" \\\n  ");
  const steps = [];
  if (asked.session) steps.push(post("-sS -c cookies.txt", SIGN_IN, json, String.raw`"{\"email\": \"$EMAIL\", \"password\": \"$PASSWORD\"}"`));
  if (opensChat(asked)) steps.push(`CHAT=$(${post("-sS -b cookies.txt", CHATS, json, "'{}'")} | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')`);
  steps.push(post(asked.session ? "-N -b cookies.txt" : "-N", asked.path, asked.headers, quoted(JSON.stringify(asked.body))));
  return steps.join("\n\n");
}

function javaScript(asked, origin) {
  const known = { $KEY: "${process.env.KEY}", $CHAT: "${chat.id}" };
  const string = (text) => text.includes("$") ? `\`${text.replace(/\$[A-Z]+/g, (name) => known[name])}\`` : JSON.stringify(text);
  const post = (path, headers, body) => `await fetch(${string(origin + path)}, {
  method: "POST",
  headers: { ${headers} },
  body: JSON.stringify(${body}),
})`;
  const written = (headers) => Object.entries(headers).map(([name, value]) => `${JSON.stringify(name)}: ${string(value)}`).join(", ");
  const cookie = asked.session ? ", Cookie: cookie" : "";
  const steps = [];
  if (asked.session) {
    steps.push(`const signedIn = ${post(SIGN_IN, written(json), "{ email: process.env.EMAIL, password: process.env.PASSWORD }")};
if (!signedIn.ok) throw new Error(await signedIn.text());
const cookie = signedIn.headers.get("set-cookie").split(";")[0];`);
  }
  if (opensChat(asked)) steps.push(`const chat = await (${post(CHATS, written(json) + cookie, "{}")}).json();`);
  steps.push(`const response = ${post(asked.path, written(asked.headers) + cookie, JSON.stringify(asked.body))};
for await (const piece of response.body.pipeThrough(new TextDecoderStream())) process.stdout.write(piece);`);
  return `// Runs in Node.js 18 or newer, as a module.\n${steps.join("\n\n")}`;
}

// A text of one line, with what Python has for JSON's words.
const literal = (value) => value === true ? "True" : JSON.stringify(value);

function javaScriptSdk({ sdk, body }, origin) {
  return `// Runs in Node.js 20 or newer, as a module, after: npm install ${sdk.npm}
import ${sdk.name} from "${sdk.npm}";

const client = new ${sdk.name}({ apiKey: process.env.KEY, baseURL: "${origin}${sdk.base}" });
const events = await client.${sdk.call}(${JSON.stringify(body)});
for await (const event of events) process.stdout.write((${sdk.javaScript}) || "");`;
}

function pythonSdk({ sdk, body }, origin) {
  const fields = Object.entries(body).map(([name, value]) => `    ${name}=${literal(value)},\n`).join("");
  return `# pip install ${sdk.pypi}
import os

from ${sdk.pypi} import ${sdk.name}

client = ${sdk.name}(api_key=os.environ["KEY"], base_url="${origin}${sdk.base}")
for event in client.${sdk.call}(
${fields}):
    print(${sdk.python} or "", end="", flush=True)`;
}

function python(asked, origin) {
  const known = { $KEY: "{os.environ['KEY']}", $CHAT: "{chat['id']}" };
  const string = (text) => text.includes("$") ? `f"${text.replace(/\$[A-Z]+/g, (name) => known[name])}"` : JSON.stringify(text);
  const headers = Object.entries(asked.headers).map(([name, value]) => `${JSON.stringify(name)}: ${string(value)}`).join(", ");
  const steps = ["import os\n\nimport requests"];
  if (asked.session) {
    steps.push(`session = requests.Session()
signed_in = session.post(
    ${string(origin + SIGN_IN)},
    json={"email": os.environ["EMAIL"], "password": os.environ["PASSWORD"]},
)
signed_in.raise_for_status()`);
  }
  if (opensChat(asked)) steps.push(`chat = session.post(${string(origin + CHATS)}, json={}).json()`);
  steps.push(`response = ${asked.session ? "session" : "requests"}.post(
    ${string(origin + asked.path)},
    headers={${headers}},
    json=${JSON.stringify(asked.body)},
    stream=True,
)
for piece in response.iter_content(None, decode_unicode=True):
    print(piece, end="", flush=True)`);
  return steps.join("\n\n");
}

export const LANGUAGES = {
  curl,
  JavaScript: (asked, origin) => (asked.sdk ? javaScriptSdk : javaScript)(asked, origin),
  Python: (asked, origin) => (asked.sdk ? pythonSdk : python)(asked, origin),
};
