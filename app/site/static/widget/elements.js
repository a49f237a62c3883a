// Elements and icons.

/** An element; what it has no property for becomes an attribute. Names are ours, never a model's. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  // First: under dir=auto a browser would look at all of them again for each.
  element.append(...children);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  return element;
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const ICONS = {
  chat: "M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.8A8.4 8.4 0 1 1 21 11.5z",
  close: "M6 6l12 12M18 6L6 18",
  clear: "M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.8A8.4 8.4 0 1 1 21 11.5zM9 11.5h7M12.500 8v7",
  send: "M12 19V5M5 12l7-7 7 7",
  stop: "M7 7h10v10H7z",
  thumb: "M14 9V5a3 3 0 0 0-3-3L7 11v11h11a2 2 0 0 0 2-2l1-9a2 2 0 0 0-2-2zM7 22H4a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2h3",
  down: "M6 9l6 6 6-6",
};
