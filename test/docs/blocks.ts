/** The blocks of code in the documents. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../support/repository.js'

export interface Block {
  /** The heading above it. */
  readonly heading: string
  /** What follows the three backticks: `js`, `js refused`, `sh`. */
  readonly kind: string
  readonly code: string
}

/** The blocks of a document, in order. */
export function blocksOf(path: string): Block[] {
  const text = readFileSync(join(repository, path), 'utf8')
  let heading = ''
  return [...text.matchAll(/^#+ (.*)$|^```(.*)\n([\s\S]*?)^```$/gm)].flatMap(([, title, kind = '', code = '']) => {
    if (title !== undefined) heading = title
    return title === undefined ? [{ heading, kind, code }] : []
  })
}
