// Looks.

const STYLE = `
  :host {
    all: initial !important; display: block !important; position: fixed !important; inset: 0 !important;
    width: 0 !important; height: 0 !important; z-index: var(--parlance-z-index, 2147483000) !important;
  }
  :host([hidden]) { display: none !important; }
  *, *::before, *::after { box-sizing: border-box; }
  [hidden] { display: none !important; }
  .widget {
    --back: #fff; --raised: #f1f3f6; --line: #d9dde3; --text: #1b1f24; --soft: #59626d; --alert: #a3242b;
    --link: var(--accent-on-light); --shadow: 0 8px 32px rgb(0 0 0 / .2);
    --edge: color-mix(in srgb, var(--on-accent) 20%, var(--accent)); /* a white widget on a white page has one, too */
    color-scheme: light dark; color: var(--text); scrollbar-width: thin; scrollbar-color: var(--line) transparent;
    font: 16px/1.5 var(--parlance-font, system-ui, sans-serif);
    overflow-wrap: anywhere; text-align: start;
  }
  @media (prefers-color-scheme: dark) {
    .widget {
      --back: #16191e; --raised: #242930; --line: #3a414b; --text: #eceff3; --soft: #a7b0bb; --alert: #ff9f9a;
      --link: var(--accent-on-dark); --shadow: 0 8px 32px rgb(0 0 0 / .6), 0 0 0 1px var(--line);
    }
  }
  button, textarea { font: inherit; color: inherit; margin: 0; }
  button { cursor: pointer; border: 0; background: none; padding: 0; min-width: 44px; min-height: 44px; }
  button:disabled { cursor: default; opacity: .5; }
  :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
  svg { width: 24px; height: 24px; display: block; margin: auto; fill: none; stroke: currentColor; stroke-width: 2;
    stroke-linecap: round; stroke-linejoin: round; }
  .heard { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

  .launcher {
    position: fixed; bottom: var(--parlance-bottom, 20px); width: 60px; height: 60px; border-radius: 50%;
    background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow);
  }
  .launcher.unread::after {
    content: ""; position: absolute; top: 2px; inset-inline-end: 2px; width: 14px; height: 14px; border-radius: 50%;
    background: #d92d20; border: 2px solid #fff;
  }
  .right .launcher, .right .panel { right: var(--parlance-side, 20px); }
  .left .launcher, .left .panel { left: var(--parlance-side, 20px); }

  .panel {
    position: fixed; bottom: calc(var(--parlance-bottom, 20px) + 76px); display: flex; flex-direction: column;
    width: min(var(--parlance-width, 400px), calc(100vw - 2 * var(--parlance-side, 20px)));
    height: min(var(--parlance-height, 640px), calc(100vh - var(--parlance-bottom, 20px) - 92px));
    background: var(--back); border-radius: var(--parlance-radius, 16px); box-shadow: var(--shadow); overflow: hidden;
  }
  .head {
    display: flex; align-items: center; gap: 4px; padding: 8px; padding-inline-start: 18px; flex: none;
    background: var(--accent); color: var(--on-accent); border-bottom: 1px solid var(--edge);
  }
  .names { flex: 1; min-width: 0; line-height: 1.3; }
  .head h2 { margin: 0; font-size: 17px; font-weight: 600; }
  .head p { margin: 0; font-size: 13px; }
  .head img { width: 36px; height: 36px; object-fit: contain; margin-inline-end: 8px; }
  .head button { border-radius: 10px; width: 44px; }
  .head button:hover { background: var(--edge); }
  .head :focus-visible { outline-color: currentColor; outline-offset: -4px; }
  .scroll { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px; }
  .scroll:focus-visible { outline-offset: -3px; }

  .message { display: flex; flex-direction: column; align-items: flex-start; margin-bottom: 12px; }
  .message.user { align-items: flex-end; }
  .text { max-width: 88%; padding: 9px 14px; border-radius: 16px; border-end-start-radius: 4px;
    background: var(--raised); }
  .user .text { background: var(--accent); color: var(--on-accent); border: 1px solid var(--edge);
    white-space: pre-wrap; border-end-start-radius: 16px; border-end-end-radius: 4px; }
  .text:empty { display: none; }
  .notice { display: flex; flex-wrap: wrap; align-items: center; column-gap: 10px; margin-top: 2px;
    padding-inline-start: 2px; color: var(--alert); font-size: 14px; }
  .notice.stopped, .notice.calm { color: var(--soft); }
  .pill { padding: 0 14px; border: 1px solid var(--line); border-radius: 22px; color: var(--text); }
  .pill:hover, .thumb:hover { background: var(--raised); }
  .suggestions { display: flex; flex-wrap: wrap; gap: 8px; }
  .suggestions .pill { padding: 6px 16px; border-color: currentColor; color: var(--link); text-align: start; }
  .confirmation { display: flex; flex-wrap: wrap; gap: 8px; padding: 12px 18px; flex: none;
    border-bottom: 1px solid var(--line); }
  .confirmation p { margin: 0; flex: 1 0 100%; }
  .privacy { margin: -4px 18px 10px; flex: none; text-align: center; font-size: 12px; color: var(--soft); }
  .chips { display: flex; flex-wrap: wrap; gap: 6px; max-width: 100%; margin: 6px 0 0; padding: 0; list-style: none; }
  .chips li { margin: 0; max-width: 100%; }
  .chip { display: block; max-width: 100%; padding: 4px 12px; border: 1px solid var(--line); border-radius: 16px;
    overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font-size: 13px; }
  .rating { display: flex; align-items: center; margin: -4px -8px -8px; color: var(--soft); font-size: 13px; }
  .thumb { border-radius: 50%; }
  .thumb svg { width: 18px; height: 18px; }
  .thumb + .thumb svg { transform: scaleY(-1); }
  [aria-pressed=true] { color: var(--link); }
  [aria-pressed=true] path { fill: currentColor; fill-opacity: .25; }
  .typing { display: flex; gap: 5px; width: max-content; padding: 15px 16px; border-radius: 16px;
    background: var(--raised); }
  .text:not(:empty) + .typing { padding: 10px 14px 4px; background: none; }
  .typing i { width: 8px; height: 8px; border-radius: 50%; background: var(--soft); }

  .foot { display: flex; align-items: flex-end; gap: 8px; padding: 10px; flex: none;
    border-top: 1px solid var(--line); padding-bottom: calc(10px + env(safe-area-inset-bottom, 0px)); }
  textarea {
    flex: 1; min-width: 0; min-height: 44px; max-height: 132px; padding: 9px 14px; resize: none; line-height: 1.5;
    border: 1px solid var(--soft); border-radius: 22px; background: var(--back); overflow-y: auto; display: block;
  }
  textarea::placeholder { color: var(--soft); opacity: 1; }
  textarea:focus-visible { outline-width: 2px; outline-offset: 0; border-color: transparent; }
  .send { flex: none; width: 44px; border-radius: 50%; background: var(--accent); color: var(--on-accent);
    border: 1px solid var(--edge); }
  .send.stop path { fill: currentColor; }

  .text > :first-child { margin-top: 0; }
  .text > :last-child, blockquote > :last-child { margin-bottom: 0; }
  p, ul, ol, blockquote, .table, .code { margin: 0 0 10px; }
  h3 { margin: 14px 0 6px; font-size: 16px; line-height: 1.35; }
  .large { font-size: 18px; }
  ul, ol { padding-inline-start: 22px; }
  li { margin: 3px 0; }
  li > * { margin: 3px 0; }
  hr { border: 0; border-top: 1px solid var(--line); margin: 12px 0; }
  a { color: var(--link); text-decoration: underline; }
  blockquote { padding-inline-start: 12px; border-inline-start: 3px solid var(--line); color: var(--soft); }
  img { max-width: 100%; height: auto; border-radius: 8px; display: block; }
  code { font: .875em/1.5 ui-monospace, monospace; }
  :not(pre) > code { padding: 1px 5px; border-radius: 5px; background: var(--back); border: 1px solid var(--line); }
  .code { border: 1px solid var(--line); border-radius: 10px; background: var(--back); overflow: hidden;
    width: 100%; }
  .bar { display: flex; align-items: center; justify-content: space-between; padding-inline-start: 12px;
    border-bottom: 1px solid var(--line); color: var(--soft); font-size: 13px; }
  .copy { padding: 0 12px; font-weight: 500; color: var(--text); }
  .copy:focus-visible, pre:focus-visible, .table:focus-visible { outline-offset: -3px; }
  pre { margin: 0; padding: 10px 12px; overflow-x: auto; white-space: pre; overflow-wrap: normal; }
  .table { overflow-x: auto; max-width: 100%; }
  table { border-collapse: collapse; font-size: 14px; overflow-wrap: normal; }
  th, td { padding: 5px 9px; border: 1px solid var(--line); text-align: start; vertical-align: top; }
  .centered { text-align: center; }
  .ending { text-align: right; }
  .task { list-style: none; }
  del { color: var(--soft); }
  mark { background: var(--line); color: inherit; }
  bdi { display: inline-block; unicode-bidi: isolate-override; }
  kbd { font-family: ui-monospace, monospace; font-size: .875em; }
  th { background: var(--back); font-weight: 600; }

  @media (max-width: 479px) {
    .widget .panel { inset: var(--seen-top, 0) 0 auto; width: 100%; height: var(--seen, 100%); border-radius: 0; }
    .head { padding-top: calc(8px + env(safe-area-inset-top, 0px)); }
    .open .launcher { display: none; }
  }
  @media (prefers-reduced-motion: no-preference) {
    .widget:not(.still) .panel { animation: rise .18s ease-out; }
    .typing i { animation: nod 1.2s infinite ease-in-out; }
    .typing i:nth-child(2) { animation-delay: .15s; }
    .typing i:nth-child(3) { animation-delay: .3s; }
  }
  @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
  @keyframes nod { 0%, 60%, 100% { transform: none; } 30% { transform: translateY(-5px); } }
  @media (forced-colors: active) { button, .panel, .text { border: 1px solid; } }
  @media print { .widget { display: none; } }
`;
