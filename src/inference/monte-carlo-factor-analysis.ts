/**
 * Monte Carlo EM (Wei & Tanner 1990) for factor analysis, where the exact answer is known: the expectations of the E step are means over
 * draws of z from p(z | x, theta); the M step stays in closed form.
 */
import * as tf from '@tensorflow/tfjs'
import {
  exactBound,
  type FactorAnalysis,
  logJoint,
  posteriorMean,
  readParameters,
  samplePosterior,
  setParameters,
} from '../models/factor-analysis.js'
import { type HostKey, type Key, split } from '../random.js'
import type { Algorithm } from './algorithm.js'
import { compensatedSums } from './compensated.js'
import {
  centre,
  expectedLogJoint,
  type FactorAnalysisOptions,
  gatherStatistics,
  maximize,
  usedMeans,
} from './factor-analysis-em.js'
import { gibbsStep } from './mcmc/gibbs.js'
import { type Run, runKernel, sample } from './mcmc/kernel.js'
import { persistentChains } from './mcmc/persistent-chains.js'
import { adaptiveStepSize } from './mcmc/step-size.js'

/** `direct` draws independently from the exact posterior. */
export const factorSamplers = ['direct', 'gibbs', 'metropolis', 'hmc'] as const

/** How the chains of every image move in a pass. */
export interface ChainOptions<Sampler> {
  sampler: Sampler
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

export interface MonteCarloFactorOptions extends FactorAnalysisOptions, ChainOptions<(typeof factorSamplers)[number]> {
  /** The first draws of each chain in a pass, which follow the change of theta, are left out of the expectations. */
  discard: number
}

export function monteCarloFactorAnalysis(
  model: FactorAnalysis,
  options: MonteCarloFactorOptions,
  key: HostKey,
): Algorithm {
  if (options.discard >= options.transitions)
    throw new Error(
      `Monte Carlo EM: of ${options.transitions} transitions ${options.discard} are discarded; keep one at least`,
    )
  const gathered = gatherStatistics(model)
  const chains = chainsOf(model.latentDim, options, key)
  return {
    variables: new Map([...model.variables, ...gathered.variables, ...chains.variables]),
    models: new Map(),
    step(batch, stepKey, { used, first }) {
      const x = options.read(batch)
      const mean = posteriorMean(model, x)
      const { draws, acceptance } = chains.move({ first, used }, stepKey, (z, runKey, stepSize) => {
        if (options.sampler === 'direct') return drawDirectly(model, mean, runKey, options)
        if (options.sampler === 'gibbs') return sweep(model, mean, z, runKey, options)
        return sample(at => logJoint(model, x, at), z, runKey, options.transitions, stepSize, {
          ...options,
          sampler: options.sampler,
        })
      })
      gathered.add(x, tf.concat(draws.slice(options.discard)), used)
      return { ...usedMeans(exactBound(model, x, mean), used), acceptance }
    },
    bound(batch) {
      const x = options.read(batch)
      return exactBound(model, x, posteriorMean(model, x))
    },
    async finishPass() {
      const old = await readParameters(model)
      const statistics = await gathered.take()
      const theta = setParameters(model, maximize(old, statistics, options))
      return {
        logJointAfterE: expectedLogJoint(old, statistics),
        logJointAfterM: expectedLogJoint(theta, centre(statistics)),
        noiseVariance: theta.psi.reduce((sum, value) => sum + value, 0) / model.features,
        ...(await chains.finishPass()),
      }
    },
    dispose: () => tf.dispose([...gathered.variables.values(), ...chains.variables.values()]),
  }
}

function drawDirectly(
  model: FactorAnalysis,
  mean: tf.Tensor,
  key: Key,
  { chains, transitions }: MonteCarloFactorOptions,
): Run {
  const draws = split(key, transitions).map(one => samplePosterior(model, one, mean, chains))
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
  const step = ({ z: at }: { z: tf.Tensor }, one: Key) => ({
    state: { z: gibbsStep(one, at, mean, model.sweep) },
    acceptance,
  })
  return runKernel({ start: from => ({ z: from }), step }, z, key, transitions)
}

/** The chains of all images, their step size and what a pass reports of them. */
export function chainsOf(latentDim: number, options: ChainOptions<string>, key: HostKey) {
  const persistent = persistentChains({ ...options, latentDim }, key)
  const stepSize = adaptiveStepSize(options.stepSize, options.targetAcceptance)
  const accepted = compensatedSums({ acceptance: [], images: [] })
  const passes = tf.tidy(() => tf.variable(tf.scalar(0), false))
  const parts = { chains: persistent.variables, step_size: stepSize.variables, accepted: accepted.variables }
  return {
    variables: new Map<string, tf.Variable>([
      ...Object.entries(parts).flatMap(([part, list]) =>
        [...list].map(([name, one]): [string, tf.Variable] => [`${part}/${name}`, one]),
      ),
      ['passes', passes],
    ]),
    /** Runs the chains of a batch from where they stand, by `run`; `acceptance` is the mean over its used images. */
    move(
      { first, used }: { first: number; used: number },
      key: Key,
      run: (z: tf.Tensor, key: Key, stepSize: tf.Tensor) => Run,
    ): Run {
      const { draws, acceptance } = run(persistent.take(first), key, stepSize.value())
      persistent.put(first, draws)
      const { mean } = usedMeans({ mean: tf.mean(acceptance, 0) }, used) as { mean: tf.Tensor }
      stepSize.adapt(mean, tf.cast(tf.less(passes, options.adaptPasses), 'float32'))
      accepted.add({ acceptance: tf.mul(mean, used), images: tf.scalar(used) })
      return { draws, acceptance: mean }
    },
    /** Mean acceptance, step size, ESS and R-hat of the pass that ends. */
    async finishPass(): Promise<Record<string, number>> {
      const { acceptance, images } = await accepted.read()
      accepted.reset()
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
