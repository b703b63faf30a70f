// Measures what workers cost and gain on this machine: node bench/workers.mjs --help
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const HELP = `Usage: node bench/workers.mjs [options]

Times a compiled training step (Adam, ELBO) of one process with all threads, of one process with one thread, and of N workers with
one thread each, in turns, and prints the median over rounds with the range, and the ratio to one process with all threads.

  --workers N     workers (default: one for each core)
  --hidden LIST   hidden units (default: 400)
  --latent-dim D  (default: 20)
  --batch-size B  of all workers together (default: 128)
  --samples K     importance samples; 1 is the ELBO (default: 1)
  --steps N       steps of a turn (default: 200)
  --rounds N      (default: 5)
  --help          show this help

Run once before: npm run build`

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: String(availableParallelism()) },
    hidden: { type: 'string', default: '400' },
    'latent-dim': { type: 'string', default: '20' },
    'batch-size': { type: 'string', default: '128' },
    samples: { type: 'string', default: '1' },
    steps: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
    'as-worker': { type: 'string' },
  },
})

if (options.help) console.log(HELP)
else if (options['as-worker'] === undefined) await compare()
else await work(JSON.parse(options['as-worker']))

async function compare() {
  const count = Number(options.workers)
  const cores = availableParallelism()
  const ways = [
    { name: `1 process, ${cores} threads`, count: 1, threads: cores },
    { name: '1 process, 1 thread', count: 1, threads: 1 },
    { name: `${count} workers, 1 thread each`, count, threads: 1 },
  ]
  const times = ways.map(() => [])
  for (let round = 0; round < Number(options.rounds); round++)
    for (const [i, way] of ways.entries()) {
      times[i].push(await turn(way))
      process.stderr.write(`round ${round + 1}: ${way.name}: ${times[i].at(-1).toFixed(2)} ms\n`)
    }
  console.log(
    `${cpus()[0]?.model.trim()}, ${cores} cores; 784-${options.hidden}-${options['latent-dim']}@${options['batch-size']}, k = ${options.samples}`,
  )
  console.log(`${options.steps} steps a turn, ${options.rounds} rounds: ms a step, median (range); ratio to the first`)
  const base = times[0]
  for (const [i, { name }] of ways.entries()) {
    const ratio = median(times[i].map((time, round) => time / base[round]))
    const [least, most] = [Math.min(...times[i]), Math.max(...times[i])]
    console.log(
      `${name.padEnd(28)} ${median(times[i]).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})  ${ratio.toFixed(2)}`,
    )
  }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

/** ms a step of the first of some processes that compute together. */
async function turn({ count, threads }) {
  const { freeAddresses } = await import('../dist/commands/launch.js')
  const workers = await freeAddresses(count)
  const children = workers.map((_, index) => {
    const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)]
    const job = JSON.stringify({ workers, index, threads })
    return spawn(process.execPath, [...args, '--as-worker', job], { stdio: ['ignore', 'pipe', 'inherit'] })
  })
  const said = await Promise.all(
    children.map(async child => {
      let text = ''
      child.stdout.on('data', part => {
        text += part
      })
      const [code] = await once(child, 'close')
      if (code !== 0) throw new Error(`a worker ended with exit code ${code}`)
      return text
    }),
  )
  return Number(said[0])
}

async function work({ workers, index, threads }) {
  const { openBackend, scan, keyAt, streamKey } = await import('../dist/entries/compile.js')
  const { resolveConfig, vae } = await import('../dist/methods/vae.js')
  await openBackend('tensorflow', { debug: false, threads, ...(workers.length > 1 && { cluster: { workers, index } }) })
  const k = Number(options.samples)
  const config = resolveConfig({
    hidden: options.hidden.split(',').map(Number),
    latentDim: Number(options['latent-dim']),
    batchSize: Number(options['batch-size']),
    samples: k,
    ...(k > 1 && { objective: 'iwae' }),
  })
  const shape = { rows: 28, columns: 28, channels: 1 }
  const learner = vae.create(config, { ...shape, images: config.batchSize })
  const pixels = Uint8Array.from({ length: config.batchSize * 784 }, (_, i) => (i * 7919) % 256)
  await learner.initialize({ train: { ...shape, count: config.batchSize, pixels } }, () => undefined)
  const training = scan(learner.step)
  const steps = Number(options.steps)
  const data = new Uint8Array(steps * pixels.length)
  for (let step = 0; step < steps; step++) data.set(pixels, step * pixels.length)
  const keys = Array.from({ length: steps }, (_, i) => keyAt(streamKey(1, 'steps'), i))
  const numbers = { learningRate: 1e-3, beta: 1, used: config.batchSize, first: 0 }
  const run = () =>
    training.run({ data, shape: [steps, config.batchSize, 784], dtype: 'float32' }, { keys, schedules: () => numbers })
  await run()
  const started = performance.now()
  await run()
  process.stdout.write(String((performance.now() - started) / steps))
  setTimeout(() => process.exit(0), 500) // others fetch the last numbers from this process
}
