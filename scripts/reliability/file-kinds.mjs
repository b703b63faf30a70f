// Every kind of file that the program reads, and what the program makes of it.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { wheel } from './examples.mjs'
import { built } from './paths.mjs'
import { readWords } from './program.mjs'

const { openBackend } = await built('backends/candidates.js')
const { loadTrainedRun } = await built('runs/trained-run.js')
const { readReached } = await built('runs/reached.js')
const { lockRun } = await built('runs/lock.js')
const { runImages } = await built('commands/opened-run.js')
const { readCompareFile } = await built('commands/compare/compare-file.js')
const { readCompareSettings } = await built('commands/compare/compare-settings.js')
const { vaeSettings } = await built('methods/vae-settings.js')
const { isWhole } = await built('libtensorflow/integrity.js')

await openBackend('cpu', { debug: false })

/** What results of a run are computed from: the settings that decide them, weights, the position, metrics without times. */
function contentOf(checkpoints) {
  const folder = join(checkpoints, 'a')
  const run = loadTrainedRun(folder, 'best')
  run.learner.dispose()
  const { position, history } = readReached(folder)
  const metrics = history.map(({ seconds, imagesPerSecond, ...rest }) => rest)
  const settings = Object.entries(run.method.settings.fixed(run.config)).sort() // one that is missing and null follows the others
  return { tensors: [...run.snapshot.tensors], settings, position, metrics }
}

/** The digest of a run's images, which its snapshot has too. */
async function imagesOf(checkpoints) {
  const run = loadTrainedRun(join(checkpoints, 'a'), 'best')
  run.learner.dispose()
  const { sha256 } = await runImages({ ...run, config: { ...run.config, data: join(checkpoints, 'data') } })
  return sha256
}

/** Nothing is computed from the lock's file. */
function lockedOf(checkpoints) {
  lockRun(join(checkpoints, 'a'))()
  return 'locked and unlocked'
}

/** Settings may be edited: what is read is what the file says, whatever that is. */
function settingsOf(path, read) {
  const text = readFileSync(path, 'utf8')
  const given = read(text)
  const told = JSON.parse(text)
  const other = Object.keys(told).find(name => JSON.stringify(told[name]) !== JSON.stringify(given[name]))
  if (other) throw new TypeError(`${path}: ${other} is ${told[other]}, but was read as ${given[other]}`)
  return 'settings as they are written'
}

const document = { change: (bytes, change) => Buffer.from(change(bytes.toString())) }

/** One of several lines. */
const line = {
  change(bytes, change) {
    const [first, ...rest] = bytes.toString().split('\n')
    return Buffer.from([change(first), ...rest].join('\n'))
  },
}

/** The header of a safetensors file. */
const header = {
  change(bytes, change) {
    const end = 8 + Number(bytes.readBigUInt64LE(0))
    const text = Buffer.from(change(bytes.toString('utf8', 8, end)))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(text.length))
    return Buffer.concat([length, text, bytes.subarray(end)])
  },
}

/** A library that is not whole is installed again. */
function isInstalled(checkpoints) {
  const found = isWhole(wheel, join(checkpoints, 'library'))
  if (!found) throw new Error('complete.json: the library is installed again')
  return 'whole'
}

/**
 * By name: the file below the checkpoints folder; what is read of it; where it has JSON. A reading throws one line that names the file, or
 * contains `named`; or it returns what it returned for the file that was not changed.
 */
export const fileKinds = {
  'config.json': { file: 'a/config.json', json: document, read: contentOf },
  'metrics.jsonl': { file: 'a/metrics.jsonl', json: line, read: contentOf },
  'state.safetensors': { file: 'a/best/state.safetensors', json: header, read: contentOf },
  'model.json': { file: 'a/best/encoder/model.json', json: document, read: contentOf },
  'weights.bin': { file: 'a/best/decoder/weights.bin', read: contentOf },
  lock: { file: 'a/lock', read: lockedOf },
  IDX: { file: 'data/train-images-idx3-ubyte', named: 'mutated/data', read: imagesOf },
  'IDX.gz': { file: 'data/t10k-images-idx3-ubyte.gz', named: 'mutated/data', read: imagesOf },
  'compare.json': {
    ...{ file: 'c/compare.json', json: document },
    read(checkpoints) {
      const { sha256, rows } = readCompareFile(join(checkpoints, 'c', 'compare.json')) ?? {}
      if (!rows) throw new Error('compare.json: without a digest; its runs are measured again')
      return { sha256, rows }
    },
  },
  'settings.json': {
    ...{ file: 'c/settings.json', json: document },
    read: checkpoints =>
      settingsOf(join(checkpoints, 'c', 'settings.json'), () => readCompareSettings(join(checkpoints, 'c'))),
  },
  '--config': {
    ...{ file: 'mine.json', json: document },
    read: checkpoints =>
      settingsOf(join(checkpoints, 'mine.json'), text => vaeSettings.parse(text, join(checkpoints, 'mine.json'))),
  },
  'complete.json': { file: 'library/complete.json', json: document, read: isInstalled },
  'elbo runs': { file: 'a/latest/state.safetensors', named: 'latest', json: header, read: listed },
  'elbo runs, metrics.jsonl': { file: 'a/metrics.jsonl', json: line, read: listed },
  'elbo check': { file: 'a/best/state.safetensors', json: header, read: checkedOf },
}

/** What `elbo runs` says of a run. */
async function listed(checkpoints) {
  const { json } = await runCommand(['runs'], checkpoints)
  const { error, config, ...found } = json.find(({ name }) => name === 'a')
  if (error) throw new Error(error)
  return found
}

/** What `elbo check` says of a run: everything is whole, or an error that names the file. */
async function checkedOf(checkpoints) {
  const { json } = await runCommand(['check', 'a'], checkpoints)
  const bad = json.checked.flatMap(({ files }) => files).find(({ state }) => state === 'damaged' || state === 'missing')
  if (bad) throw new Error(`${bad.file}: ${bad.message}`)
  return contentOf(checkpoints)
}

function runCommand(words, checkpoints) {
  const { command, input } = readWords(words)
  const context = {
    print() {},
    note() {},
    signal: new AbortController().signal,
    json: false,
    debug: false,
    checkpoints,
  }
  return command.run(input, context)
}
