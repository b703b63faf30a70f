// Exact resume of real processes: each command runs once without interruption, and again and again stopped by signals at random moments and
// resumed, until it ends. After each signal the run must be whole or resumable and no printed epoch lost; at the end its files are compared
// byte for byte, but for times, with those of the run that was never stopped.
//   node scripts/reliability/kill-and-resume.mjs [--only COMMAND] [--count N] [--seed S] [--signals NAMES] [--backend NAME]
// --only     one of `commands` below; default: all
// --count    signals for each command
// --seed     of the moments and the signals
// --signals  to choose from, separated by commas

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { difference, endState } from './end-state.mjs'
import { readOptions, seededNumbers } from './options.mjs'
import { program } from './paths.mjs'
import { writeImages } from './scenarios.mjs'
import { conclude, copyFolder, describeTrouble, newTally, openLaboratory } from './trial.mjs'

/** A process that has been asked to end saves within a few seconds. */
const ENDS_WITHIN_MS = 60_000

const networks = '--hidden 32 --latent-dim 4 --batch-size 100'
const passes = '--tolerance off --compile graph'
/** By name: the words of the command, the run or comparison, its settings. Both ways of compiling are tried. */
const commands = {
  train: ['train', `${networks} --compile xla --epochs 6`],
  'wake-sleep': ['train', `--objective wake-sleep ${networks} --compile graph --epochs 6`],
  'exact-mixture': ['em bernoulli-mixture', `--components 10 ${passes} --epochs 8`],
  'full-gaussian-mixture': ['em gaussian-mixture', `--covariance full --pca 8 --components 4 ${passes} --epochs 6`],
  'monte-carlo-mixture': [
    'em bernoulli-mixture',
    `--method monte-carlo --samples 2 --components 5 ${passes} --epochs 6`,
  ],
  'mean-field-mixture': ['em bernoulli-mixture', `--method mean-field --components 5 ${passes} --epochs 6`],
  'gibbs-factor-analysis': [
    'em factor-analysis',
    `--method monte-carlo --sampler gibbs --latent-dim 3 ${passes} --epochs 6`,
  ],
  'monte-carlo-em': ['em vae', `--samples 2 --hidden 8 --latent-dim 2 --leapfrog-steps 3 ${passes} --epochs 4`],
  compare: ['compare', '--methods vae:2,bernoulli-mixture:3 --hidden 8 --epochs 3 --samples 10 --compile graph'],
}

const { only, count, seed, signals, backend } = readOptions({
  ...{ only: '', count: 35, seed: 1, backend: 'auto' },
  signals: 'SIGKILL,SIGINT,SIGTERM,SIGHUP',
})
const random = seededNumbers(seed)
const laboratory = await openLaboratory('signals')
try {
  writeImages(laboratory.data, { train: 1200, test: 100 })
  const tallies = []
  for (const name of Object.keys(commands).filter(one => only === '' || one === only))
    tallies.push(await tryCommand(name))
  conclude(tallies)
} finally {
  await laboratory.close()
}

async function tryCommand(name) {
  const [whole, stopped] = ['whole', 'stopped'].map(folder => join(laboratory.home, `${folder}-${name}`))
  const { ms, code, errors } = await runToEnd(name, whole)
  if (code !== 0) throw new Error(`${name} failed: ${errors}`)
  const expected = endState(whole)
  const tally = newTally(name)
  let sent = 0
  while (sent < count) {
    copyFolder(undefined, stopped)
    sent += await tryRun(name, { stopped, expected, ms, most: count - sent }, tally)
  }
  return tally
}

