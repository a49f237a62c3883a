// Makes a page's script of page.svelte, and of the runes in @ai-sdk/svelte, with Svelte's own compiler.
//
//   node build-svelte.mjs FILE
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { compile, compileModule } from "svelte/compiler";

const svelte = {
  name: "svelte",
  setup({ onLoad }) {
    const compiled = (filter, made) =>
      onLoad({ filter }, async ({ path: filename }) => {
        const { js, warnings } = made(await readFile(filename, "utf8"), { filename });
        return { contents: js.code, warnings: warnings.map(({ message }) => ({ text: message })) };
      });
    compiled(/\.svelte$/, compile);
    compiled(/\.svelte\.js$/, compileModule);
  },
};

await build({
  stdin: {
    contents: 'import { mount } from "svelte"; import Page from "./page.svelte"; mount(Page, { target: document.body });',
    resolveDir: import.meta.dirname,
  },
  bundle: true,
  conditions: ["svelte", "browser", "production"],
  plugins: [svelte],
  outfile: process.argv[2],
  logLevel: "warning",
});
