// Tests exact resume: trains one run without interruption and one that is killed (SIGKILL) at random moments and resumed, then compares
// their checkpoints byte for byte, and their metrics except for times. After every kill, the run must be intact and no finished epoch
// lost. Run it after changes to training or checkpoints:
// node scripts/kill-and-resume.mjs [name, default train; see `commands`] [kills, default 30] [seed of the moments, default 1]
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const elbo = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'cli.js')
const EPOCHS = 12
const networks = '--hidden 64 --latent-dim 8 --batch-size 250'
// EM runs as a graph, and training as `auto` chooses: both ways of compiling are tried.
const passes = '--tolerance off --compile graph --train-images 20000 --validation-images 2000'
/** The runs to choose from, by name: the words of the command, and its settings. */
const commands = {
  train: ['train', networks],
  'wake-sleep': ['train', `--objective wake-sleep ${networks}`],
  'exact-mixture': ['em bernoulli-mixture', `--components 20 ${passes}`],
  'full-gaussian-mixture': ['em gaussian-mixture', `--covariance full --pca 20 --components 10 ${passes}`],
  'monte-carlo-mixture': ['em bernoulli-mixture', `--method monte-carlo --samples 2 --components 20 ${passes}`],
  'mean-field-mixture': ['em bernoulli-mixture', `--method mean-field --components 20 ${passes}`],
  'gibbs-factor-analysis': [
    'em factor-analysis',
    `--method monte-carlo --sampler gibbs --pca 20 --latent-dim 5 ${passes}`,
  ],
  'monte-carlo-em': [
    'em vae',
    '--method monte-carlo --sampler hmc --samples 2 --hidden 32 --latent-dim 3 --batch-size 250 --compile graph ' +
      '--train-images 2000 --validation-images 100',
  ],
}
const [name = 'train', kills = 30, seed = 1] = process.argv.slice(2).map((word, i) => (i === 0 ? word : Number(word)))
if (!Object.hasOwn(commands, name)) {
  console.error(`${name}: one of ${Object.keys(commands).join(', ')} was expected`)
  process.exit(2)
}
const [words, options] = commands[name].map(text => text.split(' '))
const settings = ['--epochs', String(EPOCHS), '--images-every', '2', ...options]
const checkpoints = mkdtempSync(join(tmpdir(), 'elbo-kills-'))
const command = (run, ...more) => [elbo, ...words, '--checkpoints', checkpoints, '--run', run, ...more]

const started = Date.now()
must(spawnSync(process.execPath, command('whole', ...settings), { stdio: 'inherit' }), 'the uninterrupted run')
const wholeMs = Date.now() - started
console.log(`uninterrupted run: ${(wholeMs / 1000).toFixed(1)} s; now ${kills} kills at random moments, seed ${seed}`)

let seedState = seed
let finishedEpochs = 0
let killed = 0
let round = 0
while (killed < kills) {
  const run = `killed-${round}`
  const exists = existsSync(join(checkpoints, run, 'config.json'))
  const child = spawn(process.execPath, command(run, ...(exists ? ['--resume'] : settings)), { stdio: 'ignore' })
  const exited = new Promise(resolve => child.on('exit', (code, signal) => resolve({ code, signal })))
  const timer = setTimeout(() => child.kill('SIGKILL'), random() * wholeMs * 0.4)
  const { code, signal } = await exited
  clearTimeout(timer)
  if (signal === 'SIGKILL') {
    killed++
    const epoch = epochsOf(run)
    if (epoch < finishedEpochs)
      fail(`kill ${killed}: ${run} had finished ${finishedEpochs} epochs and now has ${epoch}`)
    finishedEpochs = epoch
    console.log(`kill ${killed}: ${run} is intact, ${epoch} of ${EPOCHS} epochs finished`)
  } else if (code === 0) finish(run)
  else fail(`${run} ended with exit code ${code} when resumed`)
}
const last = `killed-${round}`
if (existsSync(join(checkpoints, last, 'config.json'))) {
  must(spawnSync(process.execPath, command(last, '--resume'), { stdio: 'inherit' }), 'the last resume')
  finish(last)
}
console.log(`${killed} kills, every resume worked; ${round} finished runs equal the uninterrupted one byte for byte`)

/** Compares a finished run with the uninterrupted one and starts another. */
function finish(run) {
  for (const name of ['latest', 'best']) {
    const [expected, actual] = ['whole', run].map(folder =>
      readFileSync(join(checkpoints, folder, name, 'state.safetensors')),
    )
    if (!expected.equals(actual)) fail(`${run}/${name}/state.safetensors differs from that of the uninterrupted run`)
  }
  const [expected, actual] = ['whole', run].map(timelessMetrics)
  if (expected !== actual) fail(`${run}/metrics.jsonl differs from that of the uninterrupted run by more than times`)
  console.log(`${run} finished: equal to the uninterrupted run byte for byte`)
  finishedEpochs = 0
  round++
}

/** The lines of metrics.jsonl without the values that depend on the clock. */
function timelessMetrics(run) {
  const lines = readFileSync(join(checkpoints, run, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map(line => JSON.stringify({ ...JSON.parse(line), seconds: 0, imagesPerSecond: 0 })).join('\n')
}

/** The finished epochs of a run, read by `elbo runs`, which checks the whole snapshot. */
function epochsOf(run) {
  const { stdout } = spawnSync(process.execPath, [elbo, 'runs', '--checkpoints', checkpoints, '--json'], {
    encoding: 'utf8',
  })
  const found = JSON.parse(stdout).find(({ name }) => name === run)
  if (!found) return 0 // killed before it began
  if (found.error && !found.error.includes('no snapshot here yet')) fail(`after the kill: ${found.error}`)
  return found.epoch ?? 0
}

function must({ status }, what) {
  if (status !== 0) fail(`${what} ended with exit code ${status}`)
}

function fail(message) {
  console.error(`FAILED: ${message} (files are in ${checkpoints})`)
  process.exit(1)
}

/** Mulberry32, a seeded generator, so that the moments can be repeated. */
function random() {
  seedState = (seedState + 0x6d2b79f5) | 0
  let t = Math.imul(seedState ^ (seedState >>> 15), 1 | seedState)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}
