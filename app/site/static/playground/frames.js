// What wires have in common: how their frames are cut, and headers.

export const json = { "Content-Type": "application/json" };

const lines = (text) => text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
const field = (frame, name) => frame.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
const events = (text) =>
  text.split("\n\n").map((frame) => [field(frame, "data"), field(frame, "id")]).filter(([data]) => data && data !== "[DONE]").map(([data, cursor]) => ({ ...JSON.parse(data), cursor }));

// `end` is where a piece may be cut; `read` makes objects of whole frames.
export const NDJSON = { end: "\n", read: lines };
export const SSE = { end: "\n\n", read: events };

export const bearer = (key) => key && { Authorization: `Bearer ${key}` };
