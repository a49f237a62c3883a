// A model server for measurements: OpenAI's chat-completions stream at a fixed pace, on Node's own http module.
// The prompt's last message says how: {"tokens":200,"every":20}  (milliseconds; 0 is back to back). With a "burst", so
// many of the tokens come back to back before the others.
// Each token's text is the time at which it was sent, in milliseconds of the machine's monotonic clock, so that
// load.mjs can tell how long the token was under way.
import http from "node:http";

const OFFSET = Number(process.hrtime.bigint()) / 1e6 - performance.now();

const chunk = (delta, finish = null) =>
  `data: ${JSON.stringify({
    id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "bench",
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;
const [BEFORE, AFTER] = chunk({ content: " TIME" }).split("TIME");
const token = () => BEFORE + (OFFSET + performance.now()).toFixed(3) + AFTER;
const END = chunk({}, "stop") +
  'data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":200,"total_tokens":209}}\n\n' +
  "data: [DONE]\n\n";

const server = http.createServer((request, response) => {
  const body = [];
  request.on("data", (piece) => body.push(piece));
  request.on("end", () => {
    if (request.method !== "POST") return response.writeHead(404).end();  // LiteLLM looks around before it asks
    const { messages } = JSON.parse(Buffer.concat(body));
    const { tokens = 200, every = 20, burst = 0 } = JSON.parse(messages.at(-1).content);
    response.writeHead(200, { "content-type": "text/event-stream" });
    let sent = 0;
    for (const atOnce = every ? burst : tokens; sent < atOnce; sent++) response.write(token());
    if (!every) return response.end(END);
    const timer = setInterval(() => {
      if (sent++ < tokens) return response.write(token());
      clearInterval(timer);
      response.end(END);
    }, every);
    response.on("close", () => clearInterval(timer));
  });
});
server.keepAliveTimeout = 60000;
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", 4096, () => console.log(server.address().port));
