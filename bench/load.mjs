// Callers for measurements: so many streams at once, each asking again when its answer is complete.
// load.mjs '{"url", "headers", "body", "marker", "streams", "ramp", "seconds", "tokens", "every", "burst", "rate"}'
// The streams start spread over `ramp` seconds. With a `rate`, callers come instead: so many each second, evenly, whether
// the others have been served or not, and each asks once. After the ramp {"window":"open"} is printed, and after `seconds`
// more the figures of that window as one line of JSON: tokens seen, answers begun and completed, answers failed since the
// start, streams open, and in milliseconds the times to the first token, the gaps between arrivals, and how long each token
// was under way from the upstream.
// The streams stay open until standard input closes.
import http from "node:http";

const job = JSON.parse(process.argv[2]);
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const target = new URL(job.url);
const OFFSET = Number(process.hrtime.bigint()) / 1e6 - performance.now();  // to the clock that upstream.mjs stamps with
const script = JSON.stringify(JSON.stringify({ tokens: job.tokens, every: job.every, burst: job.burst })).slice(1, -1);
let firsts = [], gaps = [], delays = [], tokens = 0, begun = 0, completed = 0, failed = 0, open = 0, over = false;

const ask = (session) => new Promise((resolve) => {
  const body = job.body.replaceAll("MESSAGE", script).replaceAll("SESSION", session);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...job.headers };
  const started = performance.now();
  let last = 0, seen = 0, rest = "", ended = false;
  begun++;
  const end = () => {
    if (ended || over) return;
    ended = true;
    if (seen) open--;
    if (seen === job.tokens) completed++;
    else failed++;
    resolve(seen === job.tokens);
  };
  const request = http.request(target, { method: "POST", headers, agent }, (response) => {
    response.setEncoding("latin1");
    response.on("data", (piece) => {
      const now = performance.now();
      const text = rest + piece, cut = text.lastIndexOf("\n") + 1;
      rest = text.slice(cut);
      let count = 0, at = -1;
      while ((at = text.indexOf(job.marker, at + 1)) >= 0 && at < cut) {
        count++;
        const stamp = at + job.marker.length;
        delays.push(now + OFFSET - parseFloat(text.slice(stamp, stamp + 20)));
      }
      if (!count) return;
      if (seen) gaps.push(now - last);
      else { firsts.push(now - started); open++; }
      seen += count; tokens += count; last = now;
    });
    response.on("end", end);
    response.on("error", end);
  });
  request.on("error", end);
  request.end(body);
});

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const run = async (stream) => {
  await wait((stream / job.streams) * job.ramp);
  for (let round = 0; !over; round++) if (!await ask(`${process.pid}-${stream}-${round}`)) await wait(0.5);
};
const arrive = async () => {
  const started = performance.now();
  for (let caller = 0; !over; caller++) {
    await wait(started / 1000 + caller / job.rate - performance.now() / 1000);
    if (!over) ask(`${process.pid}-${caller}`);
  }
};
if (job.rate) arrive();
else for (let stream = 0; stream < job.streams; stream++) run(stream);

await wait(job.ramp);
firsts = []; gaps = []; delays = []; tokens = 0; begun = 0; completed = 0;
console.log(JSON.stringify({ window: "open" }));
await wait(job.seconds);
over = true;

const at = (values, share) => values.length ? values[Math.min(values.length - 1, Math.floor(values.length * share))] : null;
const spread = (values) => {
  values.sort((a, b) => a - b);
  return { p50: at(values, 0.5), p99: at(values, 0.99) };
};
const result = { tokens, begun, completed, failed, open, first: spread(firsts), gap: spread(gaps), delay: spread(delays) };
console.log(JSON.stringify(result));
process.stdin.on("end", () => process.exit()).resume();
