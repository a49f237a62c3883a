// How each wire is spoken: what is posted, what its frames mean, and where an answer is read on (`back`) and stopped, there
// too unless there is a `stop`. One object a wire; the other files know none of them. A request with `session` needs who has
// signed in; one with an `sdk` can be made with the vendor's own.
import { bearer, json, NDJSON, SSE } from "./frames.js";
import { VENDORS } from "./vendors.js";

const widgetKey = (key) => ({ "x-widget-api-key": key });
const agentPath = (agent) => `/api/v2/agents/${encodeURIComponent(agent)}`;
const stream = { Accept: "text/event-stream" };

const tool = (event, args, result) =>
  event.type === "tool_call" ? { call: { id: event.toolCallId, name: event.toolName, args } }
  : { result: { id: event.toolCallId, value: result, failed: event.isError } };

export const WIRES = {
  workers: {
    title: "workers", frames: SSE, key: "secret key", optional: true,
    hint: "Cloudflare Workers AI's stream. No key is needed where an agent is public.",
    request: ({ key, history, text }) => ({
      path: "/api/chat",
      headers: { ...json, ...bearer(key) },
      body: { messages: [...history, { role: "user", content: text }] },
    }),
    back: ({ key }) => ({ path: "/api/chat", headers: bearer(key) }),
    *meaning(event) {
      for (const call of event.tool_calls ?? []) yield { call: { name: call.name, args: call.arguments, done: true } };
      if (event.response) yield { text: event.response };
      if (event.error) yield { error: event.error };
    },
  },
  widget: {
    title: "widget", frames: NDJSON, key: "widget key",
    hint: "What a site's widget posts. Its agent shows tool calls where it has show_tools.",
    request: ({ key, session, text }) => ({
      path: "/chat", headers: { ...json, ...widgetKey(key) }, body: { sessionId: session, message: text },
    }),
    back: ({ key, session }) => ({ path: `/v1/chat/stream?sessionId=${session}`, headers: widgetKey(key) }),
    *meaning(event) {
      if (event.type === "token") yield { text: event.token };
      if (event.type.startsWith("tool_")) yield tool(event, event.toolArgs, event.result);
      if (event.sources) yield { sources: event.sources };
      if (event.type === "error") yield { error: event.error };
    },
  },
  agents: {
    title: "agents", frames: SSE, key: "secret or widget key", agent: true,
    hint: "Chatbase v2 and the AI SDK: the stream that useChat reads.",
    request: ({ key, agent, conversation, text }) => ({
      path: `${agentPath(agent)}/chat`,
      headers: { ...json, ...stream, ...bearer(key) },
      body: {
        message: { role: "user", parts: [{ type: "text", text }] }, // as the AI SDK's, whose callers are shown all calls
        ...(conversation && { conversationId: conversation }),
      },
    }),
    back: ({ key, agent, conversation }) => ({
      path: `${agentPath(agent)}/conversations/${conversation}/stream`, headers: { ...stream, ...bearer(key) },
    }),
    stop: ({ key, agent, conversation }) => ({
      path: `${agentPath(agent)}/conversations/${conversation}/stop`, headers: { ...json, ...bearer(key) }, body: {},
    }),
    *meaning(event) {
      if (event.type === "text-delta") yield { text: event.delta };
      if (event.type === "tool-input-available") yield { call: { id: event.toolCallId, name: event.toolName, args: event.input } };
      if (event.type === "tool-output-available") yield { result: { id: event.toolCallId, value: event.output } };
      if (event.type === "tool-output-error") yield { result: { id: event.toolCallId, value: event.errorText, failed: true } };
      if (event.type === "source-url" || event.type === "source-document") yield { sources: [event] };
      if (event.type === "start") yield { conversation: event.messageMetadata.conversationId };
      if (event.type === "error") yield { error: event.errorText };
    },
  },
  chats: {
    title: "chats", frames: SSE, session: true,
    hint: "Signed-in chats. Pick a workflow to see its steps run.",
    request: ({ user, chat, model, workflow, text }) => ({
      path: `/api/chats/${chat}/messages/stream`, headers: json, session: true,
      body: { content: text, modelId: model, userId: user, ...(workflow && { workflowId: workflow }) },
    }),
    back: ({ chat }) => ({ path: `/api/chats/${chat}/messages/stream` }),
    *meaning(event) {
      if (event.type === "content") yield { text: event.delta };
      if (event.type.startsWith("tool_")) yield tool(event, event.toolArgs, event.result);
      if (event.type === "error") yield { error: event.message };
    },
  },
  ...VENDORS,
};
