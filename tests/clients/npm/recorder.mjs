// Notes what `fetch` posts and gets, and holds every chunk against the schemas that the AI SDK exports.
import * as strict from "ai-strict";

/** Replaces the global `fetch`, which the SDK's transport uses, until `stop`; what it hands on is untouched. */
export function record() {
  const exchanges = [];
  const original = globalThis.fetch;
  globalThis.fetch = async (url, init) => {
    const exchange = { url: String(url), body: init.body && JSON.parse(init.body), raw: "" };
    exchanges.push(exchange);
    const response = await original(url, init);
    exchange.status = response.status;
    exchange.headers = Object.fromEntries(response.headers);
    if (!response.ok || response.status === 204) return response;
    const [theirs, ours] = response.body.tee();
    exchange.reading = read(exchange, ours);
    return new Response(theirs, response);
  };
  return { exchanges, stop: () => (globalThis.fetch = original) };
}

async function read(exchange, body) {
  try {
    for await (const piece of body.pipeThrough(new TextDecoderStream())) exchange.raw += piece;
  } catch (error) {
    exchange.cut = error.name; // the client left
  }
}

/** What was noted, with the chunks of each stream and what is wrong with them. `sdk` is the version that was used; it
 * lets unknown keys pass since 5.0.217, so 5.0.216, which pages may still have, has its say on every stream as well. */
export async function noted(exchanges, sdk) {
  for (const exchange of exchanges) {
    await exchange.reading;
    delete exchange.reading;
    exchange.chunks = [];
    exchange.invalid = [];
    for (const judge of new Set([sdk, strict])) {
      const schema = judge.uiMessageChunkSchema;
      const stream = new Response(exchange.raw).body;
      exchange.chunks = [];
      for await (const result of judge.parseJsonEventStream({ stream, schema })) {
        exchange.chunks.push(result.rawValue);
        if (!result.success) exchange.invalid.push(`${JSON.stringify(result.rawValue)}: ${result.error}`);
      }
    }
  }
  return exchanges;
}
