// What is seen of the answers: the conversation, the bytes as they arrive, and the figures.
import "./markdown.js";
import { $, make } from "./page.js";

const MOST_RAW = 200_000; // characters that are kept on screen
const { plain } = window.parlanceMarkdown;
const FIGURES = ["status", "first", "tokens", "pace", "position", "bytes"];

export function log(element) {
  $("log").append(element);
  scrollLog();
  return element;
}

export function scrollLog() {
  $("log").scrollTop = $("log").scrollHeight;
}

// Words of a person, of a failure: no Markdown. Each has the direction of its own language.
export function words(className, text) {
  const element = make("div", `said ${className}`, ...plain(text));
  element.dir = "auto";
  return log(element);
}

export function raw(text, milliseconds) {
  const pane = $("raw");
  if (milliseconds !== undefined) pane.append(make("time", "", `+${Math.round(milliseconds)} ms\n`));
  pane.append(text);
  while (pane.textContent.length > MOST_RAW) pane.firstChild.remove();
  pane.scrollTop = pane.scrollHeight;
}

export function forget() {
  $("raw").replaceChildren();
  for (const id of FIGURES) $(id).textContent = "–";
}

export function showFigures({ begun, first, tokens, position, bytes }) {
  const seconds = (performance.now() - begun - (first ?? 0)) / 1000;
  $("first").textContent = first === undefined ? "–" : `${Math.round(first)} ms`;
  $("tokens").textContent = tokens;
  $("pace").textContent = tokens > 1 ? (tokens / seconds).toFixed(1) : "–";
  $("position").textContent = position ?? "–";
  $("bytes").textContent = bytes;
}
