// Changes files of all formats at random and opens them: each must be refused in one line that names the file, or read, without a hang, a crash
// or much memory. Then opens sources that were made to do harm.
//
//   node scripts/fuzz-formats.mjs [--count 2000] [--seed 1] [--hostile]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { hostileSources } from './fuzz-formats/hostile.mjs'
import { originals } from './fuzz-formats/originals.mjs'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    hostile: { type: 'boolean', default: false },
  },
})

/** Milliseconds for one source: 200,000 pictures take minutes on a busy machine. */
const LIMIT = 900_000

/** Peak resident memory of the process that opens, in MiB. */
const MEMORY = 1024

const folder = mkdtempSync(join(tmpdir(), 'elbo-fuzz-'))
process.env.ELBO_CACHE = join(folder, 'cache')

let worker

/** Opens a source in the worker; a worker that ends or takes too long is replaced. */
async function open(source, options = {}) {
  worker ??= fork(join(import.meta.dirname, 'fuzz-formats/worker.mjs'), { execArgv: ['--max-old-space-size=512'] })
  const current = worker
  const started = performance.now()
  const timer = setTimeout(() => current.kill('SIGKILL'), LIMIT)
  const outcome = await new Promise(resolve => {
    current.once('message', resolve)
    current.once('exit', (code, signal) => resolve({ crash: `the process ended: ${signal ?? code}` }))
    current.send({ source, options })
  })
  current.removeAllListeners('message').removeAllListeners('exit')
  clearTimeout(timer)
  if (outcome.crash) worker = undefined
  return { ...outcome, seconds: (performance.now() - started) / 1000 }
}

/** Ends the worker, so that the peak of memory begins anew. */
async function restart() {
  if (worker === undefined) return
  const ended = once(worker, 'exit')
  worker.kill()
  await ended
  worker = undefined
}

/** What is wrong with an outcome; undefined if all is well. */
function fault({ crash, message, name, peak }, source) {
  if (crash) return crash
  if (peak > MEMORY) return `${peak.toFixed(0)} MiB`
  if (message === undefined) return undefined
  if (message.includes('\n')) return `several lines: ${message}`
  if (['TypeError', 'RangeError', 'ReferenceError'].includes(name)) return `${name}: ${message}`
  return message.includes(source.replace(/\*.*/, '')) ? undefined : `the file is not named: ${message}`
}

// Of the whole length. fc.double would draw bit patterns, of which most stand for numbers near 0.
const place = fc.nat(2 ** 20 - 1).map(n => n / 2 ** 20)
const change = fc.oneof(
  fc.record({ kind: fc.constant('cut'), place }),
  fc.record({ kind: fc.constant('flip'), place, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('overwrite'), place, bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
  fc.record({ kind: fc.constant('insert'), place, bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
  fc.record({ kind: fc.constant('repeat'), place, length: fc.integer({ min: 1, max: 200 }) }),
)
// Without a bias towards the ends: changes are anywhere in a file, not most often in its header.
const mutation = fc.noBias(
  fc.record({
    original: fc.nat(originals.length - 1),
    changes: fc.array(change, { minLength: 1, maxLength: 2 }),
  }),
)

function changed(bytes, { kind, place: share, bit, bytes: other, length }) {
  const at = Math.floor(share * bytes.length)
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  if (kind === 'cut') return before
  if (kind === 'insert') return Buffer.concat([before, other, after])
  if (kind === 'repeat') return Buffer.concat([before, after.subarray(0, length), after])
  if (kind === 'overwrite') return Buffer.concat([before, other, after.subarray(other.length)])
  const copy = Buffer.from(bytes)
  if (at < copy.length) copy[at] ^= 1 << bit
  return copy
}

const totals = { read: 0, refused: 0, faults: 0, peak: 0, slowest: 0 }

function count(outcome, label, source) {
  totals.peak = Math.max(totals.peak, outcome.peak ?? 0)
  totals.slowest = Math.max(totals.slowest, outcome.seconds)
  const wrong = fault(outcome, source)
  if (wrong === undefined) totals[outcome.message === undefined ? 'read' : 'refused']++
  else {
    totals.faults++
    console.log(`FAULT ${label}: ${wrong}`)
  }
}

async function fuzz() {
  const numRuns = Number(values.count)
  for (const [i, { original, changes }] of fc.sample(mutation, { seed: Number(values.seed), numRuns }).entries()) {
    const { name, bytes, options } = originals[original]
    const own = join(folder, String(i))
    mkdirSync(own)
    const source = join(own, name)
    writeFileSync(source, changes.reduce(changed, bytes))
    count(await open(source, options), `${name}, mutation ${i}`, source)
    rmSync(own, { recursive: true })
  }
  console.log(
    `${numRuns} changed files of ${originals.length} originals, seed ${values.seed}: ${JSON.stringify(totals)}`,
  )
}

async function harm() {
  for (const { name, source, isRefused, options } of await hostileSources(folder)) {
    await restart()
    const outcome = await open(source, options)
    count(outcome, name, source)
    const { message, levels, peak = 0, seconds } = outcome
    const isWrong = isRefused !== undefined && isRefused !== (message !== undefined)
    if (isWrong) totals.faults++
    const result = message === undefined ? `read, ${levels} levels` : `refused: ${message.replaceAll(folder, '…')}`
    console.log(`${isWrong ? 'FAULT ' : ''}${name}: ${result} (${seconds.toFixed(1)} s, peak ${peak.toFixed(0)} MiB)`)
  }
}

try {
  await fuzz()
  if (values.hostile) await harm()
} finally {
  await restart()
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = totals.faults > 0 ? 1 : 0
