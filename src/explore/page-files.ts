/** The files of the page, as the build bundles them. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readWhole } from '../files/reading.js'
import { type Answer, missing } from './answer.js'

const folder = fileURLToPath(new URL('../web', import.meta.url))

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  wasm: 'application/wasm',
  woff2: 'font/woff2',
  txt: 'text/plain; charset=utf-8',
}

/** The names of all files. Throws an Error if the page is not built. */
export function pageFiles(): string[] {
  if (existsSync(join(folder, 'index.html'))) return readdirSync(folder).sort()
  throw new Error(`${folder}: the page is not built; run \`npm run build\``)
}

/** The file of that name; '' is index.html. */
export function pageFile(name: string): Answer {
  const file = name === '' ? 'index.html' : name
  const type = types[file.slice(file.lastIndexOf('.') + 1)]
  if (type === undefined || !pageFiles().includes(file)) throw missing('there is no such file')
  return { type, body: readWhole(join(folder, file)) }
}
