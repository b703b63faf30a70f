/** The Markov chains of all training images in Monte Carlo EM: persistent, with an adaptive step size and diagnostics after each pass. */
import * as tf from '#tfjs'
import { usedMeans } from '../data/used-images.js'
import { compensatedSums } from '../numeric/compensated-sums.js'
import type { HostKey, Key } from '../random.js'
import type { Run } from './kernel.js'
import { persistentChains } from './persistent-chains.js'
import { adaptiveStepSize } from './step-size.js'

/** Settings of the chains in a pass. */
export interface ChainOptions<Name> {
  sampler: Name
  /** Number of training images. */
  images: number
  batchSize: number
  /** Chains per image. */
  chains: number
  /** Transitions of each chain per pass. */
  transitions: number
  /** Number of images, starting with the first, whose draws are diagnosed (ESS, R-hat). */
  judged: number
  /** Metropolis and HMC: initial step size, target acceptance rate, and passes of adaptation. */
  stepSize: number
  targetAcceptance: number
  adaptPasses: number
  /** HMC: leapfrog steps per transition, and relative jitter of the step size. */
  leapfrogSteps: number
  jitter: number
}

/** Moves the chains of a batch from z [chains, batch, latent]. */
export type Sampler = (z: tf.Tensor, key: Key, stepSize: tf.Tensor) => Run

/** The chains of all images, their step size and their diagnostics. */
export function imageChains(latentDim: number, options: ChainOptions<string>, key: HostKey) {
  const persistent = persistentChains({ ...options, latentDim }, key)
  const stepSize = adaptiveStepSize(options.stepSize, options.targetAcceptance)
  const accepted = compensatedSums({ acceptance: [], images: [] })
  const passes = tf.tidy(() => tf.variable(tf.scalar(0), false))
  const groups = { chains: persistent.variables, step_size: stepSize.variables, accepted: accepted.variables }
  return {
    variables: new Map([...prefixed(groups), ['passes', passes]]),
    /** What workers that divide the batches of a pass put together; the adaptation of the step size they cannot. */
    parts: { sums: [accepted], rows: persistent.positions },
    /** Continues the chains of the batch that starts at image `first`. `acceptance` is a scalar. Throws an `Error` unless `size` is `batchSize`. */
    move({ first, used, size }: { first: number; used: number; size: number }, key: Key, run: Sampler): Run {
      if (size !== options.batchSize)
        throw new Error(
          `Monte Carlo EM: the batch has ${size} images, but the chains expect batches of ${options.batchSize}`,
        )
      const { draws, acceptance } = run(persistent.take(first), key, stepSize.value())
      persistent.put(first, draws)
      const { mean } = usedMeans({ mean: tf.mean(acceptance, 0) }, used) as { mean: tf.Tensor }
      stepSize.adapt(mean, tf.cast(tf.less(passes, options.adaptPasses), 'float32'))
      accepted.add({ acceptance: tf.mul(mean, used), images: tf.scalar(used) })
      return { draws, acceptance: mean }
    },
    /** Ends a pass; returns its mean acceptance, step size, ESS and R-hat. */
    async finishPass(): Promise<Record<string, number>> {
      const { acceptance, images } = await accepted.take()
      tf.tidy(() => passes.assign(tf.add(passes, 1)))
      const size = tf.tidy(() => stepSize.value())
      const [value] = await size.data()
      size.dispose()
      return {
        acceptance: (acceptance[0] as number) / (images[0] as number),
        stepSize: value as number,
        ...(await persistent.judge()),
      }
    },
  }
}

const prefixed = (groups: Record<string, ReadonlyMap<string, tf.Variable>>) =>
  Object.entries(groups).flatMap(([group, variables]) =>
    [...variables].map(([name, variable]): [string, tf.Variable] => [`${group}/${name}`, variable]),
  )
