// Checks the backend cuda on a machine with an NVIDIA GPU, and prints a report to attach to an issue: node scripts/check-gpu.mjs
// Runs the set-up, lists the backends, and compares the ELBO and gradients of one batch, twenty steps of gradient descent in each mode, two
// epochs of training and the time of a step between GPU and CPU. Exit code 1, with the reason, if it cannot run or a check fails.
// --rehearse uses the CPU in place of the GPU, for changes to this script on a machine without one.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const rehearse = process.argv.includes('--rehearse')
const device = rehearse ? 'tensorflow' : 'cuda'
const checkpoints = mkdtempSync(join(tmpdir(), 'elbo-check-gpu-'))
process.on('exit', () => rmSync(checkpoints, { recursive: true, force: true }))

/** In nats per image, for bounds around -550 before training. */
const ELBO_TOLERANCE = 5e-3
/** Relative to the largest gradient of the weight. */
const GRADIENT_TOLERANCE = 1e-4
/** Bounds of 20 steps, relative. */
const BOUND_TOLERANCE = 1e-5
/** Changes of a weight by 20 steps of gradient descent, relative to its largest change. */
const STEPS_TOLERANCE = 1e-3
/** Validation ELBO after two epochs, nats per image. */
const TRAINING_TOLERANCE = 1

const lines = []
let failures = 0

setUp()
if (!rehearse) await requireGpu()
report(`# elbo on ${rehearse ? 'the CPU, rehearsing' : 'a GPU'}`)
report(`${process.platform}-${process.arch}, Node ${process.version}, ${cpus()[0]?.model.trim()}\n`)
report('```', elbo('backends').stdout.trim(), '```')
const [mine, reference] = [measure(device), measure('tensorflow')]
compareBatch(mine, reference)
compareSteps(mine, reference)
compareTraining()
console.log(lines.join('\n'))
console.log(`\n${failures === 0 ? 'all checks passed' : `${failures} of the checks failed`}`)
process.exit(failures === 0 ? 0 : 1)

function setUp() {
  run('scripts/setup.mjs', '--library')
}

function run(...command) {
  const { status } = spawnSync(process.execPath, [join(root, command[0]), ...command.slice(1)], { stdio: 'inherit' })
  if (status !== 0) stop('the set-up failed', 'see above')
}

/** Looks for a GPU before gigabytes are fetched for it, and again with the whole build. */
async function requireGpu() {
  const { findGpu, thisHost } = await import('../dist/backends/cuda-diagnosis.js')
  const host = thisHost()
  refuse(findGpu({ ...host, missing: () => [] }))
  run('dist/cli.js', 'setup', '--cuda')
  refuse(findGpu(host))
}

function refuse(found) {
  if ('reason' in found) stop(found.reason, found.fix)
}

function stop(reason, fix) {
  console.error(`elbo: the GPU cannot be checked: ${reason}. Fix: ${fix}`)
  process.exit(1)
}

function report(...more) {
  lines.push(...more)
}

/** Reports one check and its result. */
function check(isRight, text) {
  if (!isRight) failures++
  report(`- ${isRight ? 'ok' : 'WRONG'}: ${text}`)
}

function elbo(...args) {
  console.error(`elbo ${args.join(' ')}`)
  return spawnSync(process.execPath, [join(root, 'dist/cli.js'), ...args], { encoding: 'utf8' })
}

