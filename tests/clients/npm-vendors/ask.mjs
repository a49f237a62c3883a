// Asks with one of the clients of vendors' APIs, as it comes from npm, and prints as JSON what it told its program.
//
//   node ask.mjs CLIENT GIVEN
//
// GIVEN is JSON: `url` and `limited`, the base URLs of a server and of one that takes a request a second; `key`,
// `unpaid` (without credits) and `limitedKey`; `mirror`, a server that notes what
// it is sent; `image`, a picture in base64. What the questions bring about is in
// tests/support/vendor_models.py.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenResponses } from "@ai-sdk/open-responses";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import NewestAnthropic from "@anthropic-ai/sdk";
import AnthropicBefore from "@anthropic-ai/sdk-before";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import NewestOpenAI from "openai";
import OpenAIBefore from "openai-before";

const [client, given] = process.argv.slice(2);
const { url, limited, mirror, key, unpaid, limitedKey, image } = JSON.parse(given);
const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const RESULT = "21 degrees";
const flaky = () => `flaky ${crypto.randomUUID()}`;
const user = (content) => ({ role: "user", content });

/** The text of an answer that is nothing else. */
const told = (parts, name = "text") => (parts.length === 1 && !parts[0].tool_calls ? parts[0][name] : parts);

/** How an answer fails: the class that a program catches, and what it can read there. */
async function failure(asked) {
  try {
    await asked();
    return { class: null };
  } catch (error) {
    const { status, statusCode, param, type, code, message } = error;
    const body = error.responseBody ? JSON.parse(error.responseBody) : error.data;
    return {
      class: error.name?.startsWith("AI_") ? error.name : error.constructor.name,
      status: status ?? statusCode,
      param: param ?? body?.error?.param,
      code,
      type,
      message,
    };
  }
}

/** How the client takes a limit: its error where it may not ask again, and in how many seconds two answers come. */
async function limits(ask) {
  const first = await failure(async () => {
    for (let asked = 0; asked < 5; asked++) await ask(limitedKey, 0);
  });
  const begun = Date.now();
  for (let asked = 0; asked < 2; asked++) await ask(limitedKey);
  return { first, seconds: (Date.now() - begun) / 1000 };
}

async function openai(OpenAI) {
  const at = (apiKey, more = {}) => new OpenAI({ apiKey, baseURL: `${url}/v1`, ...more });
  const { completions } = at(key).chat;
  const model = "eyes";
  const functions = [{ type: "function", function: { name: "get_weather", parameters: PARAMETERS } }];
  const read = ({ choices: [{ message, finish_reason }], usage }) => ({
    text: message.content,
    reason: finish_reason,
    usage: [usage.prompt_tokens, usage.completion_tokens],
  });
  const ask = (content, more = {}) => completions.create({ model, messages: [user(content)], ...more });
  const seen = [{ type: "text", text: "look" }, { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } }];

  async function streamed() {
    const told = { pieces: [] };
    for await (const { choices: [choice], usage } of await ask("greet", { stream: true, stream_options: { include_usage: true } })) {
      if (choice?.delta.content) told.pieces.push(choice.delta.content);
      told.reason = choice?.finish_reason ?? told.reason;
      if (usage) told.usage = [usage.prompt_tokens, usage.completion_tokens];
    }
    return told;
  }

  /** The call that an answer is, and what is answered to its result. */
  async function called({ choices: [{ message, finish_reason }] }) {
    const calls = message.tool_calls.map(({ function: { name, arguments: args } }) => [name, JSON.parse(args)]);
    const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: RESULT };
    const answer = await completions.create({ model, tools: functions, messages: [user("weather"), message, result] });
    return { calls, reason: finish_reason, answer: answer.choices[0].message.content };
  }

  const runner = () =>
    completions.runTools({
      model,
      stream: true,
      messages: [user("weather")],
      tools: [{ type: "function", function: { name: "get_weather", parse: JSON.parse, parameters: PARAMETERS, function: () => RESULT } }],
    });
  const partly = [];
  return {
    whole: read(await completions.create({ model, messages: [{ role: "system", content: "Be brief." }, user("greet")] })),
    streamed: await streamed(),
    tool: await called(await ask("weather", { tools: functions })),
    toolStreamed: await called(await completions.stream({ model, messages: [user("weather")], tools: functions }).finalChatCompletion()),
    toolRun: await runner().finalContent(),
    own: told([(await ask("sum")).choices[0].message], "content"),
    models: (await at(key).models.list()).data.map(({ id }) => id),
    retrieved: (await at(key).models.retrieve(model)).id,
    image: read(await ask(seen)).text,
    retried: read(await ask(flaky())).text,
    errors: {
      key: await failure(() => at("nope").chat.completions.create({ model, messages: [user("greet")] })),
      model: await failure(() => ask("greet", { model: "nope" })),
      retrieved: await failure(() => at(key).models.retrieve("nope")),
      request: await failure(() => ask("greet", { n: 2 })),
      image: await failure(() => ask(seen, { model: "blind" })),
      unpaid: await failure(() => at(unpaid).chat.completions.create({ model, messages: [user("greet")] })),
      broken: await failure(async () => {
        for await (const { choices } of await ask("break", { stream: true })) partly.push(choices[0]?.delta.content);
      }),
    },
    partly: partly.join(""),
    limits: await limits((apiKey, maxRetries) =>
      at(apiKey, { baseURL: `${limited}/v1`, maxRetries }).chat.completions.create({ model, messages: [user("greet")] }),
    ),
  };
}

