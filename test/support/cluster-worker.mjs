// @ts-nocheck: it runs the built program.
// A worker of the tests of clusters: trains small models for some steps, each from the same start, and prints what became of their weights.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { openBackend } from '../../dist/backends/candidates.js'
import { scan } from '../../dist/compile/scan.js'
import { resolveConfig, vae } from '../../dist/methods/vae.js'
import { keyAt, streamKey } from '../../dist/random.js'

const STEPS = 20
const SIDE = 6
const THREADS = '/proc/self/task'

const [index, addresses, settings] = process.argv.slice(2)
const workers = addresses.split(',')
await openBackend('tensorflow', {
  debug: false,
  threads: 1,
  ...(workers.length > 1 && { cluster: { workers, index: Number(index) } }),
})

const results = []
for (const given of JSON.parse(settings)) results.push(await weightsAfter(given))
writeFileSync(1, JSON.stringify(results))
process.exit(0)

async function weightsAfter(given) {
  const config = resolveConfig({ hidden: [16], latentDim: 3, batchSize: 12, ...given })
  const shape = { rows: SIDE, columns: SIDE, channels: 1 }
  const learner = vae.create(config, { ...shape, images: 12 })
  const pixels = Uint8Array.from({ length: STEPS * 12 * SIDE * SIDE }, (_, i) => (i * 7919) % 256)
  await learner.initialize({ train: { ...shape, count: STEPS * 12, pixels } }, () => undefined)
  const steps = scan(learner.step)
  const keys = Array.from({ length: STEPS }, (_, i) => keyAt(streamKey(1, 'steps'), i))
  const numbers = { learningRate: 1e-2, beta: 1, used: 12, first: 0 }
  const data = { data: pixels, shape: [STEPS, 12, SIDE * SIDE], dtype: 'float32' }
  const outputs = await steps.run(data, { keys, schedules: () => numbers })
  const values = [...learner.variables.values()].map(variable => variable.dataSync())
  const hash = createHash('sha256')
  for (const value of values) hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  learner.dispose()
  const threads = existsSync(THREADS) ? readdirSync(THREADS).length : 0
  return { digest: hash.digest('hex'), values: values.map(value => [...value]), elbo: outputs.elbo?.at(-1), threads }
}
