/**
 * Gradient ascent on a bound of log p(x) in the weights of encoder and decoder (auto-encoding variational Bayes, Kingma & Welling
 * 2013, algorithm 1): the ELBO or the importance-weighted bound, with any estimator of its gradient.
 */
import * as tf from '#tfjs'
import { allReduceMean, onOwnRows, ownRows } from '../collectives/all-reduce.js'
import { binarize, type Reading } from '../data/binarize.js'
import { readBatch } from '../models/conditional.js'
import { modelsOf, namedWeights, type Vae } from '../models/vae.js'
import { type Elbo, type ElboOptions, elbo } from '../objectives/elbo.js'
import { type ImportanceWeighted, importanceWeighted } from '../objectives/importance-weighted.js'
import { type HostKey, type Key, split } from '../random.js'
import type { BoundedAlgorithm } from './algorithm.js'
import type { Ascent } from './estimators/ascent.js'
import { type Baseline, type baselines, createBaseline } from './estimators/baselines.js'
import { doublyReparameterized, stickingTheLanding } from './estimators/path-derivative.js'
import { type PathwiseOptions, pathwiseElbo, pathwiseIwae } from './estimators/pathwise.js'
import { scoreElbo, scoreIwae } from './estimators/score-function.js'
import { createOptimizer, type OptimizerOptions } from './optimizer.js'

/** Training objectives for both networks: the ELBO, and IWAE_k with k = `samples`. */
export const bounds = ['elbo', 'iwae'] as const

/** See `estimators/`. */
export const estimators = ['pathwise', 'stl', 'dreg', 'score'] as const

export interface TrainingOptions extends ElboOptions, OptimizerOptions {
  binarize: Reading
}

export interface VaeTrainingOptions extends TrainingOptions, PathwiseOptions {
  objective: (typeof bounds)[number]
  estimator: (typeof estimators)[number]
  /** Used by the score-function estimator only. */
  baseline: (typeof baselines)[number]
}

/**
 * Trains `vae` on `objective` with `estimator`; `key` draws the initial weights of the baseline's network, if any.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const adam = { optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const
 * const bound = { objective: 'elbo', estimator: 'pathwise', baseline: 'none', samples: 1, kl: 'analytic', freeBits: 0 } as const
 * const algorithm = gradientAscent(vae, { ...adam, ...bound, binarize: 'dynamic' }, streamKey(1, 'baseline'))
 * const steps = scan(algorithm.step) // a batch of images [batch, pixels] in 0 … 255
 * const data = { data: new Uint8Array(50 * 2 * 4).fill(255), shape: [50, 2, 4], dtype: 'float32' } as const
 * const { elbo = [] } = await steps.run(data, { key: 1, schedules: () => ({ learningRate: 0.05, beta: 1, used: 2, first: 0 }) })
 * console.log((elbo[49] ?? 0) > (elbo[0] ?? 0)) // true
 */
export function gradientAscent(vae: Vae, options: VaeTrainingOptions, key: HostKey): BoundedAlgorithm {
  const baseline = createBaseline(options.estimator === 'score' ? options.baseline : 'none', vae.pixels, key)
  const bound = (model: Vae, x: tf.Tensor, noiseKey: Key) =>
    options.objective === 'iwae'
      ? importanceWeighted(model, x, noiseKey, options.samples)
      : elbo(model, x, noiseKey, options)
  ascentOf(vae, options, baseline) // refuses an estimator that does not fit
  return networkAscent(vae, options, { ascent: model => ascentOf(model, options, baseline), bound, baseline })
}