async function openaiResponses(OpenAI) {
  const at = (apiKey, more = {}) => new OpenAI({ apiKey, baseURL: `${url}/v1`, ...more });
  const { responses } = at(key);
  const model = "eyes";
  const tools = [{ type: "function", name: "get_weather", parameters: PARAMETERS, strict: false }];
  const ask = (input, more = {}, client = responses) => client.create({ model, input, ...more });
  const read = ({ output_text, status, usage }) => ({
    text: output_text,
    reason: status,
    usage: [usage.input_tokens, usage.output_tokens],
  });
  const seen = [user([{ type: "input_text", text: "look" }, { type: "input_image", image_url: `data:image/png;base64,${image}`, detail: "auto" }])];
  const isPiece = ({ type }) => type === "response.output_text.delta";
  const isEnd = ({ type }) => ["response.completed", "response.incomplete", "response.failed"].includes(type);

  async function streamed() {
    const pieces = [];
    const stream = responses.stream({ model, input: "greet" }).on("response.output_text.delta", ({ delta }) => pieces.push(delta));
    const { text, ...rest } = read(await stream.finalResponse());
    return { pieces, ...rest };
  }

  /** The result alone is posted; what went before it is looked up. */
  async function called({ id, output: [{ call_id, name, arguments: args }], status }) {
    const result = { type: "function_call_output", call_id, output: RESULT };
    const answer = await ask([result], { tools, previous_response_id: id });
    return { calls: [[name, JSON.parse(args)]], reason: status, answer: answer.output_text };
  }

  async function posted({ output }) {
    const result = { type: "function_call_output", call_id: output[0].call_id, output: RESULT };
    return (await ask([user("weather"), ...output, result], { tools, store: false })).output_text;
  }

  async function stored() {
    const first = await ask("greet");
    const second = await ask("sum", { previous_response_id: first.id });
    const { data } = await responses.inputItems.list(second.id, { order: "asc", limit: 1 });
    const same = (await responses.retrieve(second.id)).output_text === second.output_text;
    await responses.delete(first.id);
    return {
      items: data.map(({ content }) => content[0].text),
      same,
      deleted: await failure(() => responses.retrieve(first.id)),
      goneOn: await failure(() => ask("greet", { previous_response_id: first.id })),
    };
  }

  async function cancelled() {
    const response = await ask("slow", { background: true });
    const { status } = await responses.cancel(response.id);
    return [response.status, status, (await responses.retrieve(response.id)).status];
  }

  /** So many of its events, then it is cut. */
  async function some(stream, most) {
    const events = [];
    for await (const event of await stream) if (events.push(event) === most) break;
    return events;
  }

  /** A response in the background whose stream is cut behind so many events, and behind each `most` again. */
  async function cut(number, most = 1000) {
    const events = await some(ask("slow", { background: true, stream: true }), number);
    const { id } = events[0].response;
    while (!isEnd(events.at(-1))) {
      const starting_after = events.at(-1).sequence_number;
      events.push(...(await some(responses.retrieve(id, { stream: true, starting_after }), most)));
    }
    return {
      text: events.filter(isPiece).map(({ delta }) => delta).join(""),
      ascends: events.every(({ sequence_number }, at) => !at || sequence_number > events[at - 1].sequence_number),
      kinds: events.map(({ type }) => type),
      stored: (await responses.retrieve(id)).output_text,
    };
  }

  async function cutEverywhere() {
    const whole = await cut(1000);
    const each = await Promise.all(whole.kinds.slice(1).map((_, at) => cut(at + 1)));
    return [whole, ...each, await cut(1, 1)];
  }

  async function fromBegin() {
    const { id } = await ask("slow", { background: true });
    return (await responses.stream({ response_id: id }).finalResponse()).output_text;
  }

  const partly = [];
  return {
    whole: read(await ask("greet", { instructions: "Be brief." })),
    streamed: await streamed(),
    tool: await called(await ask("weather", { tools })),
    toolStreamed: await called(await responses.stream({ model, input: "weather", tools }).finalResponse()),
    toolPosted: await posted(await ask("weather", { tools, store: false })),
    own: (await ask("sum")).output_text,
    image: (await ask(seen)).output_text,
    retried: (await ask(flaky())).output_text,
    stored: await stored(),
    cancelled: await cancelled(),
    cut: await cutEverywhere(),
    fromBegin: await fromBegin(),
    errors: {
      key: await failure(() => ask("greet", {}, at("nope").responses)),
      model: await failure(() => ask("greet", { model: "nope" })),
      retrieved: await failure(() => responses.retrieve("resp_nope")),
      request: await failure(() => ask("greet", { max_tool_calls: 2 })),
      image: await failure(() => ask(seen, { model: "blind" })),
      unpaid: await failure(() => ask("greet", {}, at(unpaid).responses)),
      broken: await failure(async () => {
        for await (const event of await ask("break", { stream: true })) if (isPiece(event)) partly.push(event.delta);
      }),
    },
    partly: partly.join(""),
    limits: await limits((apiKey, maxRetries) => ask("greet", {}, at(apiKey, { baseURL: `${limited}/v1`, maxRetries }).responses)),
  };
}

