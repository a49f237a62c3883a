// What was said, as Markdown, while it is being said; and where it comes from.
import "./markdown.js";
import { make } from "./page.js";
import { log, scrollLog } from "./log.js";

const { show, link } = window.parlanceMarkdown;

export class Said {
  constructor() {
    Object.assign(this, { element: log(make("div", "said markdown")), text: "", timer: 0, rested: 0 });
  }

  append(text) {
    this.text += text;
    this.timer ||= setTimeout(() => requestAnimationFrame(() => this.timer && this.show()), this.rested - performance.now());
  }

  // At most once a frame, and less often where it takes long.
  show() {
    const began = performance.now();
    show(this.element, this.text, true);
    scrollLog();
    this.rested = performance.now() + 4 * (performance.now() - began);
    this.timer = 0;
  }

  end() {
    clearTimeout(this.timer);
    this.timer = 0;
    show(this.element, this.text);
    scrollLog();
  }
}

// Each once, as a link where it has an address that may be followed.
export function showSources(sources) {
  const once = new Map(sources.map((each) => [each.url ?? each.title, each]));
  if (!once.size) return;
  const items = [...once.values()].map(({ title, url }) => {
    const name = make("bdi", "", title ?? url);
    return make("li", "", (url && link(url, name)) || name);
  });
  const list = make("ul", "sources", ...items);
  list.setAttribute("aria-label", "Sources");
  log(list);
}
