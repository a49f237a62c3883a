// The way on which an answer comes. It can be cut: the answer goes on at the server, and is read on from its last position.
// Or the answer is ended there.
import { log, raw } from "./log.js";
import { $, make, send } from "./page.js";

export class Connection {
  // `values` are those of the request; what they lack, the answer has.
  constructor(wire, values, answer) {
    Object.assign(this, { wire, values, answer, line: null, mend: null, isCut: false, isStopped: false });
  }

  // Until the answer is whole, over as many connections as it takes.
  async carry(asked) {
    for (let next = { method: "POST", ...asked }; ; next = this.request("GET", this.wire.back)) {
      this.line = new AbortController();
      this.show();
      try {
        return await this.answer.listen(next, this.line.signal);
      } catch (error) {
        if (!this.isCut || this.isStopped) throw error;
      }
      await this.mended();
    }
  }

  async mended() {
    this.note(`Cut at position ${this.answer.position}. The answer goes on at the server.`);
    await new Promise((resolve) => { this.mend = resolve; this.show(); });
    this.mend = null;
    this.isCut = false;
    if (this.isStopped) throw new DOMException("", "AbortError");
    this.note(`Read on from position ${this.answer.position}.`);
  }

  // Not before something has come that says where it is.
  cutOrMend() {
    if (this.mend) return this.mend();
    if (!this.answer.cursor) return;
    this.isCut = true;
    this.line.abort();
  }

  // What the server says of it is shown, unless another conversation has begun.
  async stop(shows = true) {
    if (this.isStopped) return;
    this.isStopped = true;
    this.line?.abort();
    this.mend?.();
    if (!this.answer.cursor) return; // nothing has come that could be named
    const { back, stop } = this.wire;
    const asked = stop ? this.request("POST", stop) : this.request("DELETE", back);
    try {
      const response = await send(asked);
      const text = await response.text();
      if (shows) raw(`\n${asked.method} ${asked.path}\n\nHTTP/1.1 ${response.status} ${response.statusText}\n\n${text}\n`);
    } catch {} // the server is away
  }

  request(method, spoken) {
    const { conversation, cursor } = this.answer;
    const asked = spoken({ ...this.values, conversation: conversation ?? this.values.conversation });
    return { method, ...asked, headers: { ...asked.headers, "Last-Event-ID": cursor } };
  }

  note(text) {
    log(make("p", "note", text));
  }

  show() {
    $("cut").textContent = this.mend ? "Read on" : "Cut";
  }
}
