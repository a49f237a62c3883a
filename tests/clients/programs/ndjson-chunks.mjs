// A site widget of the hasty kind: it takes every network chunk for whole lines, and decodes each on its own.
const [url, key, question] = process.argv.slice(2);

const response = await fetch(url, {
  method: "POST",
  headers: { "content-type": "application/json", "x-api-key": key },
  body: JSON.stringify({ sessionId: `client-${process.pid}-${Date.now()}`, message: question }),
});
if (!response.ok) {
  console.error(`${response.status}: ${(await response.json()).error}`);
  process.exit(1);
}
const reader = response.body.getReader();
for (;;) {
  const { done, value } = await reader.read();
  if (done) break;
  for (const line of new TextDecoder().decode(value).split("\n")) {
    if (!line) continue;
    const event = JSON.parse(line);
    if (event.type === "token") process.stdout.write(event.token);
    if (event.type === "error") {
      console.error(event.error);
      process.exitCode = 1;
    }
  }
}
