// Below an answer: where it comes from, and whether it was any good.

const MOST_SOURCES = 5;
const RATINGS = ["up", "down"];
// One after the other, so that the last one counts.
let rated = Promise.resolve();

function below(message) {
  const sources = Array.isArray(message.sources) ? message.sources : [];
  const sound = sources.filter((each) => each && String(each.title || "").trim()).slice(0, MOST_SOURCES);
  const chips = sound.map((each) => make("li", {}, chip(each)));
  return [
    ...(chips.length ? [make("ul", { className: "chips", "aria-label": words.sources }, ...chips)] : []),
    ...(message.id ? [ratingElement(message)] : []),
  ];
}

function chip({ title, url }) {
  const name = String(title).slice(0, 200);
  const element = (/^https?:/i.test(url) && link(String(url), name)) || make("span", {}, name);
  return Object.assign(element, { className: "chip", title: name, dir: "auto" });
}

function ratingElement(message) {
  const session = memory.sessionId;
  const trouble = make("span", { role: "status" });
  const thumbs = RATINGS.map((rating) => {
    const thumb = button("thumb", ICONS.thumb, () => rate(message.rating === rating ? null : rating));
    label(thumb, words[rating]);
    return thumb;
  });
  const show = () => {
    thumbs.forEach((each, index) => each.setAttribute("aria-pressed", message.rating === RATINGS[index]));
  };
  const set = (rating) => {
    message.rating = rating;
    catchUp();
    const kept = memory.messages.find((each) => each.id === message.id);
    if (kept) kept.rating = rating;
    if (!visitor) remember();
    show();
  };
  const rate = async (rating) => {
    const before = message.rating;
    const body = JSON.stringify({ sessionId: session, messageId: message.id, rating });
    trouble.textContent = "";
    set(rating);
    try {
      await (rated = rated.catch(() => {}).then(() => request(route("feedback"), { method: "POST", body })));
    } catch (error) {
      if (message.rating === rating) set(before);
      // The answer may be gone; the chat is not.
      trouble.textContent = words[{ limited: "busy", refused: "failed" }[error.state] || error.state];
      complain(`${error.state}: ${error.reason || error.message}`);
    }
  };
  show();
  // Not read aloud with the answer.
  return make("div", { className: "rating", "aria-live": "off" }, ...thumbs, trouble);
}
