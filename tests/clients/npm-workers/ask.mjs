// Asks over the workers wire with one of the clients, as it comes from npm, and prints as JSON what it told its page.
//
//   node ask.mjs CLIENT URL KEY MESSAGES [HEADER]
//
// HEADER is how the page writes Last-Event-ID.
import { HumanMessage, AIMessage } from "@langchain/core/messages";
import { ChatCloudflareWorkersAI } from "@langchain/cloudflare";
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { streamText } from "ai";
import { createWorkersAI } from "workers-ai-provider";

const [client, url, key, posted, header] = process.argv.slice(2);
const messages = JSON.parse(posted);

/** What the client takes for the page that it is in. */
function page() {
  const listeners = new Set();
  globalThis.window = globalThis;
  globalThis.document = {
    hidden: false,
    addEventListener: (_, told) => listeners.add(told),
    removeEventListener: (_, told) => listeners.delete(told),
  };
  return {
    turn({ hidden }) {
      document.hidden = hidden;
      for (const told of [...listeners]) told();
    },
  };
}

const CLIENTS = {
  async provider() {
    const told = { text: "", calls: [], errors: [] };
    const workersai = createWorkersAI({
      accountId: "any",
      apiKey: key,
      fetch: (_, request) => fetch(`${url}/api/chat`, request), // in the place of Cloudflare's address
    });
    const answer = streamText({ model: workersai("any"), messages, maxRetries: 0, onError: ({ error }) => told.errors.push(`${error}`) });
    for await (const part of answer.fullStream) {
      if (part.type === "text-delta") told.text += part.text;
      if (part.type === "tool-call") told.calls.push(part.toolName);
      if (part.type === "finish") told.reason = part.finishReason;
    }
    return told;
  },

  async langchain() {
    const model = new ChatCloudflareWorkersAI({
      cloudflareAccountId: "any",
      cloudflareApiToken: key,
      baseUrl: `${url}/api`,
      model: "chat",
      streaming: true,
      maxRetries: 0,
    });
    const said = messages.map(({ role, content }) => (role === "user" ? new HumanMessage(content) : new AIMessage(content)));
    const told = { text: "", invoked: (await model.invoke(said)).content };
    for await (const chunk of await model.stream(said)) told.text += chunk.content;
    return told;
  },

  async "fetch-event-source"() {
    page();
    const told = { text: "", requests: 0, empty: 0 };
    await fetchEventSource(`${url}/api/chat`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify({ messages }),
      fetch: (...request) => (told.requests++, fetch(...request)),
      onmessage({ data }) {
        if (data === "") told.empty++;
        else if (data !== "[DONE]") told.text += JSON.parse(data).response; // which throws for an empty one, as usual
      },
      onerror(error) {
        throw error; // it would post again
      },
    });
    return told;
  },

  /** Whose page asks for ids and sends a key, and is hidden in mid-answer, and seen again; and once more at the end. */
  async "a hidden tab"() {
    const tab = page();
    const told = { text: "", requests: [] };
    await fetchEventSource(`${url}/api/chat`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${key}`,
        "idempotency-key": crypto.randomUUID(),
        [header]: "",
      },
      body: JSON.stringify({ messages }),
      async fetch(...request) {
        const response = await fetch(...request);
        told.requests.push([response.status, response.headers.get("idempotency-replayed")]);
        return response;
      },
      onmessage({ data }) {
        if (data !== "[DONE]") told.text += JSON.parse(data).response;
        if (told.text !== "so far" || told.requests.length > 1) return;
        tab.turn({ hidden: true });
        setTimeout(() => tab.turn({ hidden: false }), 100);
      },
      onerror(error) {
        throw error;
      },
    });
    tab.turn({ hidden: true });
    tab.turn({ hidden: false });
    await new Promise((wait) => setTimeout(wait, 100));
    return told;
  },
};

console.log(JSON.stringify(await CLIENTS[client]()));
