// Numbers in text that is written from right to left: they are read from left to right, and in one piece.

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufefc]/;
const SPACE = "[ \\u00a0\\u202f]";
const CURRENCY = "(?:[\\p{Sc}%\u2030]|[A-Z]{3}(?!\\w))";
// Of an amount the sign and the currency; of what has several parts (telephones, dates) all of them. Ranges are left alone:
// Unicode has them in the direction of the language.
const NUMBER = new RegExp(
  "(?<![\\p{Nd}\\w])(" +
    `(?:\\+|\\(?[0\u0660\u06f0])\\p{Nd}{0,20}(?:(?:${SPACE}|[)/-]){0,2}\\(?\\p{Nd}{1,20}){1,9}(?![.,:]?\\p{Nd})` +
    "|\\p{Nd}{1,20}(?:[./:-]\\p{Nd}{1,20}){2,9}" +
    `|[+\u2212-]?(?:${CURRENCY}${SPACE}?)?[+\u2212-]?` +
    `(?:\\p{Nd}{1,3}(?:${SPACE}\\p{Nd}{3}(?!\\p{Nd})){1,9}|\\p{Nd}{1,20})(?:[.,:\u066b\u066c'\u2019]\\p{Nd}{1,20}){0,9}` +
    `(?:${SPACE}?${CURRENCY})?)`,
  "u",
);

/** Text, with such numbers isolated from what is around them. */
function withNumbers(text, isolates) {
  if (!isolates) return [text];
  const isWhole = (part) => /^[\p{Nd}.,:]*$|^0?\p{Nd}[-/]\p{Nd}{1,2}$/u.test(part);
  return text.split(NUMBER).map((part, index) => (index % 2 && !isWhole(part) ? make("bdi", { dir: "ltr" }, part) : part));
}
