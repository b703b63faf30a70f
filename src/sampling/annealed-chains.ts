/** The chains of annealed importance sampling for one batch of images after another, a temperature a step of `scan`. */
import * as tf from '@tensorflow/tfjs'
import { type RepeatedBatch, type RepeatOptions, repeatBatch } from '../compile/repeat-batch.js'
import { type Scan, scan } from '../compile/scan.js'
import type { Choice, Outputs, ScanOptions } from '../compile/step.js'
import { type Key, split } from '../random.js'
import { aisReverseStep, aisStart, aisStep } from './annealing.js'

/** How chains move. */
export interface ChainMoves {
  /** 0 = b_0 < … < b_T = 1: see `temperatures`. */
  temperatures: readonly number[]
  leapfrogSteps: number
  jitter: number
  /** Where the pilot's step size begins, and the acceptance that it seeks. */
  stepSize: number
  targetAcceptance: number
}

/** log p(x|z) [chains, batch] of images [batch, pixels], in 0 … 255, and z [chains, batch, latent]. */
export type BatchLikelihood = (images: tf.Tensor, z: tf.Tensor) => tf.Tensor

/** A batch [size, pixels] and the noise of its chains. */
export type KeyedBatch = Omit<RepeatedBatch, 'size'>

/** What the chains of a batch ended with. */
export interface AnnealedBatch {
  /** [chains, size] end to end, in nats. */
  logWeights: Float32Array
  /** The mean over chains and temperatures, of each image. */
  acceptance: Float32Array
}

/** Undefined results: stopped before the end. */
export interface AnnealedChains {
  /** Finds a step size for each temperature, which are fixed from then on, as the estimate's validity asks. To be run first. */
  pilot(batch: KeyedBatch, repeating: RepeatOptions): Promise<void>
  /** From draws of the prior to the posterior: E[w] = p(x). */
  forward(batch: KeyedBatch, repeating: RepeatOptions): Promise<AnnealedBatch | undefined>
  /** From draws z [size, latent] of the posterior, the same for every chain, to the prior: E[1/w] = 1/p(x). Chains of an image are dependent. */
  reverse(batch: KeyedBatch, z: Float32Array, repeating: RepeatOptions): Promise<AnnealedBatch | undefined>
  readonly choice: Choice | undefined
  dispose(): void
}

/** What one step is told; a pilot's steps, but for its first, set their own step size. */
interface Part {
  to: number
  rise: number
  starts: number
  stepSize: number
  pilot: number
}

/** How fast the pilot's step size follows the temperature. */
const PILOT_GAIN = 0.5

type Shape = readonly [chains: number, batch: number, latent: number]

export function annealedChains(
  logLikelihood: BatchLikelihood,
  shape: Shape,
  moves: ChainMoves,
  how: ScanOptions,
): AnnealedChains {
  const [, size, latent] = shape
  const state = chainVariables(shape)
  const climb = scan<Part>(forwardStep(logLikelihood, shape, moves, state), how)
  let descend: Scan<Part> | undefined
  const firstSizes = moves.temperatures.slice(1).map(() => moves.stepSize)
  let stepSizes = firstSizes
  const run = async (along: Scan<Part>, { batch, key }: KeyedBatch, list: Part[], repeating: RepeatOptions) => {
    const outputs = await repeatBatch(along, { batch, size, key }, list, repeating)
    return outputs && { outputs, logWeights: await state.logWeights.data<'float32'>() }
  }
  const passed = (done: { outputs: Outputs; logWeights: Float32Array } | undefined): AnnealedBatch | undefined =>
    done && { logWeights: done.logWeights, acceptance: meanOverSteps(done.outputs.acceptance as Float32Array, size) }
  return {
    async pilot(batch, repeating) {
      const done = await run(climb, batch, parts(moves.temperatures, firstSizes, 1), repeating)
      if (done) stepSizes = [...(done.outputs.stepSize as Float32Array)]
    },
    forward: async (batch, repeating) =>
      passed(await run(climb, batch, parts(moves.temperatures, stepSizes, 0), repeating)),
    async reverse(batch, z, repeating) {
      tf.tidy(() => {
        state.z.assign(tf.tile(tf.tensor(z, [1, size, latent]), [shape[0], 1, 1]))
        state.logWeights.assign(tf.zerosLike(state.logWeights))
      })
      descend ??= scan<Part>(reverseStep(logLikelihood, moves, state), climb.choice ?? how)
      return passed(await run(descend, batch, parts(moves.temperatures, stepSizes, 0).reverse(), repeating))
    },
    get choice() {
      return climb.choice
    },
    dispose: () => climb.dispose({ dispose: () => (descend ? descend.dispose(state) : state.dispose()) }),
  }
}

