/** Chains of annealed importance sampling for batches of one size; each step of `scan` is one temperature. */
import * as tf from '#tfjs'
import { type RepeatedBatch, type RepeatOptions, repeatBatch } from '../compile/repeat-batch.js'
import { type Scan, scan } from '../compile/scan.js'
import type { Choice, Outputs, ScanOptions } from '../compile/step.js'
import { type Density, standardNormal } from '../distributions/normal.js'
import { type Key, split } from '../random.js'
import { aisReverseStep, aisStart, aisStep } from './annealing.js'

/** Temperatures and HMC settings. */
export interface ChainMoves {
  /** 0 = b_0 < … < b_T = 1: see `temperatures`. */
  temperatures: readonly number[]
  leapfrogSteps: number
  jitter: number
  /** The pilot's initial step size and its target acceptance rate. */
  stepSize: number
  targetAcceptance: number
}

/** log p(x|z) in nats [chains, batch] of images [batch, pixels] in 0 … 255 and z [chains, batch, latent]. */
export type BatchLikelihood = (images: tf.Tensor, z: tf.Tensor) => tf.Tensor

/** A batch [size, pixels] and the key of its chains' noise. */
export type KeyedBatch = Omit<RepeatedBatch, 'size'>

/** The result of annealing one batch. */
export interface AnnealedBatch {
  /** [chains, size], flattened, in nats. */
  logWeights: Float32Array
  /** Mean over chains and temperatures: [size]. */
  acceptance: Float32Array
}

/** Results are undefined if the run was stopped early. */
export interface AnnealedChains {
  /** Adapts one step size per temperature; call it first. `forward` and `reverse` keep them fixed, as a valid estimate requires. */
  pilot(batch: KeyedBatch, repeating: RepeatOptions): Promise<void>
  /** Anneals from draws of the prior to the posterior: E[w] = p(x). */
  forward(batch: KeyedBatch, repeating: RepeatOptions): Promise<AnnealedBatch | undefined>
  /**
   * Anneals from draws z [size, latent] of the posterior to the prior: E[1/w] = 1/p(x). All chains of an image start at the same z, so
   * they are dependent.
   */
  reverse(batch: KeyedBatch, z: Float32Array, repeating: RepeatOptions): Promise<AnnealedBatch | undefined>
  readonly choice: Choice | undefined
  dispose(): void
}

/** The schedule of one step. In a pilot every step but the first sets its own step size. */
interface TemperatureStep {
  to: number
  rise: number
  starts: number
  stepSize: number
  pilot: number
}

/** Change of the pilot's log step size per temperature and unit of acceptance error. */
const PILOT_GAIN = 0.5

type Shape = readonly [chains: number, batch: number, latent: number]

type Moves = ChainMoves & { prior: Density }

export function annealedChains(
  logLikelihood: BatchLikelihood,
  shape: Shape,
  moves: ChainMoves,
  scanOptions: ScanOptions,
  prior: Density = standardNormal,
): AnnealedChains {
  const [, size, latent] = shape
  const state = chainVariables(shape)
  const forwardScan = scan<TemperatureStep>(forwardStep(logLikelihood, shape, { ...moves, prior }, state), scanOptions)
  let reverseScan: Scan<TemperatureStep> | undefined
  const initialStepSizes = moves.temperatures.slice(1).map(() => moves.stepSize)
  let stepSizes = initialStepSizes
  const run = async (
    steps: Scan<TemperatureStep>,
    { batch, key }: KeyedBatch,
    schedules: TemperatureStep[],
    repeating: RepeatOptions,
  ) => {
    const outputs = await repeatBatch(steps, { batch, size, key }, schedules, repeating)
    return outputs && { outputs, logWeights: await state.logWeights.data<'float32'>() }
  }
  const annealed = (done: { outputs: Outputs; logWeights: Float32Array } | undefined): AnnealedBatch | undefined =>
    done && { logWeights: done.logWeights, acceptance: meanOverSteps(done.outputs.acceptance as Float32Array, size) }
  return {
    async pilot(batch, repeating) {
      const done = await run(forwardScan, batch, temperatureSteps(moves.temperatures, initialStepSizes, 1), repeating)
      if (done) stepSizes = [...(done.outputs.stepSize as Float32Array)]
    },
    forward: async (batch, repeating) =>
      annealed(await run(forwardScan, batch, temperatureSteps(moves.temperatures, stepSizes, 0), repeating)),
    async reverse(batch, z, repeating) {
      tf.tidy(() => {
        state.z.assign(tf.tile(tf.tensor(z, [1, size, latent]), [shape[0], 1, 1]))
        state.logWeights.assign(tf.zerosLike(state.logWeights))
      })
      reverseScan ??= scan<TemperatureStep>(
        reverseStep(logLikelihood, { ...moves, prior }, state),
        forwardScan.choice ?? scanOptions,
      )
      const schedules = temperatureSteps(moves.temperatures, stepSizes, 0).reverse()
      return annealed(await run(reverseScan, batch, schedules, repeating))
    },
    get choice() {
      return forwardScan.choice
    },
    dispose: () => forwardScan.dispose({ dispose: () => (reverseScan ? reverseScan.dispose(state) : state.dispose()) }),
  }
}

