// Holds conversations with one version of the AI SDK: a line of JSON in, a line of JSON out, for each.
//
//   node serve.mjs 5|newest
//   {"program": "chat" | "read", ...what chat.mjs or read.mjs takes}
//   {"program": "judge", "raw": a stream}   what is wrong with its chunks
import { createInterface } from "node:readline";
import { chat } from "./chat.mjs";
import { read } from "./read.mjs";
import { noted, record } from "./recorder.mjs";

const newest = process.argv[2] === "newest";
const sdk = await import(newest ? "ai-newest" : "ai");
const { Chat } = await import(newest ? "@ai-sdk/react-newest" : "@ai-sdk/react");
const programs = {
  chat: (given, exchanges) => chat({ ...sdk, Chat }, given, exchanges),
  read: (given) => read(sdk, given),
  judge: async ({ raw }) => (await noted([{ raw }], sdk))[0],
};

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
