/**
 * One candidate of `elbo bench` in its own process: node worker.js JSON, with a `Work` as JSON. It trains like `train` and follows the
 * protocol of interleave.ts.
 */
import type { BackendOptions } from '../../backends/backend.js'
import { openBackend } from '../../backends/candidates.js'
import { chunks, type Feed, scan } from '../../compile/scan.js'
import type { Mode, Outputs, Precision, ScanOptions } from '../../compile/step.js'
import { type Dataset, loadDataset } from '../../data/dataset.js'
import { shuffledPass } from '../../data/passes.js'
import type { Schedule } from '../../inference/algorithm.js'
import { resolveConfig, vae } from '../../methods/vae.js'
import type { VaeConfig } from '../../methods/vae-settings.js'
import { keyAt, streamKey } from '../../random.js'
import type { DeepReadonly } from '../../settings/table.js'
import { serve } from './serve.js'

/** The task of a worker. */
export interface Work {
  backend: string
  mode: Mode
  precision: Precision
  config: DeepReadonly<Partial<VaeConfig>>
  options: BackendOptions
}

async function answer({ backend, mode, precision, config: given, options }: Work): Promise<void> {
  await openBackend(backend, options)
  await serve(await newTraining(resolveConfig(given), { mode, precision }))
}

/** Starts a training; the returned function runs the given number of further steps, in the chunks of `train`. */
async function newTraining(config: VaeConfig, how: ScanOptions): Promise<(steps: number) => Promise<void>> {
  const data = await loadDataset(config.data)
  const learner = vae.create(config, { ...data, images: data.train.count })
  await learner.initialize(data, () => data.train)
  const steps = scan<Schedule>(learner.step, how)
  const feedOf = epochFeeds(config, data)
  const stepsPerEpoch = Math.floor(data.train.count / config.batchSize)
  let step = 0
  return async wanted => {
    for (const end = step + wanted; step < end; ) {
      const epoch = Math.floor(step / stepsPerEpoch)
      const to = Math.min(end, (epoch + 1) * stepsPerEpoch)
      for await (const { count, outputs } of chunks(steps, { from: step, to }, feedOf(epoch))) {
        requireFinite(outputs)
        step += count
      }
    }
  }
}

/** The inputs of the steps of an epoch; steps are numbered from the start of the training. */
function epochFeeds(config: VaeConfig, { train }: Dataset) {
  const { batchSize, seed } = config
  const stepKey = streamKey(seed, 'steps')
  const orderKey = streamKey(seed, 'order')
  return (epoch: number) => {
    const pass = shuffledPass(train, batchSize, orderKey, epoch)
    return async (from: number, count: number): Promise<Feed<Schedule>> => {
      const inPass = from - epoch * pass.steps
      const numbers = Array.from({ length: count }, (_, i) => from + i)
      return {
        batches: await pass.inputs(inPass, count),
        keys: numbers.map(number => keyAt(stepKey, number)),
        schedules: numbers.map((number, i) => ({
          ...vae.rates(config, number, pass.steps),
          used: batchSize,
          first: (inPass + i) * batchSize,
        })),
      }
    }
  }
}

/** Throws an Error if an ELBO is not finite: the time of such steps would be meaningless. */
function requireFinite({ elbo }: Outputs): void {
  const broken = elbo?.find(value => !Number.isFinite(value))
  if (broken !== undefined) throw new Error(`the ELBO became ${broken}`)
}

// Ctrl-C goes to all processes of a terminal; the parent process decides when this one ends.
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
