// elbo's log p(x) as a candidate of bench/peers.mjs: node bench/elbo-importance.mjs xla|graph. One run computes the importance weights
// for one batch of images, as in `elbo evaluate`, but compiled once for all runs.
import { readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs'
import { serve } from '../dist/commands/bench/serve.js'
import { cut, summarize, sumWeights } from '../dist/evaluation/importance.js'
import { overImages } from '../dist/evaluation/over-images.js'
import { createVae, encode, initialize, openBackend, resolveConfig, streamKey } from '../dist/index.js'

const { backend = 'tensorflow', hidden, latent, batch, images, samples } = JSON.parse(process.env.BENCH_MODEL)
const pixels = new Uint8Array(readFileSync(images)).subarray(16).map(grey => (grey < 128 ? 0 : 255))
await openBackend(backend, { debug: false })

const config = resolveConfig({ hidden, latentDim: latent, activation: 'tanh' })
const vae = createVae({ ...config, rows: 28, columns: 28, channels: 1 })
initialize(vae, streamKey(1, 'weights'))
const { size, used } = cut(samples, batch)
const weigh = overImages(
  (batch, key, part) => {
    const x = tf.div(batch, 255)
    return sumWeights(vae, x, encode(vae, x), key, size, part.used)
  },
  { mode: process.argv[2] },
)
let runs = 0

async function estimate(batches) {
  const count = batches * batch
  const options = { batchSize: batch, key: streamKey(1, `run ${runs++}`) }
  const parts = used.map(draws => ({ used: draws }))
  const digits = { rows: 28, columns: 28, channels: 1, count, pixels: pixels.subarray(0, count * 784) }
  const sums = await weigh.run(digits, options, parts)
  const { logPx } = summarize([{ pieces: sums, draws: samples }])
  if (!logPx.every(Number.isFinite)) throw new Error('log p(x) is not finite')
}

await serve(estimate)
process.exit()
