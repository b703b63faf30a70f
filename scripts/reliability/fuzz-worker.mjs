// A process that mutates a file and reads it, trial after trial, and tells its parent what each found; a hang or a crash ends this process only.

import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileKinds } from './file-kinds.mjs'
import { mutate } from './mutations.mjs'

const LONGEST_LINE = 2000

process.on('message', async ({ folder, kind, from, to, seed }) => {
  const { file, json, read, named = basename(file) } = fileKinds[kind]
  const path = join(folder, file)
  const original = readFileSync(path)
  const expected = digestOf(await read(folder))
  for (let number = from; number < to; number++) {
    const mutation = mutate(original, json, seed, number)
    process.send({ number, mutation: mutation.kind })
    rmSync(path)
    writeFileSync(path, mutation.bytes)
    const found = await tryReading(() => read(folder), expected, named)
    process.send({ number, mutation: mutation.kind, ...found })
  }
  rmSync(path)
  writeFileSync(path, original)
  process.send({ done: true })
})
process.send({ kinds: Object.keys(fileKinds) })

async function tryReading(read, expected, name) {
  try {
    const found = digestOf(await read())
    return found === expected ? { outcome: 'same' } : { outcome: 'wrong', why: 'another result was read as good' }
  } catch (error) {
    const why = describeFault(error, name)
    return why ? { outcome: 'wrong', why } : { outcome: 'refused', why: error.message }
  }
}

/** What is wrong with an error; undefined if it is one line for users that names the file. */
function describeFault({ constructor: { name: kind }, message, stack }, name) {
  if (kind !== 'Error' && kind !== 'UsageError') return `an internal error: ${stack}`
  if (/call stack|Cannot (?:read|use)|is not a function/.test(message)) return `an internal error: ${message}`
  if (message.length > LONGEST_LINE) return `${message.length} characters: ${message.slice(0, 200)}`
  return message.includes(name) ? undefined : `the error does not name ${name}: ${message}`
}

/** A digest of a result: Maps are lists here, and typed arrays are written as numbers. */
function digestOf(content) {
  if (content === undefined) throw new TypeError('the reading returned nothing, so that nothing can be compared')
  const text = JSON.stringify(content, (_key, value) => (ArrayBuffer.isView(value) ? [...value] : value))
  return createHash('sha256').update(text).digest('hex')
}
