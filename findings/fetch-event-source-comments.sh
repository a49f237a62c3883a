#!/bin/sh
# @microsoft/fetch-event-source 2.0.1 (npm), beside eventsource-parser 3.1.0: comments in a stream of server-sent events.
#
# Guess: a comment and a blank line dispatch nothing (HTML Living Standard, 9.2.6: where the data buffer is empty, it is only
#   reset), whoever reads them.
# Seen: fetch-event-source calls `onmessage` with a message of empty data for the blank line. A page that parses each data
#   as JSON throws there, and where `onerror` does not throw too, the client posts its request again. A comment with one
#   line end, and the next event's first line right behind it, is passed over.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @microsoft/fetch-event-source@2.0.1 eventsource-parser@3.1.0
cat > look.mjs <<'NODE'
import assert from "node:assert";
import { createServer } from "node:http";
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { createParser } from "eventsource-parser";

globalThis.window = globalThis; // it is made for pages
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

let requests = 0;
const server = createServer((request, response) => {
  requests++;
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(request.url === "/blank" ? ": c\n\ndata: {}\n\n" : ": c\ndata: {}\n\n");
}).listen(0, "127.0.0.1");
await new Promise((listening) => server.once("listening", listening));
const base = `http://127.0.0.1:${server.address().port}`;

async function seen(path) {
  const told = [];
  await fetchEventSource(base + path, { method: "POST", onmessage: ({ data }) => told.push(data) });
  return told;
}
async function standard(path) {
  const told = [];
  const parser = createParser({ onEvent: ({ data }) => told.push(data) });
  parser.feed(await (await fetch(base + path)).text());
  return told;
}

const found = { blank: await seen("/blank"), line: await seen("/line"), standard: await standard("/blank") };
requests = 0;
const parsed = fetchEventSource(`${base}/blank`, { method: "POST", onmessage: ({ data }) => JSON.parse(data), onerror: () => (requests < 3 ? 1 : assert.fail("enough")) });
await parsed.catch(() => {});
console.log(found, `requests of a page that parses each message: ${requests}`);
server.close();
assert.deepStrictEqual(found, { blank: ["", "{}"], line: ["{}"], standard: ["{}"] }, "changed");
assert.strictEqual(requests, 3, "changed");
NODE
node look.mjs
