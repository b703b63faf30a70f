/**
 * Monte Carlo EM (Wei & Tanner 1990) for factor analysis, whose exact solution is known. The E step's expectations are means over draws
 * of z from p(z | x, theta); the M step is in closed form.
 */
import * as tf from '#tfjs'
import { usedMeans } from '../../data/used-images.js'
import { boundAt, infer, logJoint, samplePosterior } from '../../models/factor-analysis/densities.js'
import { type FactorAnalysis, readParameters, setParameters } from '../../models/factor-analysis/model.js'
import { type HostKey, type Key, split } from '../../random.js'
import { gibbsStep } from '../../sampling/gibbs.js'
import { type ChainOptions, imageChains, type Sampler } from '../../sampling/image-chains.js'
import { type Run, runKernel, sample } from '../../sampling/kernel.js'
import type { BoundedAlgorithm } from '../algorithm.js'
import {
  addSpread,
  expectedLogJoint,
  type FactorAnalysisOptions,
  gatherStatistics,
  maximize,
  moveTo,
  sampledSums,
} from './em.js'

/** `direct` draws independently from the exact posterior. */
export const factorSamplers = ['direct', 'gibbs', 'metropolis', 'hmc'] as const

export interface MonteCarloFactorOptions extends FactorAnalysisOptions, ChainOptions<(typeof factorSamplers)[number]> {
  /** Draws of each chain that are discarded at the start of a pass, while the chains follow the change of theta. */
  discard: number
}

/**
 * `key` draws the initial positions of the chains. `finishPass` returns E_q[log p(x, z)] after each half step, in nats per image, and the
 * chains' diagnostics. Throws an `Error` if all draws are discarded.
 *
 * @example
 * const model = createFactorAnalysis({ features: 4, latentDim: 2 })
 * initializeFactorAnalysis(model, streamKey(1, 'start'), {
 *   mean: [0.5, 1, 0.5, 0],
 *   variance: [0.2, 0.1, 0.2, 0.1],
 *   noise: 'diagonal',
 *   varianceFloor: 1e-3,
 * })
 * const chains = { transitions: 2, chains: 2, images: 2, batchSize: 2, judged: 2, stepSize: 0.1, targetAcceptance: 0.9, adaptPasses: 1, leapfrogSteps: 3, jitter: 0.2 }
 * const options = { read: (batch: tf.Tensor) => tf.div(batch, 255), noise: 'diagonal', varianceFloor: 1e-3, discard: 0 } as const
 * const em = monteCarloFactorAnalysis(model, { ...chains, ...options, sampler: 'gibbs' }, streamKey(1, 'chains'))
 * const schedule = { learningRate: 0.01, beta: 1, used: 2, first: 0 }
 * const batch = tf.tensor2d([[0, 255, 255, 0], [255, 255, 0, 0]]) // levels 0 … 255
 * tf.tidy(() => em.step(batch, streamKey(1, 'step'), schedule)) // draws of z for each image
 * console.log(Object.keys((await em.finishPass?.()) ?? {}).length > 0) // true
 */
export function monteCarloFactorAnalysis(
  model: FactorAnalysis,
  options: MonteCarloFactorOptions,
  key: HostKey,
): BoundedAlgorithm {
  checkDiscard(options)
  const gathered = gatherStatistics(model)
  const chains = imageChains(model.latentDim, options, key)
  return {
    variables: new Map([...model.variables, ...gathered.variables, ...chains.variables]),
    models: new Map(),
    parts: { sums: [gathered.sums, ...chains.parts.sums], rows: chains.parts.rows },
    step(batch, stepKey, { used, first }) {
      const x = options.read(batch)
      const inferred = infer(model, x)
      const { draws, acceptance } = chains.move(
        { first, used, size: batch.shape[0] as number },
        stepKey,
        samplerOf(model, x, inferred.mean, options),
      )
      gathered.add(sampledSums(model, x, tf.concat(draws.slice(options.discard)), used))
      return { ...usedMeans(boundAt(model, inferred), used), acceptance }
    },
    bound: batch => boundAt(model, infer(model, options.read(batch))),
    async finishPass() {
      const old = await readParameters(model)
      const { sums, spread } = await gathered.take()
      const statistics = addSpread(sums, old, spread)
      const theta = setParameters(model, maximize(old, statistics, options))
      return {
        logJointAfterE: expectedLogJoint(old, statistics),
        logJointAfterM: expectedLogJoint(theta, moveTo(theta, old, statistics)),
        noiseVariance: theta.psi.reduce((sum, value) => sum + value, 0) / model.features,
        ...(await chains.finishPass()),
      }
    },
    dispose() {
      gathered.dispose()
      tf.dispose([...chains.variables.values()])
    },
  }
}

function checkDiscard({ discard, transitions }: MonteCarloFactorOptions): void {
  if (discard >= transitions)
    throw new Error(`Monte Carlo EM: cannot discard ${discard} of ${transitions} transitions; keep at least one`)
}

/** The sampler of p(z | x) for images x [batch, features]; `mean` is the exact posterior mean [batch, latent]. */
function samplerOf(model: FactorAnalysis, x: tf.Tensor, mean: tf.Tensor, options: MonteCarloFactorOptions): Sampler {
  const { sampler, transitions } = options
  if (sampler === 'direct') return (_, key) => drawDirectly(model, mean, key, options)
  if (sampler === 'gibbs') return (z, key) => sweep(model, mean, z, key, options)
  const target = (z: tf.Tensor) => logJoint(model, x, z)
  return (z, key, stepSize) => sample(target, z, key, transitions, stepSize, { ...options, sampler })
}

function drawDirectly(
  model: FactorAnalysis,
  mean: tf.Tensor,
  key: Key,
  { chains, transitions }: MonteCarloFactorOptions,
): Run {
  const draws = split(key, transitions).map(drawKey => samplePosterior(model, drawKey, mean, chains))
  return { draws, acceptance: tf.ones([chains, mean.shape[0] as number]) }
}

function sweep(
  model: FactorAnalysis,
  mean: tf.Tensor,
  z: tf.Tensor,
  key: Key,
  { transitions }: MonteCarloFactorOptions,
): Run {
  const acceptance = tf.ones(z.shape.slice(0, -1))
  const step = (state: { z: tf.Tensor }, stepKey: Key) => ({
    state: { z: gibbsStep(stepKey, state.z, mean, model.sweep) },
    acceptance,
  })
  return runKernel({ start: from => ({ z: from }), step }, z, key, transitions)
}