async function anthropic(Anthropic) {
  const at = (apiKey, more = {}) => new Anthropic({ apiKey, baseURL: url, ...more });
  const { messages } = at(key);
  const model = "claude";
  const max_tokens = 4096;
  const tools = [{ name: "get_weather", input_schema: PARAMETERS }];
  const ask = (content, more = {}) => messages.create({ model, max_tokens, messages: [user(content)], ...more });
  const said = ({ content }) => content.filter(({ type }) => type === "text").map(({ text }) => text).join("");
  const read = (message) => ({
    text: said(message),
    reason: message.stop_reason,
    usage: [message.usage.input_tokens, message.usage.output_tokens],
  });
  const seen = [{ type: "text", text: "look" }, { type: "image", source: { type: "base64", media_type: "image/png", data: image } }];

  async function streamed() {
    const pieces = [];
    const stream = messages.stream({ model, max_tokens, messages: [user("greet")] }).on("text", (text) => pieces.push(text));
    const { text, ...rest } = read(await stream.finalMessage());
    return { pieces, ...rest };
  }

  async function called(word, message, more = {}) {
    const calls = message.content.filter(({ type }) => type === "tool_use");
    const result = { type: "tool_result", tool_use_id: calls[0].id, content: RESULT };
    const posted = [user(word), { role: "assistant", content: message.content }, user([result])];
    const answer = await messages.create({ model, max_tokens, tools, messages: posted, ...more });
    return { calls: calls.map(({ name, input }) => [name, input]), reason: message.stop_reason, answer: said(answer) };
  }

  const thinking = { type: "enabled", budget_tokens: 1024 };
  const thoughtful = { model, max_tokens, tools, thinking, messages: [user("think")] };
  const thought = await messages.create(thoughtful);
  const thoughtStreamed = await messages.stream(thoughtful).finalMessage();
  await failure(() => at(key, { baseURL: mirror, maxRetries: 0 }).messages.create({ model, max_tokens, messages: [user("mirror")] }));
  const partly = [];
  return {
    whole: read(await ask("greet", { system: "Be brief." })),
    streamed: await streamed(),
    tool: await called("weather", await ask("weather", { tools })),
    toolStreamed: await called("weather", await messages.stream({ model, max_tokens, tools, messages: [user("weather")] }).finalMessage()),
    thought: [thought.content[0].thinking, await called("think", thought, { thinking })],
    thoughtStreamed: [thoughtStreamed.content[0].thinking, await called("think", thoughtStreamed, { thinking })],
    own: told((await ask("sum")).content),
    counted: (await messages.countTokens({ model, messages: [user("greet")] })).input_tokens,
    models: (await at(key).models.list()).data.map(({ id }) => id),
    retrieved: (await at(key).models.retrieve(model)).id,
    image: said(await ask(seen)),
    retried: said(await ask(flaky())),
    errors: {
      key: await failure(() => at("nope").messages.create({ model, max_tokens, messages: [user("greet")] })),
      model: await failure(() => ask("greet", { model: "nope" })),
      retrieved: await failure(() => at(key).models.retrieve("nope")),
      request: await failure(() => ask("greet", { temperature: 7 })),
      image: await failure(() => ask(seen, { model: "blind" })),
      unpaid: await failure(() => at(unpaid).messages.create({ model, max_tokens, messages: [user("greet")] })),
      broken: await failure(async () => {
        for await (const event of await ask("break", { stream: true })) if (event.delta?.text) partly.push(event.delta.text);
      }),
    },
    partly: partly.join(""),
    limits: await limits((apiKey, maxRetries) =>
      at(apiKey, { baseURL: limited, maxRetries }).messages.create({ model, max_tokens, messages: [user("greet")] }),
    ),
  };
}

