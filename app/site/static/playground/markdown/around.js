// What the widget's Markdown needs around it in the playground, and what the playground takes of it.

const words = { copy: "Copy", copied: "Copied" };
const imageHosts = [];

function say(text) {
  document.getElementById("heard").textContent = text;
}

function address(text, from) {
  try {
    return new URL(text, from).href;
  } catch {
    return null;
  }
}

function plain(text) {
  return withNumbers(text, RIGHT_TO_LEFT.test(text));
}

window.parlanceMarkdown = { show: showMarkdown, link, plain };
