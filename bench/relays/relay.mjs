// A relay as a good programmer writes it by hand on Node's http module: reads the upstream's events, parses them,
// encodes each token anew as an NDJSON line. No keys, no limits, no store.
import http from "node:http";

const [port, upstream] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });

const ask = (message, response) => {
  const body = JSON.stringify({
    model: "bench", stream: true, stream_options: { include_usage: true }, messages: [{ role: "user", content: message }],
  });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const request = http.request(
    { host: "127.0.0.1", port: upstream, path: "/v1/chat/completions", method: "POST", headers, agent },
    (answer) => {
      response.writeHead(200, { "content-type": "application/x-ndjson; charset=utf-8" });
      answer.setEncoding("utf8");
      let rest = "", whole = "";
      answer.on("data", (piece) => {
        const lines = (rest + piece).split("\n");
        rest = lines.pop();
        let out = "";
        for (const line of lines) {
          if (!line.startsWith("data: ")) continue;
          const data = line.slice(6);
          if (data === "[DONE]") continue;
          const token = JSON.parse(data).choices[0]?.delta.content;
          if (!token) continue;
          whole += token;
          out += JSON.stringify({ type: "token", token }) + "\n";
        }
        if (out) response.write(out);
      });
      answer.on("end", () => response.end(JSON.stringify({ type: "done", message: whole }) + "\n"));
      answer.on("error", () => response.destroy());
    },
  );
  request.on("error", () => response.destroy());
  response.on("close", () => request.destroy());  // the caller left; after a complete answer this does nothing
  request.end(body);
};

http.createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => ask(JSON.parse(body).message, response));
}).listen(port, "127.0.0.1", 2048);
