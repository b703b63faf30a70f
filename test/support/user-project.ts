/** Programs run as in a user's project, whose node_modules hold the package. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ENTRIES } from './entries.js'
import { repository } from './repository.js'
import { temporaryFolder } from './temporary-folder.js'

/** A folder where `import … from 'elbo'` and its entries find the built library, and TF.js is installed. */
export function userProject(): string {
  const folder = temporaryFolder()
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'elbo'), { recursive: true })
  symlinkSync(join(repository, 'dist'), join(modules, 'elbo/dist'))
  symlinkSync(join(repository, 'node_modules/@tensorflow'), join(modules, '@tensorflow'))
  const exports = Object.entries(ENTRIES).map(([name, file]) => [name.replace(/^elbo/, '.'), `./dist/${file}.js`])
  const manifest = { name: 'elbo', type: 'module', exports: Object.fromEntries(exports) }
  writeFileSync(join(modules, 'elbo/package.json'), JSON.stringify(manifest))
  return folder
}

/** Runs `node FILE ...ARGUMENTS` in a folder. */
export function runNode(folder: string, file: string, ...args: string[]) {
  return spawnSync(process.execPath, [file, ...args], { cwd: folder, encoding: 'utf8' })
}

/** One program of several blocks, in order: their imports first, then each block in a scope of its own. */
export function joinPrograms(blocks: readonly string[]): string {
  const isImport = /^import .*\n/gm
  const imports = new Set(blocks.flatMap(block => block.match(isImport) ?? []))
  const names = new Map<string, Set<string>>()
  for (const line of imports) {
    const [, list, from = ''] = /^import \{ (.*) \} from (.*)/.exec(line) ?? []
    if (list === undefined) names.set(line.trim(), new Set())
    else names.set(from, new Set([...(names.get(from) ?? []), ...list.split(', ')]))
  }
  const seen = new Set<string>()
  const merged = [...names].map(([from, list]) => {
    if (list.size === 0) return from
    const fresh = [...list].filter(name => !seen.has(name))
    for (const name of fresh) seen.add(name)
    return `import { ${fresh.join(', ')} } from ${from}`
  })
  return [...merged, ...blocks.map(block => `{\n${block.replaceAll(isImport, '')}}`)].join('\n')
}