/** Stops and resumes one run until it ends by itself; returns how many signals it got. */
async function tryRun(name, { stopped, expected, ms, most }, tally) {
  const outcomes = []
  while (outcomes.length < most) {
    const signal = pick(signals.split(','))
    const afterMs = Math.round(random() * ms)
    const ended = await runToEnd(name, stopped, { signal, afterMs })
    if (!ended.isSent) {
      if (ended.code !== 0) outcomes.push({ outcome: 'refused', why: ended.errors, signal, afterMs })
      break
    }
    outcomes.push({ ...(await judge(name, ended, signal, stopped)), signal, afterMs })
    if (outcomes.at(-1).outcome !== 'clean' || ended.code === 0) break
  }
  const last = outcomes.at(-1)
  if (last === undefined || last.outcome === 'clean') {
    const { code, errors } = await runToEnd(name, stopped)
    const differs = code === 0 ? difference(expected, endState(stopped)) : errors
    if (last && differs)
      Object.assign(last, { outcome: code === 0 ? 'wrong' : 'refused', why: `at the end: ${differs}` })
  }
  for (const one of outcomes) tally.add(one, `${one.signal} after ${one.afterMs} ms`)
  return outcomes.length
}

function pick(items) {
  return items[Math.floor(random() * items.length)]
}

/** Whether the run or comparison has begun, so that it can be checked and resumed. */
function hasBegun(name, checkpoints) {
  return existsSync(join(checkpoints, 'a', name === 'compare' ? 'settings.json' : 'config.json'))
}

/** What a signal left: how the process ended, and what `elbo check` says of its run. */
async function judge(name, { code, signal, errors, isLate, epochs, isReady }, sent, stopped) {
  const wrong = why => ({ outcome: 'wrong', why: `${why} (${errors.split('\n').at(-2)})` })
  if (isLate) return wrong('the process did not end')
  const isAllowed = sent === 'SIGKILL' ? signal === sent || code === 0 : code === 130 || code === 0 || !isReady
  if (!isAllowed) return wrong(`it ended with ${signal ?? `exit code ${code}`}`)
  if (!hasBegun(name, stopped)) return { outcome: 'clean', why: '' }
  const { json, ...answer } = await laboratory.continuer.run({ words: ['check', 'a'], checkpoints: stopped })
  if (!json) return wrong(`check: ${describeTrouble(answer) ?? answer.error.message}`)
  const [{ resume }] = json.checked
  if (resume.refused) return { outcome: 'refused', why: resume.refused }
  const reached = Number(/^epoch (\d+)/.exec(resume.from)?.[1] ?? 0)
  return reached < epochs
    ? { outcome: 'lost', why: `epoch ${epochs} was printed, and ${reached} is left` }
    : { outcome: 'clean', why: '' }
}

/** Starts a run, or resumes it if it has begun, and waits for its end; `stop` is a signal and when to send it. */
function runToEnd(name, checkpoints, stop) {
  const [words, settings] = commands[name].map(text => text.split(' '))
  const began = hasBegun(name, checkpoints)
  const images = ['--data', laboratory.data, '--threads', '1', '--backend', backend, '--images-every', '2'].slice(
    0,
    name === 'compare' ? 6 : 8,
  )
  const asked = began ? ['--resume'] : [...settings, ...images]
  const started = performance.now()
  const child = spawn(process.execPath, [program, ...words, '--run', 'a', '--checkpoints', checkpoints, ...asked], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'])
    child[stream].on('data', text => {
      said[stream] += text
    })
  return new Promise(resolve => {
    let [isSent, isLate, late] = [false, false, undefined]
    const timer = stop && setTimeout(send, stop.afterMs)
    function send() {
      isSent = child.kill(stop.signal)
      late = setTimeout(() => {
        isLate = true
        child.kill('SIGKILL')
      }, ENDS_WITHIN_MS)
    }
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      clearTimeout(late)
      const epochs = Number([...said.stdout.matchAll(/^epoch +(\d+)\//gm)].at(-1)?.[1] ?? 0)
      const isReady = said.stderr.includes('backend ')
      resolve({ code, signal, isSent, isLate, epochs, isReady, errors: said.stderr, ms: performance.now() - started })
    })
  })
}
