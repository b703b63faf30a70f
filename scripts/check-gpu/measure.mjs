// The measurements of scripts/check-gpu.mjs: node scripts/check-gpu/measure.mjs BACKEND prints as JSON the ELBO and the gradients of one
// batch; and of training steps, eager, as a graph and by XLA, the bounds and weights after 20 of gradient descent, and the time of one.

import * as tf from '@tensorflow/tfjs'
import { levelsOf } from '../../dist/data/images.js'
import {
  createVae,
  elbo,
  gradientAscent,
  initialize,
  keyAt,
  loadDataset,
  openBackend,
  resolveConfig,
  scan,
  streamKey,
} from '../../dist/index.js'
import { namedWeights } from '../../dist/models/vae.js'

const BATCH = 100
const STEPS = 20
const REPETITIONS = 3
const MODES = ['off', 'graph', 'xla']
const schedule = { learningRate: 1e-3, beta: 1, used: BATCH, first: 0 }

const { backend } = await openBackend(process.argv[2], { debug: false })
const config = resolveConfig({ batchSize: BATCH })
const { rows, columns, channels, train } = await loadDataset('mnist')
const size = rows * columns
const table = { data: levelsOf(train), shape: [train.count, size], dtype: 'float32' }
const vae = newVae()

const batch = bound()
const [times, devices, trained] = [{}, {}, {}]
for (const mode of MODES) {
  times[mode] = await stepMs(mode).catch(error => error.message)
  devices[mode] = deviceOfWeights()
  trained[mode] = await descend(mode).catch(error => ({ failure: error.message }))
}
process.stdout.write(JSON.stringify({ device: backend.device, ...batch, times, devices, trained }), () =>
  process.exit(),
)

function newVae() {
  const created = createVae({ ...config, rows, columns, channels })
  initialize(created, streamKey(1, 'weights'))
  return created
}

function weightsOf(vae) {
  return [vae.encoder, vae.decoder].flatMap(namedWeights).map(([, weight]) => weight)
}

/** The bound of each of STEPS steps of gradient descent from the same weights, and by how much they changed each weight. */
async function descend(mode) {
  const fresh = newVae()
  const before = weightsOf(fresh).map(weight => weight.dataSync().slice())
  const settings = { ...config, optimizer: 'sgd', clipNorm: undefined }
  const algorithm = gradientAscent(fresh, settings, streamKey(1, 'baseline'))
  const steps = scan(algorithm.step, { mode })
  const { elbo } = await steps.run(batches(), {
    keys: keysOf(0),
    schedules: () => ({ ...schedule, learningRate: 1e-4 }),
  })
  const changes = weightsOf(fresh).map((weight, i) => [...weight.dataSync()].map((value, j) => value - before[i][j]))
  steps.dispose()
  algorithm.dispose()
  return { elbo: [...elbo], changes }
}

function batches() {
  return { table, rows: Int32Array.from({ length: STEPS * BATCH }, (_, i) => i), shape: [STEPS, BATCH] }
}

function keysOf(repetition) {
  return Array.from({ length: STEPS }, (_, i) => keyAt(streamKey(1, 'steps'), repetition * STEPS + i))
}

/** The device that holds a weight after the last step. */
function deviceOfWeights() {
  const native = tf.backend()
  const [[, weight]] = namedWeights(vae.decoder)
  return native.binding.deviceOf(native.getInputTensorIds([weight])[0])
}

function bound() {
  return tf.tidy(() => {
    const pixels = Float32Array.from(levelsOf(train, 0, BATCH), level => (level > 127 ? 1 : 0))
    const x = tf.tensor2d(pixels, [BATCH, size])
    const compute = () => elbo(vae, x, streamKey(5, 'noise'), { samples: 1, kl: 'analytic' }).elbo
    const weights = weightsOf(vae)
    const { grads } = tf.variableGrads(() => tf.mean(compute()), weights)
    return { elbo: [...compute().dataSync()], gradients: weights.map(({ name }) => [...grads[name].dataSync()]) }
  })
}

/** Ms per step: the fastest of several calls of STEPS steps each, after a first call that compiles. */
async function stepMs(mode) {
  const algorithm = gradientAscent(vae, { ...config, clipNorm: undefined }, streamKey(1, 'baseline'))
  const steps = scan(algorithm.step, { mode })
  let best = Number.POSITIVE_INFINITY
  for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
    const keys = keysOf(repetition)
    const started = performance.now()
    await steps.run(batches(), { keys, schedules: () => schedule })
    if (repetition > 0) best = Math.min(best, (performance.now() - started) / STEPS)
  }
  steps.dispose()
  algorithm.dispose()
  return Number(best.toPrecision(3))
}
