// Back to an answer that runs without this page, and its end before its time.

/** Back to the answer that was under way when the page, the network or the machine went. */
function resume() {
  if (current) return current.wake();
  catchUp();
  const { messages, running } = memory;
  const last = messages[messages.length - 1];
  if (running) {
    const question = messages.find((each) => each.id === running.of);
    memory.running = undefined;
    if (question) ask(question, running, true);
  } else if (last && last.cursor) tryAgain();
  else if (visitor && last && last.role === "user") ask(last, undefined, true);
}

/** A visitor's answer that does not run may have ended since the history came. */
function lookAgain() {
  current = null;
  memory = { ...fresh(), again: true };
  say("");
  pending.replaceChildren();
  return showHistory();
}

/** Whether its connection lives, as far as is known: after the machine has slept it may hang. */
function isHeard(turn) {
  return Date.now() - turn.heard < SILENCE / 4;
}

/** For whoever comes back to the answer. */
function keepPlace(turn) {
  if (!rejoins) return;
  memory.running = turn.message;
  if (!visitor) remember();
}

/** An answer that the page, or its visitor, does not outlive is kept as far as it came. */
function leave(ends) {
  const turn = current;
  if (!turn) return;
  catchUp();
  if (turn !== current) return;
  if (rejoins && !ends) {
    keepPlace(turn);
    current = null;
  } else {
    turn.message.state = "broken";
    forgetPlace(turn.message);
    finish(turn);
    halt(turn);
  }
  turn.abort.abort();
}

function stop() {
  if (!current) return;
  current.abort.abort();
  current.wake();
}

/** After the button to stop: the server may have more of it, or all. */
function endAsKept(message, kept) {
  message.state = "stopped";
  // Not of the answer before.
  if (kept && message.cursor && message.cursor.startsWith(kept.messageId)) {
    message.text = kept.message;
    if (kept.status === "complete") Object.assign(message, { id: kept.messageId, sources: kept.sources, state: undefined });
  }
  forgetPlace(message);
}

/** Where nothing more is to come, trying again is asking anew. */
function forgetPlace(message) {
  message.key = message.cursor = undefined;
}
