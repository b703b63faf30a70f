/** The `@example`s in the doc comments of src/. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './repository.js'

export interface Example {
  /** The source without `.ts`, as in dist/. */
  readonly file: string
  /** What the comment documents. */
  readonly name: string
  readonly code: string
}

const SRC = join(repository, 'src')
const COMMENT = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export (?:async )?(?:function\*?|const) (\w+)/g

/** All examples of src/, in the order of their files. */
export function examples(): Example[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .sort()
    .flatMap(path => {
      const text = readFileSync(join(SRC, path), 'utf8')
      return [...text.matchAll(COMMENT)].flatMap(([, comment = '', name = '']) => {
        const [, code] = /@example\n([\s\S]*)$/.exec(comment.replaceAll(/^ \* ?/gm, '')) ?? []
        return code === undefined ? [] : [{ file: path.replace(/\.ts$/, ''), name, code: code.trim() }]
      })
    })
}

/** What an example says that it prints: the comments behind its calls of console.log. One that begins with `such as` says no value. */
export const promised = (code: string): string[] =>
  [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text = '']) => text)
