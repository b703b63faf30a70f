/** The public API as its users' compiler sees it: the declarations in dist/. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { repository } from './repository.js'

/** A declaration: the file in dist/, without `.d.ts`, and the name in that file. */
interface Place {
  readonly file: string
  readonly name: string
}

interface Module {
  /** The text of each top-level declaration, without comments; overloads are joined. */
  readonly declared: ReadonlyMap<string, string>
  /** Names that come from other files of dist/, and the names of whole files. */
  readonly imported: ReadonlyMap<string, Place>
  /** Exported names: declared here, or in another file. */
  readonly exported: ReadonlyMap<string, Place>
  /** Exported names that stand for all exports of a file. */
  readonly namespaces: ReadonlyMap<string, string>
}

const DECLARATION = /^(?:export )?(?:declare )?(?:abstract )?(function|const|class|interface|type|enum)\s+(\w+)/

const modules = new Map<string, Module>()

function moduleOf(file: string): Module {
  const known = modules.get(file)
  if (known) return known
  const text = readFileSync(join(repository, 'dist', `${file}.d.ts`), 'utf8')
  const statements = text
    .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    .split(/^(?=(?:export|import|declare|interface|type|function|const|class)\b)/m)
  const module = parse(file, statements)
  modules.set(file, module)
  return module
}

function parse(file: string, statements: readonly string[]): Module {
  const declared = new Map<string, string>()
  const imported = new Map<string, Place>()
  const exported = new Map<string, Place>()
  const namespaces = new Map<string, string>()
  for (const statement of statements) {
    const from = /from '(\.[^']+)'|from "(\.[^"]+)"/.exec(statement)
    const path = from && fileAt(file, (from[1] ?? from[2]) as string)
    const [, namespace] = /^export \* as (\w+)/.exec(statement) ?? []
    if (namespace && path) namespaces.set(namespace, path)
    const [, kind, list] = /^(import|export)(?: type)? \{([\s\S]*?)\}/.exec(statement) ?? []
    for (const [name, alias] of namesIn(list ?? ''))
      if (kind === 'export') exported.set(alias, { file: path ?? file, name })
      else if (path) imported.set(alias, { file: path, name })
    const [, , name] = DECLARATION.exec(statement) ?? []
    if (name === undefined) continue
    declared.set(name, `${declared.get(name) ?? ''}${statement}`)
    if (statement.startsWith('export ')) exported.set(name, { file, name })
  }
  return { declared, imported, exported, namespaces }
}

/** The names of an import or export list: `a`, `type B`, `c as d`. */
const namesIn = (list: string): [name: string, alias: string][] =>
  [...list.matchAll(/(?:type )?(\w+)(?: as (\w+))?/g)].map(([, name = '', alias]) => [name, alias ?? name])

const fileAt = (file: string, path: string): string => join(dirname(file), path.replace(/\.m?js$/, ''))

/** Where a name is declared; undefined if it comes from outside of dist/. */
function origin({ file, name }: Place): Place | undefined {
  const { declared, imported, exported } = moduleOf(file)
  if (declared.has(name)) return { file, name }
  const next = imported.get(name) ?? exported.get(name)
  return next && (next.file !== file || next.name !== name) ? origin(next) : undefined
}

/** The exported names of an entry, and the exports of its namespaces as `namespace.name`, with their declarations. */
export function exportsOf(entry: string): Map<string, Place> {
  const { exported, namespaces } = moduleOf(entry)
  const own = [...exported].flatMap(([name, place]) => {
    const found = origin(place)
    return found ? [[name, found] as const] : []
  })
  const nested = [...namespaces].flatMap(([namespace, file]) =>
    [...exportsOf(file)].map(([name, place]) => [`${namespace}.${name}`, place] as const),
  )
  return new Map([...own, ...nested])
}

/** Whether the declaration is a function, called by users. */
export function isFunction({ file, name }: Place): boolean {
  const text = moduleOf(file).declared.get(name) ?? ''
  return /^export declare function/.test(text) || /^export declare const \w+: (?:<[^>]*>)?\(/.test(text)
}

const id = ({ file, name }: Place): string => `${file}.d.ts: ${name}`

/** The types in the declaration of a name. */
function typesIn({ file, name }: Place): Place[] {
  const { declared, imported } = moduleOf(file)
  const text = declared.get(name) ?? ''
  const inline = [...text.matchAll(/import\(["'](\.[^"']+)["']\)\.(\w+)/g)].map(([, path = '', type = '']) => ({
    file: fileAt(file, path),
    name: type,
  }))
  const named = [...text.matchAll(/(?<![.\w'"-])[A-Z]\w*/g)]
    .map(([type]) => type)
    .filter(type => type !== name && (declared.has(type) || imported.has(type)))
    .map(type => ({ file, name: type }))
  return [...inline, ...named].flatMap(place => origin(place) ?? [])
}

/** Types that stand in the exports of the entries, or in such types, and that no entry exports. */
export function missingTypes(entries: readonly string[]): string[] {
  const exported = entries.flatMap(entry => [...exportsOf(entry).values()])
  const isExported = new Set(exported.map(id))
  const missing = new Map<string, string>()
  const seen = new Set<string>()
  const visit = (place: Place, user: Place) => {
    if (!isExported.has(id(place)) && !missing.has(id(place))) missing.set(id(place), `${id(place)}, in ${user.name}`)
    if (seen.has(id(place))) return
    seen.add(id(place))
    for (const type of typesIn(place)) visit(type, place)
  }
  for (const place of exported) visit(place, place)
  return [...missing.values()].sort()
}