/** The gradient estimator for the options. Throws an `Error` if it does not fit the objective or the latents. */
export function ascentOf(
  vae: Vae,
  options: Pick<VaeTrainingOptions, 'objective' | 'estimator'> & PathwiseOptions,
  baseline: Baseline,
): Ascent {
  const { objective, estimator } = options
  if (!vae.latents.reparameterized && estimator !== 'score')
    throw new Error(`estimator ${estimator}: these latents are not reparameterized; use 'score'`)
  switch (`${objective} ${estimator}` as const) {
    case 'elbo pathwise':
      return pathwiseElbo(vae, options)
    case 'elbo stl':
      return stickingTheLanding(vae, options)
    case 'elbo score':
      return scoreElbo(vae, options, baseline)
    case 'iwae pathwise':
      return pathwiseIwae(vae, options)
    case 'iwae dreg':
      return doublyReparameterized(vae, options)
    case 'iwae score':
      return scoreIwae(vae, options, baseline)
    default:
      throw new Error(`estimator ${estimator}: not available for objective ${objective}`)
  }
}

/** The gradient that is ascended and the bound that is reported. */
export interface Learning {
  /**
   * Of the model, at the classes of this worker's rows of a batch if it is conditional; `whole` is the model at those of the whole batch. Steps
   * report its `bound`.
   */
  ascent(model: Vae, whole: Vae): Ascent
  /** The bound of each image in x [batch, pixels] without learning: [batch] each. */
  bound(model: Vae, x: tf.Tensor, key: Key): Elbo | ImportanceWeighted
  /** Learned together with the networks. */
  baseline?: Baseline
}

/** Gradient ascent with one optimizer on the weights of both networks and of the baseline. */
export function networkAscent(
  vae: Vae,
  options: TrainingOptions,
  { ascent: ascentOf, bound: boundOf, baseline }: Learning,
): BoundedAlgorithm {
  const models = modelsOf(vae)
  const named = (prefix: string, variables: Iterable<readonly [string, tf.Variable]>) =>
    [...variables].map(([name, variable]): [string, tf.Variable] => [`${prefix}/${name}`, variable])
  const weights = new Map([
    ...[...models].flatMap(([name, model]) => named(name, namedWeights(model))),
    ...named('baseline', baseline?.weights ?? []),
  ])
  const optimizer = createOptimizer(options, weights)
  return {
    variables: new Map([
      ...weights,
      ...named('baseline', baseline?.state ?? []),
      ...named('optimizer', optimizer.slots),
    ]),
    models,
    step: (batch, key, schedule) =>
      onOwnRows(() => {
        const [binarizeKey, noiseKey] = split(key, 2) as [Key, Key]
        const { x: grey, model: given } = readBatch(vae, batch)
        const x = ownRows(binarize(binarizeKey, grey, options.binarize)) // [batch, pixels]
        const model = given.y ? { ...given, y: ownRows(given.y) } : given
        const onTape = ascentOf(model, given)(x, noiseKey, schedule)
        let bound: Elbo | undefined
        optimizer.minimize(() => {
          const { ascended, bound: reported } = onTape()
          bound = keepAll(reported)
          return tf.neg(ascended) as tf.Scalar
        }, schedule.learningRate)
        return batchMeans(bound as Elbo)
      }),
    bound(batch, key) {
      const { x, model } = readBatch(vae, batch)
      return { ...boundOf(model, x, key) }
    },
    dispose() {
      optimizer.dispose()
      tf.dispose([...(baseline?.weights.values() ?? []), ...(baseline?.state.values() ?? [])])
    },
  }
}

// The gradient tape frees the tensors of its function, but the bound's terms are reported later.
const keepAll = <B extends Elbo | ImportanceWeighted>(bound: B): B => {
  for (const term of Object.values(bound)) tf.keep(term as tf.Tensor)
  return bound
}

function batchMeans(bound: Elbo): Record<string, tf.Tensor> {
  const names = Object.keys(bound)
  const means = Object.values(bound).map(perImage => {
    const mean = tf.mean(perImage as tf.Tensor)
    perImage.dispose()
    return mean
  })
  const overWorkers = allReduceMean(means)
  return Object.fromEntries(names.map((name, i) => [name, overWorkers[i] as tf.Tensor]))
}
