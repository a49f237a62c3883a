// The page's elements, and what it asks of the server.

export const $ = (id) => document.getElementById(id);

export function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

// A row of choices of which one is taken; arrow keys move.
export function choices(group, names, chosen, choose) {
  const buttons = names.map((name) => {
    const button = make("button", "", name);
    Object.assign(button, { type: "button", onclick: () => take(name) });
    button.setAttribute("role", "radio");
    return button;
  });
  const take = (name, focus) => {
    for (const button of buttons) {
      const taken = button.textContent === name;
      button.setAttribute("aria-checked", taken);
      button.tabIndex = taken ? 0 : -1;
      if (taken && focus) button.focus();
    }
    choose(name);
  };
  group.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = buttons.findIndex((button) => button.getAttribute("aria-checked") === "true");
    take(names[(at + step + names.length) % names.length], true);
  };
  group.replaceChildren(...buttons);
  take(chosen);
}

// What an element says, by a click on the button. The clipboard is only there over https and on the machine itself.
export function copies(button, element) {
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(element.textContent);
    } catch {
      getSelection().selectAllChildren(element);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
}

export function send({ path, body, ...request }, options = {}) {
  return fetch(path, { ...request, body: body && JSON.stringify(body), ...options });
}

export function post(path, body, options = {}) {
  return send({ method: "POST", path, headers: { "Content-Type": "application/json" }, body }, options);
}

export async function getJson(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

// What all pages of a list have.
export async function getPages(path, list) {
  const found = [];
  for (let query = ""; ;) {
    const page = await getJson(path + query);
    found.push(...page[list]);
    if (!page.nextCursor) return found;
    query = `?cursor=${encodeURIComponent(page.nextCursor)}`;
  }
}

// In words, of a response that is no success and its body.
export function refusal(text, response) {
  const wait = response.headers.get("Retry-After");
  try {
    const { message, error } = JSON.parse(text);
    return (message ?? error?.message ?? error) + (wait ? ` Wait ${wait} s.` : "");
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}
