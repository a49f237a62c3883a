#!/bin/sh
# @microsoft/fetch-event-source 2.0.1 (npm): a page that sends a `Last-Event-ID` of its own with its first request.
#
# Guess: names of headers have no case, so the id that the client keeps takes the place of the page's: after `id: 7` it asks
#   again with `Last-Event-ID: 7`.
# Seen: it keeps its own under `last-event-id`, beside the page's. `fetch` makes one header of both, and the server reads
#   `5, 7`, or `, 7` where the page's is empty. Written as `last-event-id` by the page too, it is `7`.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @microsoft/fetch-event-source@2.0.1
cat > look.mjs <<'NODE'
import assert from "node:assert";
import { createServer } from "node:http";
import { fetchEventSource } from "@microsoft/fetch-event-source";

globalThis.window = globalThis; // it is made for pages
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

let sent = [];
const server = createServer((request, response) => {
  sent.push(request.headers["last-event-id"]);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("id: 7\ndata: x\n\n");
  if (sent.length === 1) setTimeout(() => response.destroy(), 50); // the client asks again
  else response.end();
}).listen(0, "127.0.0.1");
await new Promise((listening) => server.once("listening", listening));

async function asked(headers) {
  sent = [];
  await fetchEventSource(`http://127.0.0.1:${server.address().port}/`, { headers, onerror: () => 10 });
  return sent;
}
const found = {
  same: await asked({ "last-event-id": "5" }),
  other: await asked({ "Last-Event-ID": "5" }),
  empty: await asked({ "Last-Event-ID": "" }),
};
console.log(found);
server.close();
assert.deepStrictEqual(found, { same: ["5", "7"], other: ["5", "5, 7"], empty: ["", ", 7"] }, "changed");
NODE
node look.mjs
