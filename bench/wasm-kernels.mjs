// Compares a training step on WebAssembly with TF.js's own kernels and with elbo's, in turn, round by round:
// node bench/wasm-kernels.mjs [MODEL ...]
import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'
import '@tensorflow/tfjs-backend-wasm'
import {
  createVae,
  gradientAscent,
  initialize,
  keyAt,
  openBackend,
  resolveConfig,
  scan,
  streamKey,
} from '../dist/index.js'
import { images, machine, median } from './processes.mjs'
import { parseModel } from './workload.mjs'

const ROUNDS = 5
const STEPS = 8

// Both sides use elbo's gradient of a convolution's filter, because TF.js has none.
const NAMES = ['BatchMatMul', 'Conv2DBackpropInput']
const kernels = () => NAMES.map(name => tf.getKernel(name, 'wasm'))
const kernelsOfTfjs = kernels()
await openBackend('wasm', { debug: false })
const kernelsOfElbo = kernels()

/** @param {ReturnType<typeof kernels>} chosen */
function useKernels(chosen) {
  for (const kernel of chosen) {
    tf.unregisterKernel(kernel.kernelName, 'wasm')
    tf.registerKernel(kernel)
  }
}

/**
 * Prepares training on the first images. The result runs `count` steps and resolves to wall time and CPU time, in ms per step.
 * @param {import('./workload.mjs').Model} model
 */
function newTraining({ filters, hidden, latent, batch }) {
  const config = resolveConfig({ filters: filters ?? null, hidden, latentDim: latent, activation: 'relu' })
  const vae = createVae({ ...config, rows: 28, columns: 28, channels: 1 })
  initialize(vae, streamKey(1, 'weights'))
  const { step } = gradientAscent(vae, { ...config, clipNorm: undefined }, streamKey(1, 'baseline'))
  const steps = scan(step, { mode: 'off' })
  const pixels = new Uint8Array(readFileSync(images)).subarray(16)
  return async (/** @type {number} */ count) => {
    const keys = Array.from({ length: count }, (_, i) => keyAt(streamKey(1, 'steps'), i))
    const data = pixels.subarray(0, count * batch * 784)
    const batches = { data, shape: [count, batch, 784], dtype: 'float32' }
    const [started, before] = [performance.now(), process.cpuUsage()]
    await steps.run(batches, { keys, schedules: () => ({ learningRate: 1e-3, beta: 1 }) })
    return { wall: (performance.now() - started) / count, cpu: process.cpuUsage(before).user / 1000 / count }
  }
}

const spread = (/** @type {number[]} */ values) =>
  `${median(values).toFixed(2)} | ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`

const names = process.argv.length > 2 ? process.argv.slice(2) : ['784-400-20@128', 'conv32-64-256-32@128']
console.log(
  `${machine(ROUNDS)}\n\n| model | kernels | ms per step | range | TF.js / elbo | range | CPU time, TF.js / elbo | range |`,
)
console.log('|---|---|---:|---:|---:|---:|---:|---:|')
for (const model of names.map(parseModel)) {
  const run = newTraining(model)
  const rounds = []
  const steps = model.filters ? 1 : STEPS
  for (let round = 0; round <= ROUNDS; round++) {
    useKernels(kernelsOfTfjs)
    const tfjs = await run(steps)
    useKernels(kernelsOfElbo)
    rounds.push({ tfjs, elbo: await run(steps) })
  }
  const counted = rounds.slice(1)
  const ratios = (/** @type {'wall' | 'cpu'} */ time) =>
    spread(counted.map(({ tfjs, elbo }) => tfjs[time] / elbo[time]))
  console.log(`| ${model.name} | TF.js's | ${spread(counted.map(({ tfjs }) => tfjs.wall))} | | | | |`)
  console.log(`| | elbo's | ${spread(counted.map(({ elbo }) => elbo.wall))} | ${ratios('wall')} | ${ratios('cpu')} |`)
}
process.exit()
