// Kills or stops a random worker of `train --workers` at a random moment, again and again: node scripts/reliability/lost-workers.mjs --help
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededNumbers } from './options.mjs'
import { workerOf } from './worker-of.mjs'

const HELP = `Usage: node scripts/reliability/lost-workers.mjs [options]

Trains a small VAE on several workers, sends SIGKILL, or SIGSTOP in every tenth trial, to one of them at a random moment, and checks:
the others end within the limit, with one line, and TensorFlow prints none; the run is whole; it goes on, and ends with the bytes of a run that was not disturbed.

  --trials N   (default: 20)
  --workers N  (default: 2)
  --seed N     of the moments and the workers (default: 1)
  --help       show this help

Run once before: npm run setup`

const { values: options } = parseArgs({
  options: {
    trials: { type: 'string', default: '20' },
    workers: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})

/** A hung worker is noticed after two turns of asking and its time to answer; then the launcher gives the others time to end. */
const LIMIT_MS = 60_000

const program = join(import.meta.dirname, '../../dist/cli.js')
const counts = { undisturbed: 0, ended: 0, wrong: 0 }

if (options.help) console.log(HELP)
else await main()

async function main() {
  const home = mkdtempSync(join(tmpdir(), 'lost-workers-'))
  process.on('exit', () => rmSync(home, { recursive: true, force: true }))
  process.once('SIGINT', () => process.exit(130))
  const random = seededNumbers(Number(options.seed))
  const small = '--train-images 500 --validation-images 100 --hidden 8 --latent-dim 2 --batch-size 50 --threads 1'
  const settings = [...small.split(' '), '--workers', options.workers, '--epochs', '30', '--images-every', '30']
  const started = performance.now()
  const whole = run(home, 'train', '--run', 'whole', ...settings)
  if (whole.status !== 0) throw new Error(`the undisturbed run failed: ${whole.stderr.trim().split('\n').at(-1)}`)
  const duration = performance.now() - started
  const expected = state(home, 'whole')
  for (let trial = 0; trial < Number(options.trials); trial++) {
    const signal = trial % 10 === 9 ? 'SIGSTOP' : 'SIGKILL'
    const chosen = Math.floor(random() * Number(options.workers))
    const problem = await disturb(home, `t${trial}`, { settings, signal, chosen, after: random() * duration }, expected)
    if (problem) counts.wrong++
    if (problem) console.log(`trial ${trial} (${signal} to worker ${chosen}): ${problem}`)
    process.stderr.write(`${trial + 1} of ${options.trials}: ${JSON.stringify(counts)}\n`)
  }
  console.log(
    `${options.trials} trials: ${counts.undisturbed} ended before the signal, ${counts.ended} ended by it and resumed, ${counts.wrong} wrong`,
  )
  process.exitCode = counts.wrong > 0 ? 1 : 0
}

/** What is wrong after one trial; undefined if nothing is. */
async function disturb(home, name, { settings, signal, chosen, after }, expected) {
  const child = spawn(process.execPath, [program, 'train', '--run', name, ...settings], { cwd: home })
  let errors = ''
  child.stderr.on('data', part => {
    errors += part
  })
  child.stdout.resume()
  const closed = once(child, 'close')
  await Promise.race([closed, new Promise(done => setTimeout(done, after))])
  const pid = workerOf(child.pid, chosen)
  if (pid !== undefined) process.kill(pid, signal)
  const sent = performance.now()
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
  const [code, ending] = await closed
  clearTimeout(timer)
  if (ending !== null)
    return `the launcher did not end within ${LIMIT_MS / 1000} s: ${errors.trim().split('\n').at(-1)}`
  if (pid !== undefined && signal === 'SIGSTOP' && existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL')
  if (code === 0) counts.undisturbed++
  else {
    const line = errors.trim().split('\n').at(-1) ?? ''
    if (!/worker \d/.test(line))
      return `exit code ${code} after ${Math.round(performance.now() - sent)} ms, and the last line is: ${line}`
    const native = errors.split('\n').find(other => /\.cc:\d+\]/.test(other))
    if (native) return `TensorFlow printed: ${native}`
    counts.ended++
    if (existsSync(join(home, 'checkpoints', name, 'latest'))) {
      const checked = run(home, 'check', name)
      if (checked.status !== 0 && !hasOnlyLeftovers(checked.stdout)) return `check: ${checked.stdout}${checked.stderr}`
    }
    const again = existsSync(join(home, 'checkpoints', name, 'config.json')) ? ['--resume'] : settings
    const resumed = run(home, 'train', '--run', name, ...again)
    if (resumed.status !== 0) return `resume: ${resumed.stderr.trim().split('\n').at(-1)}`
  }
  const same = state(home, name).equals(expected)
  rmSync(join(home, 'checkpoints', name), { recursive: true })
  return same ? undefined : 'the weights differ from those of an undisturbed run'
}

/** Whether all that `check` finds is whole, or left behind by a kill within a snapshot; the resumption removes that. */
function hasOnlyLeftovers(report) {
  const found = report.split('\n').filter(line => /^ {2}\S/.test(line))
  return (
    found.some(line => /^ {2}leftover /.test(line)) && found.every(line => /^ {2}(whole|leftover|--resume) /.test(line))
  )
}

function run(home, ...args) {
  return spawnSync(process.execPath, [program, ...args], { cwd: home, encoding: 'utf8' })
}

function state(home, name) {
  return readFileSync(join(home, 'checkpoints', name, 'latest/state.safetensors'))
}
