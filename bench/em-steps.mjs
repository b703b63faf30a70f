// elbo's EM pass as a candidate of bench/em-pass.mjs: node bench/em-steps.mjs. The protocol is in peers/em_pass.py.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as tf from '@tensorflow/tfjs'
import {
  createBernoulliMixture,
  createGaussianMixture,
  mixtureEm,
  openBackend,
  scan,
  streamKey,
} from '../dist/index.js'

const { kind, components, count, batch, images } = JSON.parse(process.env.BENCH_MODEL)
const binary = kind === 'bernoulli'
const pixels = new Uint8Array(readFileSync(images)).subarray(16, 16 + count * 784)
const data = binary ? pixels.map(grey => (grey >= 128 ? 255 : 0)) : pixels
await openBackend('tensorflow', { debug: false })

const weights = new Float64Array(components).fill(1 / components)
// image k, moved a quarter of the way to grey, as in em_pass.py
const means = Float64Array.from({ length: components * 784 }, (_, i) => 0.125 + (0.75 * data[i]) / 255)
const mixture = binary
  ? createBernoulliMixture({ pixels: 784, components, start: { weights, means } })
  : createGaussianMixture({
      pixels: 784,
      components,
      covariance: 'diagonal',
      start: { weights, means, covariances: new Float64Array(components * 784).fill(0.1) },
    })
const algorithm = mixtureEm(mixture, {
  read: x => tf.div(x, 255),
  images: count,
  ...(binary ? {} : { prior: { varianceFloor: 1e-3 } }),
})
const steps = scan(algorithm.step, { mode: 'xla' })
const key = streamKey(1, 'steps')
const CHUNK = 10
let last

async function pass() {
  for (let from = 0; from < count; from += CHUNK * batch) {
    const part = data.subarray(from * 784, (from + CHUNK * batch) * 784)
    const batches = { data: part, shape: [CHUNK, batch, 784], dtype: 'float32' }
    await steps.run(batches, { key, schedules: () => ({ learningRate: 1, beta: 1, used: batch }) })
  }
  last = await algorithm.finishPass()
}

const timed = async passes => {
  const started = performance.now()
  for (let i = 0; i < passes; i++) await pass()
  return performance.now() - started
}

console.log('ready', await timed(1))
for await (const line of createInterface({ input: process.stdin })) {
  const ms = await timed(Number(line))
  console.log(ms / Number(line), last.elboAfterE)
}
process.exit()
