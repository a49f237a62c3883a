// The wires of vendors' APIs, as wires.js has the others. Each names its SDK for the code that the page shows: its packages on
// npm and PyPI, its class, the base URL's path, what asks, and which text of an event is the answer's.
import { bearer, json, SSE } from "./frames.js";

const packages = { npm: "openai", pypi: "openai", name: "OpenAI", base: "/v1" };
const unseen = "Tools of the agent run unseen.";

const COMPLETIONS = "/v1/chat/completions";
const openai = {
  title: "openai", frames: SSE, key: "secret key", agent: true,
  hint: `OpenAI's chat completions, which most clients speak. ${unseen}`,
  request: ({ key, agent, history, text }) => ({
    path: COMPLETIONS,
    headers: { ...json, ...bearer(key) },
    body: { model: agent, stream: true, messages: [...history, { role: "user", content: text }] },
    sdk: {
      ...packages, call: "chat.completions.create",
      javaScript: "event.choices[0]?.delta.content", python: "event.choices[0].delta.content",
    },
  }),
  back: ({ key }) => ({ path: COMPLETIONS, headers: bearer(key) }),
  *meaning({ choices: [choice] = [], error }) {
    if (choice?.delta.content) yield { text: choice.delta.content };
    if (error) yield { error: error.message };
  },
};

const MESSAGES = "/v1/messages";
const anthropic = (key) => ({ "x-api-key": key, "anthropic-version": "2023-06-01" });
const messages = {
  title: "messages", frames: SSE, key: "secret key", agent: true,
  hint: `Anthropic's Messages API. ${unseen}`,
  request: ({ key, agent, history, text }) => ({
    path: MESSAGES,
    headers: { ...json, ...anthropic(key) },
    body: { model: agent, max_tokens: 4096, stream: true, messages: [...history, { role: "user", content: text }] },
    sdk: {
      npm: "@anthropic-ai/sdk", pypi: "anthropic", name: "Anthropic", base: "", call: "messages.create",
      javaScript: "event.delta?.text", python: "getattr(getattr(event, \"delta\", None), \"text\", None)",
    },
  }),
  back: ({ key }) => ({ path: MESSAGES, headers: anthropic(key) }),
  *meaning({ delta, error }) {
    if (delta?.type === "text_delta") yield { text: delta.text };
    if (error) yield { error: error.message };
  },
};

const RESPONSES = "/v1/responses";
const responses = {
  title: "responses", frames: SSE, key: "secret key", agent: true,
  hint: `OpenAI's Responses API: the server keeps the conversation, and each question names the response before it. ${unseen}`,
  request: ({ key, agent, conversation, text }) => ({
    path: RESPONSES,
    headers: { ...json, ...bearer(key) },
    body: { model: agent, stream: true, input: text, ...(conversation && { previous_response_id: conversation }) },
    sdk: {
      ...packages, call: "responses.create",
      javaScript: "event.type === \"response.output_text.delta\" && event.delta",
      python: "event.type == \"response.output_text.delta\" and event.delta",
    },
  }),
  back: ({ key, conversation }) => ({ path: `${RESPONSES}/${conversation}?stream=true`, headers: bearer(key) }),
  stop: ({ key, conversation }) => ({ path: `${RESPONSES}/${conversation}/cancel`, headers: bearer(key) }),
  *meaning({ type, delta, response, message }) {
    if (type === "response.created") yield { conversation: response.id };
    if (type === "response.output_text.delta") yield { text: delta };
    if (type === "error") yield { error: message };
  },
};

export const VENDORS = { openai, messages, responses };
