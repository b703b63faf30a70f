// The texts of the page's chapters: Markdown with equations between dollars becomes HTML while the page is bundled, so that the page holds no
// parser and no KaTeX. Styles stand in `data-style`, because the page's Content-Security-Policy forbids those in markup.
import { readFile } from 'node:fs/promises'

/** A line of a text where a figure stands. */
const FIGURE = /^::: figure$/m

/** Fonts of alphabets that no text uses; they are left out. */
const UNUSED = /KaTeX_(Fraktur|SansSerif|Script|Typewriter|\w+-BoldItalic|Caligraphic-Bold)[\w-]*\.woff2$/

/** Modules of `src/web/chapters/text/NAME.md`, whose `sections` are the HTML before, between and after the figures. */
export const chapterTexts = {
  name: 'chapter-texts',
  /** @param {import('esbuild').PluginBuild} build */
  setup(build) {
    build.onLoad({ filter: UNUSED }, () => ({ contents: '', loader: 'empty' }))
    build.onLoad({ filter: /[/\\]chapters[/\\]text[/\\]\w[\w-]*\.md$/ }, async ({ path }) => ({
      contents: `export const sections = ${JSON.stringify(await sectionsOf(await readFile(path, 'utf8')))}`,
      loader: 'js',
    }))
  },
}

/** @param {string} text @returns {Promise<string[]>} */
export async function sectionsOf(text) {
  // Not imported at the top of this file, because an earlier step of the set-up installs the packages.
  const [{ default: katex }, { Marked }] = await Promise.all([import('katex'), import('marked')])
  /** @param {string} source @param {boolean} displayMode */
  const equation = (source, displayMode) => {
    const html = katex.renderToString(source.trim(), { displayMode, throwOnError: true, strict: 'error' })
    const [alphabet] = /\b(mathfrak|mathscr|mathsf|mathtt|boldsymbol)\b/.exec(html) ?? []
    if (alphabet !== undefined) throw new Error(`${source.trim()}: the page has no font for ${alphabet}; see UNUSED`)
    return html.replaceAll(' style="', ' data-style="')
  }
  const marked = new Marked({
    extensions: [
      {
        name: 'equation',
        level: 'block',
        start: source => source.indexOf('$$'),
        tokenizer(source) {
          const [raw, body] = /^\$\$([^$]+)\$\$(?:\n|$)/.exec(source) ?? []
          return raw === undefined ? undefined : { type: 'equation', raw, body }
        },
        renderer: ({ body }) => `<div class="equation">${equation(body, true)}</div>\n`,
      },
      {
        name: 'symbols',
        level: 'inline',
        start: source => source.indexOf('$'),
        tokenizer(source) {
          const [raw, body, after] = /^\$([^$]+)\$([.,;:!?)]*)/.exec(source) ?? []
          return raw === undefined ? undefined : { type: 'symbols', raw, body, after }
        },
        // Lines do not break between symbols and the punctuation after them.
        renderer: ({ body, after }) => `<span class="symbols">${equation(body, false)}${after}</span>`,
      },
    ],
  })
  return Promise.all(text.split(FIGURE).map(async part => (await marked.parse(part)).trim()))
}