function parts(temperatures: readonly number[], stepSizes: readonly number[], pilot: number): Part[] {
  return temperatures.slice(1).map((to, t) => ({
    to,
    rise: to - (temperatures[t] as number),
    starts: t === 0 ? 1 : 0,
    stepSize: stepSizes[t] as number,
    pilot,
  }))
}

/** The chains between steps. */
interface ChainVariables {
  readonly z: tf.Variable
  readonly logWeights: tf.Variable
  readonly logStepSize: tf.Variable
  dispose(): void
}

function chainVariables(shape: Shape): ChainVariables {
  const variable = (values: tf.Tensor) => tf.variable(values, false)
  const variables = tf.tidy(() => ({
    z: variable(tf.zeros([...shape])),
    logWeights: variable(tf.zeros([shape[0], shape[1]])),
    logStepSize: variable(tf.scalar(0)),
  }))
  return { ...variables, dispose: () => void tf.dispose(variables) }
}

function forwardStep(
  logLikelihood: BatchLikelihood,
  shape: Shape,
  { leapfrogSteps, jitter, targetAcceptance }: ChainMoves,
  { z, logWeights, logStepSize }: ChainVariables,
) {
  return (x: tf.Tensor, key: Key, { to, rise, starts, stepSize, pilot }: Part): Record<string, tf.Tensor> => {
    const [startKey, moveKey] = split(key, 2) as [Key, Key]
    const fresh = aisStart(startKey, shape)
    const isStart = tf.greater(tf.scalar(starts), 0.5)
    const isPilot = tf.greater(tf.scalar(pilot), 0.5)
    const state = { z: tf.where(isStart, fresh.z, z), logWeights: tf.where(isStart, fresh.logWeights, logWeights) }
    const given = tf.scalar(stepSize) as tf.Tensor
    const size = tf.where(tf.logicalAnd(isPilot, tf.logicalNot(isStart)), tf.exp(logStepSize), given)
    const hmc = { stepSize: size, leapfrogSteps, jitter }
    const moved = aisStep(at => logLikelihood(x, at), state, moveKey, { to, rise }, hmc)
    z.assign(moved.state.z)
    logWeights.assign(moved.state.logWeights)
    const miss = tf.sub(tf.mean(moved.acceptance), targetAcceptance)
    logStepSize.assign(tf.add(tf.log(size), tf.mul(miss, PILOT_GAIN)))
    return { acceptance: tf.mean(moved.acceptance, 0), stepSize: size }
  }
}

function reverseStep(
  logLikelihood: BatchLikelihood,
  { leapfrogSteps, jitter }: ChainMoves,
  { z, logWeights }: ChainVariables,
) {
  return (x: tf.Tensor, key: Key, { to, rise, stepSize }: Part): Record<string, tf.Tensor> => {
    const hmc = { stepSize: tf.scalar(stepSize), leapfrogSteps, jitter }
    const moved = aisReverseStep(at => logLikelihood(x, at), { z, logWeights }, key, { to, rise }, hmc)
    z.assign(moved.state.z)
    logWeights.assign(moved.state.logWeights)
    return { acceptance: tf.mean(moved.acceptance, 0) }
  }
}

/** Outputs of all steps, [steps, size] -> [size]. */
function meanOverSteps(values: Float32Array, size: number): Float32Array {
  const sums = new Float64Array(size)
  values.forEach((value, i) => {
    sums[i % size] = (sums[i % size] as number) + value
  })
  return Float32Array.from(sums, sum => (sum * size) / values.length)
}
