// A process that runs commands of the built program, one after another, as its parent asks by messages: most of the time of a short
// command is Node starting. Its answers say how each ended.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { interceptCalls } from './calls.mjs'
import { failingFrom } from './failures.mjs'
import { readWords } from './program.mjs'

const [root, cut] = process.argv.slice(2)

/** What is done before each call that changes files beneath `root`. */
let before = () => {}
await interceptCalls(root, call => before(call), { cutWrites: cut === 'cut' })

process.on('message', async ({ words, checkpoints, record, fail }) => {
  const lines = []
  const moments = []
  const note = record && recorder(checkpoints, record, lines, moments)
  before = note ?? (fail ? failingFrom(fail.at, fail.code) : () => {})
  const outcome = await run(words, checkpoints, lines)
  note?.({ name: 'end', path: root })
  before = () => {}
  process.send({ ...outcome, lines, moments })
})
process.send('ready')

async function run(words, checkpoints, lines) {
  const { signal } = new AbortController()
  const say = line => void lines.push(line)
  try {
    const { command, input } = readWords(words)
    const context = { print: say, note: say, signal, json: false, debug: false, checkpoints }
    const { json, failed = false } = await command.run(input, context)
    return { ok: !failed, json: command.name === 'check' ? json : undefined }
  } catch (error) {
    return { ok: false, error: { kind: error.constructor.name, message: error.message, stack: error.stack } }
  }
}

/**
 * Lists the calls in `moments`, and keeps in the folder `states` what a process that is killed before a call would leave: a kill changes no
 * file, so that is a copy of the folder. `at` are the numbers of the calls, from 1; without it all but those after a call that changes
 * nothing (fsync), which leave the same as the one before.
 */
function recorder(checkpoints, { states, at }, lines, moments) {
  let isSame = false
  return ({ name, path }) => {
    const number = moments.length + 1
    const isKept = at ? at.includes(number) : !isSame
    if (isKept) spawnSync('cp', ['-a', checkpoints, join(states, String(number))])
    const state = isKept || at ? number : moments.at(-1).state
    isSame = name === 'fsync'
    moments.push({ name, path, at: number, state, epochs: lines.filter(line => /^epoch +\d/.test(line)).length })
  }
}
