// A page that splits server-sent events at line ends itself, keeping the unfinished line for the next chunk.
const [url, key, question] = process.argv.slice(2);

const response = await fetch(url, {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
  body: JSON.stringify({ messages: [{ role: "user", content: question }] }),
});
if (!response.ok) {
  console.error(`${response.status}: ${(await response.json()).error}`);
  process.exit(1);
}
const decoder = new TextDecoder();
let rest = "";
let ended = false;
for await (const chunk of response.body) {
  const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data: ")) continue;
    const data = line.slice("data: ".length);
    if (data === "[DONE]") {
      ended = true;
      continue;
    }
    const event = JSON.parse(data);
    if (event.error) {
      console.error(event.error);
      process.exitCode = 1;
    }
    process.stdout.write(event.response ?? "");
  }
}
if (!ended || rest) throw new Error("the stream was cut");
