// Characters by their names in HTML: those of HTML 4 that chats use, since only markup would know the others.

// From U+00A0 on, in order.
const LATIN_NAMES =
  "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para " +
  "middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest";
// What follows the letter in the names of letters with accents.
const ACCENTS = {
  __proto__: null,
  ...{ grave: 0, acute: 1, circ: 2, tilde: 3, macr: 4, breve: 6, dot: 7, uml: 8, ring: 10, dblac: 11, caron: 12 },
  ...{ cedil: 39, ogon: 40 },
};
// From U+03B1 on, in order; with a capital from U+0391 on.
const GREEK_NAMES =
  "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau upsilon phi chi " +
  "psi omega";
const OTHER_NAMES =
  "amp& lt< gt> quot\" apos' num# ast* lowbar_ vert| bsol\\ grave` lsqb[ rsqb] euro€ trade™ hellip… ndash– mdash— lsquo‘ " +
  "rsquo’ sbquo‚ ldquo“ rdquo” bdquo„ lsaquo‹ rsaquo› bull• prime′ Prime″ dagger† permil‰ minus− larr← uarr↑ rarr→ darr↓ " +
  "harr↔ rArr⇒ infin∞ ne≠ le≤ ge≥ asymp≈ radic√ sum∑ check✓ cross✗ star☆ starf★ phone☎ hearts♥ OElig\u0152 oelig\u0153 " +
  "AEligÆ aeligæ ETHÐ ethð THORNÞ thornþ szligß OslashØ oslashø LstrokŁ lstrokł inodotı times× divide÷ ensp\u2002 emsp\u2003 thinsp\u2009 zwnj\u200c zwj\u200d lrm\u200e rlm\u200f";

const ENTITIES = new Map([
  ...LATIN_NAMES.split(" ").map((name, index) => [name, String.fromCharCode(0xa0 + index)]),
  ...GREEK_NAMES.split(" ").flatMap((name, index) => [
    [name, String.fromCharCode(0x3b1 + index)],
    [name[0].toUpperCase() + name.slice(1), String.fromCharCode(0x391 + index)],
  ]),
  ...OTHER_NAMES.split(" ").map((each) => [each.slice(0, -1), each.slice(-1)]),
]);

/** The character of `amp` or `#38` or `#x26`; null where there is none of that name. */
function character(name) {
  if (name[0] !== "#") return ENTITIES.get(name) || accented(name);
  const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1));
  const none = code < 32 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000);
  return none ? "\ufffd" : String.fromCodePoint(code);
}

/** The one letter of `eacute`; null where there is none. */
function accented(name) {
  const accent = ACCENTS[name.slice(1)];
  const letter = (name[0] + String.fromCharCode(0x300 + accent)).normalize();
  return accent >= 0 && letter.length === 1 ? letter : null;
}

/** Without escapes and entities, each resolved once. */
function unescaped(text) {
  return text.replace(/\\([!-/:-@[-`{-~])|&(#?\w{1,31});/g, (all, mark, name) => mark || character(name) || all);
}
