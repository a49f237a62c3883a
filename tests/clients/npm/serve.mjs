// Holds conversations with one version of the AI SDK: a line of JSON in, a line of JSON out, for each.
//
//   node serve.mjs 5|newest
//   {"program": "chat" | "read", ...what chat.mjs or read.mjs takes}
//   {"program": "judge", "raw": a stream}   what is wrong with its chunks
//   {"program": "validate", "messages": [...]}   what is wrong with UI messages
import { createInterface } from "node:readline";
import { isDeepStrictEqual } from "node:util";
import { chat } from "./chat.mjs";
import { read } from "./read.mjs";
import * as strict from "ai-strict";
import { z } from "zod";
import { noted, record } from "./recorder.mjs";

const newest = process.argv[2] === "newest";
const sdk = await import(newest ? "ai-newest" : "ai");
const { Chat } = await import(newest ? "@ai-sdk/react-newest" : "@ai-sdk/react");
const programs = {
  chat: (given, exchanges) => chat({ ...sdk, Chat }, given, exchanges),
  read: (given) => read(sdk, given),
  validate,
  judge: async ({ raw }) => (await noted([{ raw }], sdk))[0],
};

/** By this version and by the last strict one, with metadata typed as docs/wires/agents.md has it. */
async function validate({ messages }) {
  const metadataSchema = z.strictObject({
    conversationId: z.string(),
    messageId: z.string(),
    userId: z.string().nullable(),
    createdAt: z.number(),
    model: z.string().optional(),
    finishReason: z.enum(["stop", "length", "content-filter", "tool-calls", "error", "other"]).optional(),
    usage: z.strictObject({ credits: z.number() }).optional(),
    inputTokens: z.number().optional(),
    outputTokens: z.number().optional(),
    totalTokens: z.number().optional(),
    feedback: z.enum(["positive", "negative"]).optional(),
  });
  const mistakes = [];
  for (const judge of [sdk, strict]) {
    const result = await judge.safeValidateUIMessages({ messages: structuredClone(messages), metadataSchema });
    if (!result.success) mistakes.push(String(result.error));
    else if (!isDeepStrictEqual(result.data, messages)) mistakes.push("it is not what was sent");
  }
  return { mistakes };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { program, ...given } = JSON.parse(line);
  const { exchanges, stop } = record();
  let told;
  try {
    told = await programs[program](given, exchanges);
  } catch (error) {
    told = { crash: error.stack };
  }
  stop();
  console.log(JSON.stringify({ ...told, exchanges: await noted(exchanges, sdk) }));
}
