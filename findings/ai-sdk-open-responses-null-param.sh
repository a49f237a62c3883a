#!/bin/sh
# @ai-sdk/open-responses 2.0.36 with ai 7.0.173 (npm): a failure whose `param` is null, as OpenAI's own servers send it
# where no parameter is to blame.
#
# Guess: the error has the server's words, since its `message` stands there; `param` is told to no caller anyway.
# Seen: `param` has to be a string, else the whole body is left unread: the error's message is the status's name,
#   "Not Found", and the server's words are in `responseBody` alone. With `"param": ""` they are the message.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . ai@7.0.173 @ai-sdk/open-responses@2.0.36 > /dev/null
cat > look.mjs <<'JS'
import { createServer } from "node:http";
import { createOpenResponses } from "@ai-sdk/open-responses";
import { generateText } from "ai";

const words = "The model gpt-x does not exist";
let param;
const server = createServer((request, response) => {
  request.resume().on("end", () => {
    response.writeHead(404, { "Content-Type": "application/json", Connection: "close" });
    response.end(JSON.stringify({ error: { message: words, type: "invalid_request_error", param, code: "model_not_found" } }));
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/v1/responses`;
const model = createOpenResponses({ name: "it", url, apiKey: "k" })("gpt-x");
const seen = [];
for (param of [null, ""]) {
  const error = await generateText({ model, prompt: "Hi", maxRetries: 0 }).catch((each) => each);
  seen.push(error.message);
  if (!error.responseBody.includes(words)) throw new Error("changed: the body is not kept");
}
console.log("param null:", seen[0], "| param empty:", seen[1]);
if (seen[0] !== "Not Found" || seen[1] !== words) throw new Error("changed");
server.close();
JS
node look.mjs
