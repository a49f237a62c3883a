// Addresses: which may be followed, and where one ends that stands in plain text.

// Of scripts that are written without spaces: what follows an address may be prose.
const DENSE =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u30fc]/u;
const DENSE_RUN = new RegExp(`${DENSE.source}+`, "uy");
const PARTICLE = /^(?:\p{sc=Hiragana}|(?:에서?는?|에서도|까지|부터|를|을|은|는|이|가|으?로|와|과|도|의|입니다|이며)$)/u;
// Ends every address: what is neither letter nor ASCII, but for the dots within names; and another address.
const FOREIGN = /(?![\0-\x7f\u00b7\u30fb\u200c])[\p{P}\p{S}\p{C}]|&(?:[lg]t|quot|apos|nbsp|hellip|[mn]dash|\w{1,3}quo|#\w+);|[,;]https?:/iu;
const NOT_LAST = ".,;:!?'*_~\u00b7\u30fb";
const CLOSED_BY = { ")": "(", "]": "[", "}": "{" };
const MAIL = /^[\w.+-]{1,64}@[^\s@/]{1,255}$/;

/** As much of the text, which begins with an address, as belongs to it. */
function addressIn(text, before) {
  const ends = [text.search(FOREIGN), proseIn(text), before === "'" ? text.indexOf("'") : -1, unopenedIn(text)];
  let end = Math.min(...ends.map((each) => (each < 0 ? text.length : each)));
  while (end && NOT_LAST.includes(text[end - 1])) end--;
  return text.slice(0, end);
}

/** The index of a bracket that closes none of the address's own. */
function unopenedIn(text) {
  const open = [];
  for (let at = 0; at < text.length; at++) {
    if ("([{".includes(text[at])) open.push(text[at]);
    else if (text[at] in CLOSED_BY && open.pop() !== CLOSED_BY[text[at]]) return at;
  }
  return -1;
}

/** The index of what goes on right behind an address in a script without spaces. Parts of a path that are written in such
    a script belong to it: they begin so, behind a slash or the like. */
function proseIn(text) {
  let at = text.indexOf("://") + 3;
  // Where we are: in the host, at the slash behind it, further on.
  let place = at > 2 ? "host" : "www";
  let part = place === "host" ? "new" : "plain";
  for (const letter of text.slice(at > 2 ? at : (at = 0))) {
    if (DENSE.test(letter)) {
      if (part === "plain" || (part === "new" && place !== "host" && isProse(text, at, place))) return at;
      part = "dense";
    } else if ("/?#".includes(letter) || ("&=_-+(".includes(letter) && place !== "host")) {
      place = letter === "/" && /host|www/.test(place) ? "root" : "path";
      part = "new";
    } else if (letter === "." && place === "host" && part === "dense") part = "new";
    else if (part === "new") part = "plain";
    at += letter.length;
  }
  return -1;
}

function isProse(text, at, place) {
  DENSE_RUN.lastIndex = at;
  const [run] = DENSE_RUN.exec(text);
  return PARTICLE.test(run) || (place === "root" && text[at + run.length] !== "/");
}

/** An element, or null for what may not be followed. Addresses without a host are those of the site's page. */
function link(target, label) {
  const href = address(withScheme(unescaped(target)), document.baseURI);
  if (!href || !/^(?:https?:|mailto:|tel:\+?[\d().\/-]{2,40}(?:;ext=\d{1,9})?$)/.test(href)) return null;
  // The label is an address where it is no fragment.
  const dir = label.nodeType ? {} : { dir: "auto" };
  return make("a", { href, target: "_blank", rel: "noopener nofollow noreferrer", ...dir }, label);
}

function withScheme(target) {
  if (/^tel:/i.test(target)) return target.replace(/\s/g, "");
  if (MAIL.test(target)) return `mailto:${target}`;
  // A site's name, with a path or with www.
  return /^(?:www\.|(?:[a-z\d-]+\.)+[a-z]{2,24}\/)/i.test(target) ? `https://${target}` : target;
}

/** Only from hosts that the site names: an image is a request, and may carry the conversation away. */
function image(target, alt) {
  const href = address(unescaped(target), document.baseURI);
  if (!href || !/^https?:/.test(href) || !imageHosts.includes(new URL(href).host)) return null;
  return make("img", { alt, referrerPolicy: "no-referrer", loading: "lazy", src: href });
}
