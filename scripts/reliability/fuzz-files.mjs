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
import { compressTestImages, fileKinds, writeLibrary } from './file-kinds.mjs'
import { readOptions } from './options.mjs'
import { scenarios } from './scenarios.mjs'
import { openLaboratory } from './trial.mjs'

/** Reading a small file takes milliseconds. */
const HANGS_AFTER_MS = 20_000
/** A learner whose snapshot is refused is never freed: after so many trials the process is replaced. */
const TRIALS_OF_A_PROCESS = 500

const { only, count, seed, from } = readOptions({ only: '', count: 800, seed: 1, from: 0 })
const worker = fileURLToPath(new URL('fuzz-worker.mjs', import.meta.url))
const laboratory = await openLaboratory('fuzz')
const sums = { same: 0, refused: 0, wrong: 0 }
try {
  const folder = await writeExamples()
  for (const kind of Object.keys(fileKinds).filter(one => only === '' || one === only)) await tryKind(kind, folder)
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

async function tryKind(kind, examples) {
  const counts = { same: 0, refused: 0, wrong: 0 }
  const note = ({ number, mutation, outcome, why }) => {
    counts[outcome]++
    sums[outcome]++
    if (outcome === 'wrong') console.log(`${kind}, mutation ${number} (${mutation}): ${why}`)
  }
  const last = from + count
  for (let next = from; next < last; )
    next = await trySome({ kind, from: next, to: Math.min(last, next + TRIALS_OF_A_PROCESS) }, examples, note)
  console.log(describe(kind, counts))
}

function describe(title, { same, refused, wrong }) {
  return `${title}: ${same + refused + wrong} mutated, ${refused} refused, ${same} read as before, ${wrong} wrong`
}

/** Runs trials in a process of their own, on a copy of the examples; returns the number of the first that is left. */
function trySome({ kind, from: first, to }, examples, note) {
  const folder = join(laboratory.home, 'mutated')
  cpSync(examples, folder, { recursive: true, force: true, verbatimSymlinks: true })
  const child = fork(worker, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let [errors, current, timer] = ['', undefined, undefined]
  child.stderr.on('data', text => {
    errors = (errors + text).slice(-2000)
  })
  return new Promise(resolve => {
    child.on('message', message => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        errors = `it hung for ${HANGS_AFTER_MS / 1000} s`
        child.kill('SIGKILL')
      }, HANGS_AFTER_MS)
      if (message.ready) child.send({ folder, kind, from: first, to, seed })
      else if (message.begins !== undefined) current = message
      else if (message.number !== undefined) note(message)
      else child.kill('SIGKILL')
      if (message.done) current = undefined
    })
    child.on('exit', () => {
      clearTimeout(timer)
      if (current) note({ number: current.begins, mutation: current.mutation, outcome: 'wrong', why: errors })
      resolve(current ? current.begins + 1 : to)
    })
  })
}
