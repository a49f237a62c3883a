#!/bin/sh
# ai 5.0.277, 6.0.326 and 7.0.173 (npm): `safeValidateUIMessages`, with which a page checks what it has stored of a chat.
#
# Guess: a chat in which nothing was said yet, `[]`, is valid, and whatever holds for the parts of one role holds for all.
# Seen: `[]` is refused ("Messages array must not be empty"), so a page that checks what it loads fails on each new chat. An
#   assistant's message may have no parts, as one that was stopped before its first word; a user's may not.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts zod@4.6.7 ai5@npm:ai@5.0.277 ai6@npm:ai@6.0.326 ai7@npm:ai@7.0.173
cat > look.mjs <<'NODE'
import assert from "node:assert";
const asked = { id: "u", role: "user", parts: [{ type: "text", text: "Hello" }] };
const chats = {
  "no message": [],
  "an answer without parts": [asked, { id: "a", role: "assistant", parts: [] }],
  "a question without parts": [{ ...asked, parts: [] }],
};
for (const name of ["ai5", "ai6", "ai7"]) {
  const { safeValidateUIMessages } = await import(name);
  const seen = {};
  for (const [chat, messages] of Object.entries(chats)) seen[chat] = (await safeValidateUIMessages({ messages })).success;
  console.log(name, seen);
  assert.deepStrictEqual(Object.values(seen), [false, true, false], "changed");
}
NODE
node look.mjs
