#!/bin/sh
# event-source-polyfill 1.0.31 (npm): how a server ends a stream for good, and where the client says how far it is.
#
# Guess: 204 ends it, as with a browser's own EventSource and the package eventsource ("HTTP 204 No Content", HTML Living
#   Standard, 9.2.1), and the last id comes back in the header `Last-Event-ID`.
# Seen (Node 20, where it uses fetch): 204 is one more lost connection: it asks again and again, with growing pauses. Its own
#   check of the status is not reached, for it reads the body first, which a 204 has not (a TypeError that it reports itself). The
#   id is in the query, as `lastEventId`, and in no header; a server that looks for the header begins anew each time.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts event-source-polyfill@1.0.31 eventsource@4.1.1
cat > look.mjs <<'NODE'
import assert from "node:assert";
import { createServer } from "node:http";
import { EventSource } from "eventsource";
import polyfill from "event-source-polyfill";

const seen = {};
for (const [name, Client] of Object.entries({ eventsource: EventSource, polyfill: polyfill.EventSourcePolyfill })) {
  const asked = (seen[name] = []);
  const server = createServer((request, response) => {
    asked.push([request.url, request.headers["last-event-id"] ?? "no header"]);
    if (asked.length > 1) return response.writeHead(204).end();
    response.writeHead(200, { "content-type": "text/event-stream" }).end("retry: 100\nid: 1\ndata: first\n\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const source = new Client(`http://127.0.0.1:${server.address().port}/`);
  source.onerror = () => {};
  await new Promise((resolve) => setTimeout(resolve, 5000));
  source.close();
  server.close();
}
console.log(seen);
assert.deepStrictEqual(seen.eventsource, [["/", "no header"], ["/", "1"]], "changed");
assert.ok(seen.polyfill.length > 2, "changed");
for (const each of seen.polyfill.slice(1)) assert.deepStrictEqual(each, ["/?lastEventId=1", "no header"], "changed");
process.exit(0);
NODE
timeout 60 node look.mjs
