/**
 * One candidate of `elbo bench`, in a process of its own: node worker.js JSON, with a `Work` as JSON. It trains as `train` does and
 * answers the protocol of interleave.ts.
 */
import { createInterface } from 'node:readline'
import type { BackendOptions } from '../../backends/backend.js'
import { openBackend } from '../../backends/candidates.js'
import { type Mode, type Outputs, scan } from '../../compile/scan.js'
import { loadDataset } from '../../data/dataset.js'
import { imageSize } from '../../data/images.js'
import { shuffledPass } from '../../data/passes.js'
import type { Schedule } from '../../inference/algorithm.js'
import { type Config, resolveConfig } from '../../methods/config.js'
import { createVaeSession } from '../../methods/session.js'
import { keyAt, streamKey } from '../../random.js'
import { schedule } from '../../runs/train.js'
import type { DeepReadonly } from '../../settings/table.js'
import { peakMegabytes } from './peak-memory.js'

/** What a worker is asked to do. */
export interface Work {
  backend: string
  mode: Mode
  config: DeepReadonly<Partial<Config>>
  options: BackendOptions
}

async function answer({ backend, mode, config: given, options }: Work): Promise<void> {
  await openBackend(backend, options)
  const run = await newTraining(resolveConfig(given), mode)
  const timed = async (steps: number) => {
    const started = performance.now()
    await run(steps)
    return performance.now() - started
  }
  process.stdout.write('made\n')
  say('ready', await timed(1))
  for await (const line of createInterface({ input: process.stdin })) {
    const steps = Number(line)
    say((await timed(steps)) / steps)
  }
}

const say = (...values: (string | number)[]) =>
  process.stdout.write(`${[...values, Math.round(peakMegabytes())].join(' ')}\n`)

/** A training that goes on by as many steps as it is told to, in the loop's chunks. */
async function newTraining(config: Config, mode: Mode): Promise<(steps: number) => Promise<void>> {
  const data = loadDataset(config.data)
  const session = createVaeSession(config, data)
  await session.initialize(data, () => data.train)
  const steps = scan<Schedule>(session.algorithm.step, { mode })
  const stepKey = streamKey(config.seed, 'steps')
  const orderKey = streamKey(config.seed, 'order')
  const stepsPerEpoch = Math.floor(data.train.count / config.batchSize)
  let step = 0

  async function runChunk(most: number): Promise<number> {
    const from = step % stepsPerEpoch
    const count = Math.min(steps.chunkSteps, most, stepsPerEpoch - from)
    const pass = shuffledPass(data.train, config.batchSize, orderKey, Math.floor(step / stepsPerEpoch))
    const numbers = Array.from({ length: count }, (_, i) => step + i)
    const outputs = await steps.run(
      { data: pass.batches(from, count), count, shape: [config.batchSize, imageSize(data)] },
      numbers.map(number => keyAt(stepKey, number)),
      numbers.map((number, i) => ({
        ...schedule(config, number, stepsPerEpoch),
        used: config.batchSize,
        first: (from + i) * config.batchSize,
      })),
    )
    requireFinite(outputs)
    step += count
    return count
  }

  return async wanted => {
    for (let done = 0; done < wanted; ) done += await runChunk(wanted - done)
  }
}

/** A time of steps that compute nonsense would mean nothing. */
function requireFinite({ elbo }: Outputs): void {
  const broken = elbo?.find(value => !Number.isFinite(value))
  if (broken !== undefined) throw new Error(`the ELBO became ${broken}`)
}

// Ctrl-C goes to all processes of a terminal; the one that asked for this one decides.
process.on('SIGINT', () => {})
try {
  await answer(JSON.parse(process.argv[2] ?? '') as Work)
  process.exit()
} catch (error) {
  const { stack, message } = error as Error
  const { options } = JSON.parse(process.argv[2] ?? '{}') as Partial<Work>
  if (options?.debug) process.stderr.write(`${stack}\n`)
  process.stderr.write(`${message.replaceAll(/\s*\n\s*/g, ' ')}\n`, () => process.exit(1))
}
