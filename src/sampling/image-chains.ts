/** The chains of all training images as Monte Carlo EM moves them: persistent, with an adaptive step size, and judged after each pass. */
import * as tf from '@tensorflow/tfjs'
import { usedMeans } from '../data/used-images.js'
import { compensatedSums } from '../numeric/compensated-sums.js'
import type { HostKey, Key } from '../random.js'
import type { Run } from './kernel.js'
import { persistentChains } from './persistent-chains.js'
import { adaptiveStepSize } from './step-size.js'

/** How the chains of every image move in a pass. */
export interface ChainOptions<Name> {
  sampler: Name
  /** Training images, and how many of them a batch has. */
  images: number
  batchSize: number
  /** Chains of each image. */
  chains: number
  /** Transitions of each chain in a pass. */
  transitions: number
  /** So many images, from the first on, have their draws judged (ESS, R-hat). */
  judged: number
  /** Metropolis and HMC: where the step size begins, the acceptance that it seeks, and for how many passes. */
  stepSize: number
  targetAcceptance: number
  adaptPasses: number
  /** HMC. */
  leapfrogSteps: number
  jitter: number
}

/** Moves the chains of a batch from z [chains, batch, latent]. */
export type Sampler = (z: tf.Tensor, key: Key, stepSize: tf.Tensor) => Run

/** The chains of all images, their step size and what a pass reports of them. */
export function imageChains(latentDim: number, options: ChainOptions<string>, key: HostKey) {
  const persistent = persistentChains({ ...options, latentDim }, key)
  const stepSize = adaptiveStepSize(options.stepSize, options.targetAcceptance)
  const accepted = compensatedSums({ acceptance: [], images: [] })
  const passes = tf.tidy(() => tf.variable(tf.scalar(0), false))
  const parts = { chains: persistent.variables, step_size: stepSize.variables, accepted: accepted.variables }
  return {
    variables: new Map([...namedByPart(parts), ['passes', passes]]),
    /** Runs the chains of a batch from where they stand, by `run`, `size` of them; `acceptance` is the mean over its used images. */
    move({ first, used, size }: { first: number; used: number; size: number }, key: Key, run: Sampler): Run {
      if (size !== options.batchSize)
        throw new Error(
          `Monte Carlo EM: a batch of ${size} images, but the chains were made for batches of ${options.batchSize}`,
        )
      const { draws, acceptance } = run(persistent.take(first), key, stepSize.value())
      persistent.put(first, draws)
      const { mean } = usedMeans({ mean: tf.mean(acceptance, 0) }, used) as { mean: tf.Tensor }
      stepSize.adapt(mean, tf.cast(tf.less(passes, options.adaptPasses), 'float32'))
      accepted.add({ acceptance: tf.mul(mean, used), images: tf.scalar(used) })
      return { draws, acceptance: mean }
    },
    /** Mean acceptance, step size, ESS and R-hat of the pass that ends. */
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

const namedByPart = (parts: Record<string, ReadonlyMap<string, tf.Variable>>) =>
  Object.entries(parts).flatMap(([part, list]) =>
    [...list].map(([name, one]): [string, tf.Variable] => [`${part}/${name}`, one]),
  )
