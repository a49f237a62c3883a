// The page's colour, and what can be read on it.

/** A constructed sheet needs no `style-src` of the page. */
function adopt(root) {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // Browsers from before 2023.
    root.append(make("style", { textContent: STYLE }));
  }
}

/** The page's colour, what can be read on it, and shades of it for links. */
function paint() {
  const chosen = getComputedStyle(host).getPropertyValue("--parlance-color").trim() || data.color || "";
  const accent = components(chosen) || components("#2457d6");
  if (chosen && !components(chosen)) complain(`this is no colour: ${chosen}`);
  const set = (name, color) => widget.style.setProperty(name, `rgb(${color.map(Math.round).join(" ")})`);
  set("--accent", accent);
  set("--on-accent", contrast(accent, WHITE) >= contrast(accent, BLACK) ? WHITE : BLACK);
  set("--accent-on-light", readable(accent, [241, 243, 246], BLACK));
  set("--accent-on-dark", readable(accent, [36, 41, 48], WHITE));
}

const WHITE = [255, 255, 255];
const BLACK = [0, 0, 0];

/** [red, green, blue] of any CSS colour, 0 to 255; null where it is none. */
function components(color) {
  if (!color || !CSS.supports("color", color)) return null;
  const probe = make("i");
  probe.style.color = color;
  // Ignored where it is unknown.
  probe.style.color = `color-mix(in srgb, ${color} 100%, black)`;
  widget.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  const scale = computed.startsWith("color(") ? 255 : 1;
  const numbers = computed.replace("srgb", "").match(/-?[\d.]+(e-?\d+)?/g);
  return numbers && numbers.slice(0, 3).map((number) => Math.min(Math.max(number * scale, 0), 255));
}

function luminance(color) {
  const [red, green, blue] = color.map((each) => (each <= 10 ? each / 3294 : ((each / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The colour, shifted towards black or white until it can be read on its background (WCAG AA: 4.5). */
function readable(color, background, towards) {
  let shade = color;
  for (let part = 0.1; contrast(shade, background) < 4.6 && part <= 1; part += 0.1) {
    shade = color.map((each, index) => each + (towards[index] - each) * part);
  }
  return shade;
}
