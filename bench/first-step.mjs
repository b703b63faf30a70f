// Measures what passes between `elbo train` and its first step: node bench/first-step.mjs [rounds]
import { spawnSync } from 'node:child_process'
import { loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'

const [argument] = process.argv.slice(2)
if (argument === '--once') await once()
else compare(Number(argument ?? 5))

/** Prints the median over processes of each phase, with the range of its CPU time. */
function compare(rounds) {
  const all = Array.from({ length: rounds }, () => {
    const { stdout, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--once'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (status !== 0) throw new Error(`a process ended with exit code ${status}`)
    return JSON.parse(stdout)
  })
  console.log(`load ${loadavg()[0].toFixed(1)}, ${rounds} processes: median s of wall time, of CPU time (range)`)
  for (const [i, { name }] of all[0].entries()) {
    const [wall, cpu] = ['wall', 'cpu'].map(kind => all.map(phases => phases[i][kind]).toSorted((a, b) => a - b))
    const [least, most] = [cpu[0], cpu.at(-1)].map(seconds => seconds.toFixed(2))
    console.log(`${name.padEnd(32)} ${median(wall).toFixed(2)}  ${median(cpu).toFixed(2)} (${least} to ${most})`)
  }
}

function median(sorted) {
  return sorted[Math.floor(sorted.length / 2)]
}

/** What `train` does on the default settings, phase by phase. */
async function once() {
  const phases = []
  let [wall, cpu] = [0, 0] // since the process began
  const ended = name => {
    const { user, system } = process.cpuUsage()
    const now = { wall: performance.now() / 1000, cpu: (user + system) / 1e6 }
    phases.push({ name, wall: now.wall - wall, cpu: now.cpu - cpu })
    wall = now.wall
    cpu = now.cpu
  }
  await import('../dist/commands/program.js')
  await import('../dist/commands/train/train.js')
  const { openBackend, resolveConfig, scan, loadDataset, keyAt, streamKey } = await import('../dist/index.js')
  const { vae } = await import('../dist/methods/vae.js')
  ended('modules')
  await openBackend('tensorflow', { debug: false })
  ended('TensorFlow')
  const data = await loadDataset('mnist')
  ended('images, read and hashed')
  const config = resolveConfig({})
  const learner = vae.create(config, { ...data, images: data.train.count })
  await learner.initialize(data, () => undefined)
  ended('networks and initial weights')
  const steps = scan(learner.step)
  const run = count => {
    const shape = [count, config.batchSize, 784]
    const pixels = new Uint8Array(count * config.batchSize * 784).map((_, i) => (i * 7919) % 256)
    const keys = Array.from({ length: count }, (_, i) => keyAt(streamKey(1, 'steps'), i))
    const numbers = { learningRate: 1e-3, beta: 1, used: config.batchSize, first: 0 }
    return steps.run({ data: pixels, shape, dtype: 'float32' }, { keys, schedules: () => numbers })
  }
  await run(1)
  ended('first step: recorded, compiled')
  await run(1)
  ended('second step')
  const [whole] = [phases.reduce((sum, { wall, cpu }) => ({ wall: sum.wall + wall, cpu: sum.cpu + cpu }))]
  console.log(JSON.stringify([...phases, { name: 'together', wall: whole.wall, cpu: whole.cpu }]))
  process.exit()
}