function temperatureSteps(
  temperatures: readonly number[],
  stepSizes: readonly number[],
  pilot: number,
): TemperatureStep[] {
  return temperatures.slice(1).map((to, t) => ({
    to,
    rise: to - (temperatures[t] as number),
    starts: t === 0 ? 1 : 0,
    stepSize: stepSizes[t] as number,
    pilot,
  }))
}

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
  { leapfrogSteps, jitter, targetAcceptance, prior }: Moves,
  { z, logWeights, logStepSize }: ChainVariables,
) {
  return (
    x: tf.Tensor,
    key: Key,
    { to, rise, starts, stepSize, pilot }: TemperatureStep,
  ): Record<string, tf.Tensor> => {
    const [startKey, moveKey] = split(key, 2) as [Key, Key]
    const fresh = aisStart(startKey, shape, prior)
    const isStart = tf.greater(tf.scalar(starts), 0.5)
    const isPilot = tf.greater(tf.scalar(pilot), 0.5)
    const state = { z: tf.where(isStart, fresh.z, z), logWeights: tf.where(isStart, fresh.logWeights, logWeights) }
    const scheduled = tf.scalar(stepSize) as tf.Tensor
    const size = tf.where(tf.logicalAnd(isPilot, tf.logicalNot(isStart)), tf.exp(logStepSize), scheduled)
    const hmc = { stepSize: size, leapfrogSteps, jitter, prior }
    const moved = aisStep(at => logLikelihood(x, at), state, moveKey, { to, rise }, hmc)
    z.assign(moved.state.z)
    logWeights.assign(moved.state.logWeights)
    const error = tf.sub(tf.mean(moved.acceptance), targetAcceptance)
    logStepSize.assign(tf.add(tf.log(size), tf.mul(error, PILOT_GAIN)))
    return { acceptance: tf.mean(moved.acceptance, 0), stepSize: size }
  }
}

function reverseStep(
  logLikelihood: BatchLikelihood,
  { leapfrogSteps, jitter, prior }: Moves,
  { z, logWeights }: ChainVariables,
) {
  return (x: tf.Tensor, key: Key, { to, rise, stepSize }: TemperatureStep): Record<string, tf.Tensor> => {
    const hmc = { stepSize: tf.scalar(stepSize), leapfrogSteps, jitter, prior }
    const moved = aisReverseStep(at => logLikelihood(x, at), { z, logWeights }, key, { to, rise }, hmc)
    z.assign(moved.state.z)
    logWeights.assign(moved.state.logWeights)
    return { acceptance: tf.mean(moved.acceptance, 0) }
  }
}

/** The mean over steps: [steps, size] -> [size]. */
function meanOverSteps(values: Float32Array, size: number): Float32Array {
  const sums = new Float64Array(size)
  values.forEach((value, i) => {
    sums[i % size] = (sums[i % size] as number) + value
  })
  return Float32Array.from(sums, sum => (sum * size) / values.length)
}
