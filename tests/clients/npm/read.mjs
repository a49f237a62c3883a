// One question, sent by DefaultChatTransport and read with readUIMessageStream: the states of the message that came.
//
//   {"api", "key", "text"}

export async function read(sdk, { api, key, text }) {
  const transport = new sdk.DefaultChatTransport({ api, headers: { Authorization: `Bearer ${key}` } });
  const errors = [];
  const states = [];
  try {
    const stream = await transport.sendMessages({
      trigger: "submit-message",
      chatId: sdk.generateId(),
      messages: [{ id: sdk.generateId(), role: "user", parts: [{ type: "text", text }] }],
    });
    const onError = (error) => errors.push(error.message);
    for await (const message of sdk.readUIMessageStream({ stream, onError })) states.push(message);
  } catch (error) {
    errors.push(error.message);
  }
  return { states, errors };
}