/** `provider` makes a model of a name for a base URL and a key. */
async function aiSdk(provider, model) {
  const chosen = (name = model, apiKey = key, base = url) => provider(`${base}/v1`, apiKey)(name);
  const tools = { get_weather: tool({ inputSchema: jsonSchema(PARAMETERS), execute: () => RESULT }) };
  const declared = { get_weather: tool({ inputSchema: jsonSchema(PARAMETERS) }) };
  const ask = (prompt, more = {}) => generateText({ model: chosen(), prompt, ...more });
  const seen = [user([{ type: "text", text: "look" }, { type: "file", data: image, mediaType: "image/png" }])];
  const read = ({ text, finishReason, usage }) => ({ text, reason: finishReason, usage: [usage.inputTokens, usage.outputTokens] });

  async function streamed(options) {
    const told = { pieces: [], calls: [], reasons: [], thought: "" };
    for await (const part of streamText({ model: chosen(), onError: () => {}, ...options }).fullStream) {
      if (part.type === "text-delta") told.pieces.push(part.text);
      if (part.type === "reasoning-delta") told.thought += part.text;
      if (part.type === "tool-call") told.calls.push([part.toolName, part.input]);
      if (part.type === "finish-step") told.reasons.push(part.finishReason);
      if (part.type === "finish") told.usage = [part.totalUsage.inputTokens, part.totalUsage.outputTokens];
      if (part.type === "error") throw Object.assign(part.error, { told });
    }
    return { ...told, reason: told.reasons[0] };
  }

  /** Both steps of an answer with a tool that runs here. */
  const stepped = (result) => ({
    calls: result.steps[0].toolCalls.map(({ toolName, input }) => [toolName, input]),
    reason: result.steps[0].finishReason,
    answer: result.text,
  });
  const inPieces = ({ calls, reason, pieces }) => ({ calls, reason, answer: pieces.join("") });

  const declaredOnly = await ask("weather", { tools: declared });
  const loop = { tools, stopWhen: stepCountIs(3) };
  const thoughtful = { ...loop, prompt: "think", providerOptions: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } } };
  const thought = model === "claude" && (await ask("think", thoughtful));
  const thoughtStreamed = model === "claude" && (await streamed(thoughtful));
  let partly = "";
  return {
    whole: read(await ask("greet", { system: "Be brief." })),
    streamed: await streamed({ prompt: "greet" }),
    declared: stepped(declaredOnly),
    tool: stepped(await ask("weather", loop)),
    toolStreamed: inPieces(await streamed({ prompt: "weather", ...loop })),
    ...(thought && {
      thought: [thought.steps[0].reasoningText, stepped(thought)],
      thoughtStreamed: [thoughtStreamed.thought, inPieces(thoughtStreamed)],
    }),
    own: told((await ask("sum")).content),
    image: (await generateText({ model: chosen(), messages: seen })).text,
    retried: (await ask(flaky())).text,
    errors: {
      key: await failure(() => ask("greet", { model: chosen(model, "nope") })),
      model: await failure(() => ask("greet", { model: chosen("nope") })),
      request: await failure(() => ask("greet", { topP: 7 })),
      image: await failure(() => generateText({ model: chosen("blind"), messages: seen })),
      unpaid: await failure(() => ask("greet", { model: chosen(model, unpaid) })),
      broken: await failure(async () => {
        try {
          await streamed({ prompt: "break", maxRetries: 0 });
        } catch (error) {
          partly = error.told?.pieces.join("");
          throw error;
        }
      }),
    },
    partly,
    limits: await limits((apiKey, maxRetries) => ask("greet", { model: chosen(model, apiKey, limited), maxRetries })),
  };
}