/** Measures in a separate process, because one process cannot load both builds of TensorFlow. */
function measure(backend) {
  console.error(`ELBO, gradients and times on ${backend}`)
  const child = spawnSync(process.execPath, [join(root, 'scripts/check-gpu/measure.mjs'), backend], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (child.status !== 0) {
    const lines = child.stderr.trim().split('\n')
    // Node prints the error, then the stack, then its own version.
    const said = lines.find(line => /^\w*Error\b/.test(line)) ?? lines.at(-1)
    stop(`${backend}: ${said}`, 'report this line in an issue')
  }
  return JSON.parse(child.stdout)
}

function compareBatch(mine, reference) {
  report(`\n## One batch of 100 images, on ${mine.device} and on ${reference.device}`)
  const difference = largestDifference(mine.elbo, reference.elbo)
  check(
    difference < ELBO_TOLERANCE,
    `the ELBOs per image differ by at most ${difference.toExponential(1)} nats (allowed: ${ELBO_TOLERANCE})`,
  )
  const relative = mine.gradients.map((gradient, i) => {
    const expected = reference.gradients[i]
    return largestDifference(gradient, expected) / largest(expected)
  })
  const worst = Math.max(...relative)
  check(
    worst < GRADIENT_TOLERANCE,
    `the gradients differ by at most ${worst.toExponential(1)} of the largest of their weight (allowed: ${GRADIENT_TOLERANCE})`,
  )
  const expected = `device:${rehearse ? 'CPU' : 'GPU'}:0`
  for (const [mode, where] of Object.entries(mine.devices))
    check(where.endsWith(expected), `the weights after steps with --compile ${mode} are on ${where}`)
  report('\n| a training step, ms | eager | graph | XLA |', '|---|---|---|---|')
  for (const { device, times } of [mine, reference])
    report(`| ${device} | ${times.off} | ${times.graph} | ${times.xla} |`)
}

function compareSteps(mine, reference) {
  report('')
  for (const [mode, { failure, elbo, changes }] of Object.entries(mine.trained)) {
    const expected = reference.trained[mode]
    if (failure || expected.failure) {
      check(false, `twenty steps with --compile ${mode}: ${failure ?? expected.failure}`)
      continue
    }
    const bounds = Math.max(...elbo.map((value, i) => Math.abs(value / expected.elbo[i] - 1)))
    const weights = Math.max(
      ...changes.map((change, i) => largestDifference(change, expected.changes[i]) / largest(expected.changes[i])),
    )
    check(
      bounds < BOUND_TOLERANCE && weights < STEPS_TOLERANCE,
      `twenty steps of gradient descent with --compile ${mode}: bounds differ by at most ${bounds.toExponential(1)} (allowed: ${BOUND_TOLERANCE}), the changes of a weight by ${weights.toExponential(1)} of the largest (allowed: ${STEPS_TOLERANCE})`,
    )
  }
}

function largestDifference(a, b) {
  return largest(a.map((value, i) => value - b[i]))
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

function compareTraining() {
  report(`\n## Two epochs of the default model${rehearse ? ', on 4,000 images only' : ''}`)
  const [mine, again, reference] = [train('gpu', device), train('again', device), train('cpu', 'tensorflow')]
  if (!mine || !again || !reference) return
  const difference = Math.abs(mine.elbo - reference.elbo)
  report(`\n| backend | validation ELBO, nats per image | images/s | steps |`, '|---|---|---|---|')
  for (const { backend, elbo, speed, compile } of [mine, reference])
    report(`| ${backend} | ${elbo.toFixed(2)} | ${Math.round(speed)} | ${compile} |`)
  report('')
  check(
    difference < TRAINING_TOLERANCE,
    `the validation ELBOs differ by ${difference.toFixed(3)} nats per image (allowed: ${TRAINING_TOLERANCE})`,
  )
  report(`- repeating the training gives ${mine.state.equals(again.state) ? 'the same' : 'other'} bytes`)
}

/** Trains with --compile xla, because `auto` might choose differently on the two devices. */
function train(run, backend) {
  const args = ['--run', run, '--checkpoints', checkpoints, '--backend', backend, '--epochs', '2', '--compile', 'xla']
  const { status, stdout, stderr } = elbo('train', ...args, ...(rehearse ? ['--train-images', '4000'] : []), '--json')
  if (status !== 0) {
    check(false, `training on ${backend}: ${stderr.trim().split('\n').at(-1)}`)
    return undefined
  }
  const { validationElbo, imagesPerSecond, compile } = JSON.parse(stdout).last
  const state = readFileSync(join(checkpoints, run, 'latest', 'state.safetensors'))
  return { backend, elbo: validationElbo, speed: imagesPerSecond, compile, state }
}
