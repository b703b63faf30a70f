// elbo's training step as a candidate of bench/peers.mjs: node bench/elbo-steps.mjs off|graph|xla [bfloat16]. The protocol is in peers/protocol.py.
import { readFileSync } from 'node:fs'
import { serve } from '../dist/commands/bench/serve.js'
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

const { backend = 'tensorflow', filters, hidden, latent, batch, images } = JSON.parse(process.env.BENCH_MODEL)
const [mode, precision] = process.argv.slice(2)
const pixels = new Uint8Array(readFileSync(images)).subarray(16)
await openBackend(backend, { debug: false })

const config = resolveConfig({ filters: filters ?? null, hidden, latentDim: latent, activation: 'relu' })
const vae = createVae({ ...config, rows: 28, columns: 28, channels: 1 })
initialize(vae, streamKey(1, 'weights'))
const algorithm = gradientAscent(vae, { ...config, clipNorm: undefined }, streamKey(1, 'baseline'))
const steps = scan(algorithm.step, { mode, precision })
const CHUNK = mode === 'off' ? 10 : 100
const table = { data: pixels, shape: [pixels.length / 784, 784], dtype: 'float32' }
let done = 0

async function run(count) {
  for (let i = 0; i < count; i += CHUNK) await runChunk(Math.min(CHUNK, count - i))
}

function runChunk(count) {
  const rows = new Int32Array(count * batch).map((_, i) => (done * batch + i * 7919) % 50_000)
  const keys = Array.from({ length: count }, () => keyAt(streamKey(1, 'steps'), done++))
  return steps.run({ table, rows, shape: [count, batch] }, { keys, schedules: () => ({ learningRate: 1e-3, beta: 1 }) })
}

await serve(run)
process.exit()