const CLIENTS = {
  "openai 7": () => openai(NewestOpenAI),
  "openai 6": () => openai(OpenAIBefore),
  "openai 7 responses": () => openaiResponses(NewestOpenAI),
  "openai 6 responses": () => openaiResponses(OpenAIBefore),
  "anthropic 1": () => anthropic(NewestAnthropic),
  "anthropic 0": () => anthropic(AnthropicBefore),
  "ai openai": () => aiSdk((baseURL, apiKey) => createOpenAI({ baseURL, apiKey }).chat, "eyes"),
  "ai responses": () => aiSdk((baseURL, apiKey) => createOpenAI({ baseURL, apiKey }), "eyes"),
  "ai open-responses": () =>
    aiSdk((baseURL, apiKey) => createOpenResponses({ name: "parlance", url: `${baseURL}/responses`, apiKey }), "eyes"),
  "ai compatible": () =>
    aiSdk((baseURL, apiKey) => createOpenAICompatible({ name: "parlance", baseURL, apiKey, includeUsage: true }), "eyes"),
  "ai anthropic": () => aiSdk((baseURL, apiKey) => createAnthropic({ baseURL, apiKey }), "claude"),
};

globalThis.AI_SDK_LOG_WARNINGS = false;
console.log(JSON.stringify(await CLIENTS[client]()));
