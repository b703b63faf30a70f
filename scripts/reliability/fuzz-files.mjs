// Reads mutated files of every kind that the program reads. Each must be refused in one line that names the file, or give the same result as
// before; never a stack, a hang, a crash, or another result that is taken for good.
//   node scripts/reliability/fuzz-files.mjs [--only KIND] [--count N] [--seed S] [--from NUMBER]
// --only    one of the kinds of file-kinds.mjs; default: all
// --count   mutated files of each kind
// --seed    of the mutations; --from: the number of the first, to repeat one: --only KIND --from NUMBER --count 1

import { fork } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compressTestImages, writeLibrary } from './examples.mjs'
import { readOptions } from './options.mjs'
import { scenarios } from './scenarios.mjs'
import { openLaboratory } from './trial.mjs'

/** Reading a small file takes milliseconds. */
const HANGS_AFTER_MS = 20_000
/** A learner whose snapshot is refused is never freed: after so many trials the process is replaced. */
const TRIALS_OF_A_PROCESS = 500
const TRIALS_AT_ONCE = 100

const { only, count, seed, from } = readOptions({ only: '', count: 800, seed: 1, from: 0 })
const worker = fileURLToPath(new URL('fuzz-worker.mjs', import.meta.url))
const laboratory = await openLaboratory('fuzz')
const sums = { same: 0, refused: 0, wrong: 0 }
try {
  const folder = await writeExamples()
  const reader = startReader(folder)
  for (const kind of (await reader.start()).filter(one => only === '' || one === only)) await tryKind(kind, reader)
  reader.stop()
  console.log(describe('all files', sums))
  process.exitCode = sums.wrong > 0 ? 1 : 0
} finally {
  await laboratory.close()
}

/** A run, a comparison, settings, images and a library. */
async function writeExamples() {
  const folder = join(laboratory.home, 'checkpoints')
  const data = join(folder, 'data')
  cpSync(laboratory.data, data, { recursive: true })
  compressTestImages(data)
  for (const name of ['train', 'compare']) {
    const answer = await laboratory.continuer.run({ words: scenarios[name].command(data), checkpoints: folder })
    if (!answer.ok) throw new Error(answer.died ?? answer.error.stack)
  }
  writeFileSync(
    join(folder, 'mine.json'),
    JSON.stringify({ hidden: [20, 10], latentDim: 3, klWarmup: 5, optimizer: 'sgd' }),
  )
  writeLibrary(folder)
  return folder
}

async function tryKind(kind, reader) {
  const counts = { same: 0, refused: 0, wrong: 0 }
  const note = ({ number, mutation, outcome, why }) => {
    counts[outcome]++
    sums[outcome]++
    if (outcome === 'wrong') console.log(`${kind}, mutation ${number} (${mutation}): ${why}`)
  }
  for (let next = from; next < from + count; ) {
    const to = Math.min(from + count, next + TRIALS_AT_ONCE)
    next = await reader.read({ kind, from: next, to, seed }, note)
  }
  console.log(describe(kind, counts))
}

function describe(title, { same, refused, wrong }) {
  return `${title}: ${same + refused + wrong} mutated, ${refused} refused, ${same} read as before, ${wrong} wrong`
}

/** A process that makes trials on a copy of the examples; a crash or a hang ends it, and the next trial starts another. */
function startReader(examples) {
  const folder = join(laboratory.home, 'mutated')
  let child
  let trials = 0
  /** Returns the kinds of files that it reads. */
  async function start() {
    cpSync(examples, folder, { recursive: true, force: true, verbatimSymlinks: true })
    child = fork(worker, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    child.errors = ''
    child.stderr.on('data', text => {
      child.errors = (child.errors + text).slice(-2000)
    })
    const { kinds } = await new Promise(resolve => child.once('message', resolve))
    trials = 0
    return kinds
  }
  return {
    start,
    /** Makes the trials of a job; returns the number of the first that is left. */
    async read(job, note) {
      if (trials >= TRIALS_OF_A_PROCESS) this.stop()
      if (!child) await start()
      trials += job.to - job.from
      const died = await makeTrials(child, { ...job, folder }, note)
      if (!died) return job.to
      child = undefined
      note(died)
      return died.number + 1
    },
    stop() {
      child?.kill('SIGKILL')
      child = undefined
    },
  }
}

/** Resolves after the last trial, or with the trial in which the process ended. */
function makeTrials(child, job, note) {
  return new Promise(resolve => {
    let [current, timer] = [{ number: job.from, mutation: 'none yet' }, undefined]
    const settle = died => {
      clearTimeout(timer)
      child.removeAllListeners()
      resolve(died)
    }
    child.on('message', message => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        child.errors = `it hung for ${HANGS_AFTER_MS / 1000} s`
        child.kill('SIGKILL')
      }, HANGS_AFTER_MS)
      if (message.done) settle()
      else if (message.outcome) note(message)
      else current = message
    })
    child.on('exit', () => settle({ ...current, outcome: 'wrong', why: `the process ended: ${child.errors}` }))
    child.send(job)
  })
}
