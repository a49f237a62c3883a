// An answer, as its wire tells of it.
import { breakOff, mark, markAnswering, settleGraph } from "./graph.js";
import { log, raw, scrollLog, showFigures, words } from "./log.js";
import { $, make, refusal, send } from "./page.js";
import { Said, showSources } from "./said.js";
import { state, wire } from "./state.js";

// `cursor` is where it is, as the wire says it.
export class Answer {
  constructor(question) {
    Object.assign(this, { question, text: "", tokens: 0, bytes: 0, calls: new Map(), sources: [], said: null, cursor: "" });
  }

  get position() {
    return this.cursor.split(".")[1];
  }

  // The header asks for ids, and says which is the last that has come.
  async listen(request, signal) {
    this.begun ??= performance.now();
    const headers = { ...request.headers, "Last-Event-ID": this.cursor };
    if (this.cursor) raw(`\n${request.method} ${request.path}\nlast-event-id: ${this.cursor}\n\n`);
    const response = await send({ ...request, headers }, { signal });
    $("status").textContent = `${response.status} ${response.statusText}`;
    raw(`HTTP/1.1 ${response.status} ${response.statusText}\ncontent-type: ${response.headers.get("content-type")}\n\n`);
    const { end, read } = wire().frames;
    const decoder = new TextDecoder();
    let rest = "";
    for (const reader = response.body?.getReader(); reader;) { // none behind the end
      const { done, value } = await reader.read();
      if (done) break;
      const piece = decoder.decode(value, { stream: true });
      this.bytes += value.length;
      raw(piece, performance.now() - this.begun);
      rest += piece;
      const cut = rest.lastIndexOf(end) + end.length;
      if (response.ok && cut >= end.length) {
        for (const frame of read(rest.slice(0, cut))) {
          this.cursor = frame.cursor ?? this.cursor;
          for (const told of wire().meaning(frame)) this.hear(told);
        }
        rest = rest.slice(cut);
      }
      scrollLog();
      showFigures(this);
    }
    if (!response.ok) this.fail(refusal(rest, response));
    this.end();
    settleGraph(this.failed);
    if (!this.failed && this.text) state.history.push({ role: "user", content: this.question }, { role: "assistant", content: this.text });
  }

  hear(told) {
    if (told.text !== undefined) {
      this.first ??= performance.now() - this.begun;
      this.tokens += 1;
      this.text += told.text;
      this.said ??= new Said();
      this.said.append(told.text);
      markAnswering();
    }
    if (told.call) this.call(told.call);
    if (told.result) this.result(told.result);
    if (told.sources) this.sources.push(...told.sources);
    if (told.conversation) this.conversation = state.conversation = told.conversation;
    if (told.error) this.fail(told.error);
  }

  call({ id, name, args, done }) {
    this.pause();
    const element = log(make("div", done ? "call" : "call waiting", `${name}(${JSON.stringify(args)})`));
    if (id) this.calls.set(id, element);
    mark(id, "running");
  }

  result({ id, value, failed }) {
    const element = this.calls.get(id) ?? log(make("div", "call"));
    element.classList.remove("waiting");
    element.append(make("div", failed ? "isError" : "", `→ ${JSON.stringify(value)}`));
    mark(id, failed ? "failed" : "complete");
  }

  fail(reason) {
    this.failed = true;
    this.end();
    words("failed", reason);
    for (const call of this.calls.values()) call.classList.remove("waiting");
    breakOff();
  }

  // What is said after a call stands below it.
  pause() {
    this.said?.end();
    this.said = null;
  }

  end() {
    this.pause();
    showSources(this.sources.splice(0));
  }
}
