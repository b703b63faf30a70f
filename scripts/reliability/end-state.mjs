// What commands leave in a checkpoints folder, apart from times, process ids and the names of snapshots' folders: for comparing two of them.

import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A digest of each file by its path; `latest` and `best` have the files of the snapshots that they lead to. */
export function endState(checkpoints) {
  const found = new Map()
  const visit = folder => {
    for (const name of readdirSync(folder).sort()) {
      const path = join(folder, name)
      const stats = lstatSync(path)
      if (name === 'tensorboard') continue // the name of its files has the time and the process
      const isRun = stats.isDirectory() && name !== 'snapshots'
      if (isRun || (stats.isSymbolicLink() && (name === 'latest' || name === 'best'))) visit(path)
      else if (stats.isDirectory()) for (const one of readdirSync(path)) noteSnapshot(join(path, one), one)
      else if (name !== 'lock') found.set(relative(checkpoints, path), digestOf(path, name))
    }
  }
  const noteSnapshot = (path, name) => {
    if (!/^step-\d+(-\d+)?$/.test(name)) found.set(relative(checkpoints, path), 'no snapshot')
  }
  visit(checkpoints)
  return found
}

/** The first difference of two end states in words; undefined if there is none. */
export function difference(expected, actual) {
  for (const [path, digest] of expected) {
    if (!actual.has(path)) return `${path} is missing`
    if (actual.get(path) !== digest) return `${path} differs`
  }
  const more = [...actual.keys()].find(path => !expected.has(path))
  return more === undefined ? undefined : `${more} is left over`
}

function digestOf(path, name) {
  const bytes = readFileSync(path)
  return createHash('sha256').update(reproducible(bytes, name)).digest('hex')
}

/** The bytes of a file without times; all of them if it cannot be read as what it should be. */
function reproducible(bytes, name) {
  try {
    return timeless[name]?.(bytes.toString()) ?? bytes
  } catch {
    return bytes
  }
}

const times = new Set(['seconds', 'imagesPerSecond', 'digest'])
const withoutTimes = text => JSON.stringify(JSON.parse(text, (key, value) => (times.has(key) ? undefined : value)))

/** How files are read in which there are times. */
const timeless = {
  'metrics.jsonl': text => text.trimEnd().split('\n').map(withoutTimes).join('\n'),
  'compare.json': withoutTimes,
  'compare.svg': () => 'a chart against time',
  'compare.png': () => 'a chart against time',
  'compare.csv': text => {
    const rows = text.split('\n').map(row => row.split(','))
    const at = rows[0].indexOf('seconds')
    return rows.map(row => row.filter((_, column) => column !== at).join(',')).join('\n')
  },
}
