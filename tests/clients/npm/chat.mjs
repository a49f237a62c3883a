// A conversation through the SDK's own Chat and DefaultChatTransport.
//
//   {"api", "key", "steps": [...], "id"?, "messages"?, "tools"?: {name: output}, "body"?: what each post has besides}
//
// Calls of `tools` get their outputs as soon as they are made. Steps:
//   {"send": text, "edit"?: index of a message, "files"?: [...]}
//   {"regenerate": index of a message | null}
//   {"output": any} or {"error": text}   for the call that waits; the answer to it is waited for
//   {"again": true}                      what failed is sent once more
//   {"resume": true}                     as useChat does with `resume: true` when a page is loaded
//   {"wait": milliseconds}
// each with "stop"?: text, to stop as soon as the parts of the answer have it; "" stops at once. With "end"?: text the
// server is told so, too, as the documentation of ai 7 has it ("Stop an Active Resumable Stream"); "meant"? is the
// stream's id there, or true for that of the answer that came.
import { setTimeout as sleep } from "node:timers/promises";

export async function chat(sdk, { api, key, steps, id, messages, tools = {}, body }, exchanges) {
  const errors = [];
  const finished = [];
  const chat = new sdk.Chat({
    ...(id && { id }),
    messages,
    transport: new sdk.DefaultChatTransport({ api, body, headers: { Authorization: `Bearer ${key}` } }),
    sendAutomaticallyWhen: sdk.lastAssistantMessageIsCompleteWithToolCalls,
    onToolCall({ toolCall: { toolName: tool, toolCallId } }) {
      if (tool in tools) chat.addToolOutput({ tool, toolCallId, output: tools[tool] });
    },
    onError: (error) => errors.push(error.message),
    onFinish: ({ isAbort, isError, isDisconnect, finishReason }) =>
      finished.push({ isAbort, isError, isDisconnect, finishReason }),
  });

  const after = [];
  for (const step of steps) {
    const before = exchanges.length;
    const taken = take(chat, step);
    if ("stop" in step) {
      await until(() => exchanges.length > before && (said(chat).includes(step.stop) || chat.status === "error"));
      await chat.stop();
    }
    if ("end" in step) {
      await until(() => said(chat).includes(step.end));
      const meant = step.meant === true ? exchanges.at(-1).headers["x-turn-id"] : step.meant;
      await end(chat, api, key, meant);
    }
    await taken;
    if ("output" in step || "error" in step) await until(() => exchanges.length > before || waiting(chat));
    await until(() => chat.status === "ready" || chat.status === "error");
    after.push({ status: chat.status, messages: structuredClone(chat.messages) });
  }
  return { id: chat.id, errors, finished, after };
}

async function end(chat, api, key, activeStreamId) {
  const lastMessage = chat.messages[chat.messages.length - 1];
  const assistantMessage = lastMessage?.role === "assistant" ? lastMessage : undefined;
  const told = fetch(`${api}/${encodeURIComponent(chat.id)}/stop`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
    body: JSON.stringify(assistantMessage || activeStreamId ? { assistantMessage, activeStreamId } : {}),
  });
  void chat.stop();
  await told;
}

async function take(chat, step) {
  const named = (index) => (index == null ? undefined : chat.messages[index].id);
  if ("send" in step) {
    return chat.sendMessage({ text: step.send, files: step.files, messageId: named(step.edit) });
  }
  if ("regenerate" in step) return chat.regenerate({ messageId: named(step.regenerate) });
  if ("again" in step) return chat.sendMessage();
  if ("resume" in step) return chat.resumeStream();
  if ("wait" in step) return sleep(step.wait);
  const { toolCallId, type } = waiting(chat);
  const result = "error" in step ? { state: "output-error", errorText: step.error } : { output: step.output };
  return chat.addToolOutput({ tool: type.replace("tool-", ""), toolCallId, ...result });
}

const said = (chat) => (chat.lastMessage?.role === "assistant" ? JSON.stringify(chat.lastMessage.parts) : "");
const waiting = (chat) =>
  chat.lastMessage?.parts.find((part) => part.toolCallId && part.state === "input-available");

async function until(check) {
  for (let tries = 0; !check(); tries++) {
    if (tries > 2000) throw new Error(`not within 10 seconds: ${check}`);
    await sleep(5);
  }
}
