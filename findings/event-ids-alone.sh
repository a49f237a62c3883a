#!/bin/sh
# eventsource 4.1.1, eventsource-client 1.2.0, launchdarkly-eventsource 2.2.0 and extended-eventsource 2.1.0 (npm): the id with
# which a client comes back, where a server sends an id without data, to say how far its listener is, and events without one.
#
# Guess: an id that stands alone counts, and nobody hears of it; an event without an id has the last one (HTML Living Standard,
#   9.2.6: the last event ID is set before the empty data buffer ends the dispatch, and is not reset by an event).
# Seen: only extended-eventsource comes back with the id that stood alone, and it alone tells the page of a message without
#   data there. The other three come back with the one before. In eventsource `lastEventId` of an event without an id is ""
#   and in eventsource-client `id` is not set; in the other two it is the last one.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts eventsource@4.1.1 eventsource-client@1.2.0 \
  launchdarkly-eventsource@2.2.0 extended-eventsource@2.1.0
cat > look.mjs <<'NODE'
import assert from "node:assert";
import { createServer } from "node:http";
import { EventSource } from "eventsource";
import { createEventSource } from "eventsource-client";
import * as extended from "extended-eventsource";
import { EventSource as LaunchDarkly } from "launchdarkly-eventsource";

console.debug = console.info = console.warn = console.error = () => {};
const BODY = "retry: 50\nid: 1\ndata: first\n\ndata: second\n\nid: 2\n\n";
const standard = (Client) => (url, heard) => {
  const source = new Client(url);
  source.onmessage = (event) => heard(event.data, event.lastEventId);
  source.onerror = () => {};
  return source;
};
const clients = {
  eventsource: standard(EventSource),
  "eventsource-client": (url, heard) => createEventSource({ url, onMessage: (event) => heard(event.data, event.id) }),
  "launchdarkly-eventsource": standard(LaunchDarkly),
  "extended-eventsource": standard(extended.EventSource),
};
const seen = {};
for (const [name, open] of Object.entries(clients)) {
  const heard = [];
  let back;
  const asked = new Promise((resolve) => (back = resolve));
  let times = 0;
  const server = createServer((request, response) => {
    if (times++ === 0) return response.writeHead(200, { "content-type": "text/event-stream" }).end(BODY);
    back(request.headers["last-event-id"]);
    response.writeHead(204).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const source = open(`http://127.0.0.1:${server.address().port}/`, (...event) => heard.push(event));
  seen[name] = { heard, "comes back with": await asked };
  source.close();
  server.close();
}
process.stdout.write(JSON.stringify(seen, null, 1) + "\n");
assert.deepStrictEqual(seen, {
  eventsource: { heard: [["first", "1"], ["second", ""]], "comes back with": "1" },
  "eventsource-client": { heard: [["first", "1"], ["second", undefined]], "comes back with": "1" },
  "launchdarkly-eventsource": { heard: [["first", "1"], ["second", "1"]], "comes back with": "1" },
  "extended-eventsource": { heard: [["first", "1"], ["second", "1"], ["", "2"]], "comes back with": "2" },
}, "changed");
process.exit(0);
NODE
timeout 60 node look.mjs
