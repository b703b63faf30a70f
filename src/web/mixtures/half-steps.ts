/** EM of a mixture in half steps on images of a run, from a start of its own: the program's EM, begun anew. */
import * as tf from '#tfjs'
import type { About, ImagesOf } from '../../explore/protocol.js'
import { mixtureEm } from '../../inference/mixtures/em.js'
import type { MixtureAlgorithm } from '../../inference/mixtures/steps.js'
import { createBernoulliMixture } from '../../models/mixtures/bernoulli.js'
import { createGaussianMixture } from '../../models/mixtures/gaussian.js'
import { posterior, read, variable } from '../../models/mixtures/mixture.js'
import { permutation, streamKey } from '../../random.js'
import { type Api, path } from '../api.js'
import type { HalfStep } from '../chapters/numbers/mixture.js'
import { type LoadedFeatures, loadFeatures } from './features.js'
import type { RunTensors } from './run-tensors.js'

/** Images that EM sees at most, and the most components. */
export const [MOST_IMAGES, MOST_COMPONENTS] = [500, 12]

/** What is seen after a half step. */
export interface SeenMixture {
  step: HalfStep
  weights: readonly number[]
  /** The mean image of each component, in [0, 1]. */
  means: readonly Float32Array[]
  /** Σ_n q(z_n = k) of each component: how many images it holds; undefined before the first E step. */
  counts: Float32Array | undefined
}

export interface ImageEm {
  readonly images: number
  /** Training images, or test images where the page was exported without the others. */
  readonly split: Split
  readonly components: number
  start(): Promise<SeenMixture>
  eStep(): Promise<SeenMixture>
  mStep(): Promise<SeenMixture>
  dispose(): void
}

type Split = 'train' | 'test'

/** Levels of the first images of a split, as the model of the run reads them: [count, pixels]. */
async function levelsOf(api: Api, run: string, split: Split): Promise<tf.Tensor2D> {
  const { count, block, rows, columns, channels } = await api.get<ImagesOf>(
    path('runs', run, 'images', `${split}.json`),
  )
  const [used, pixels] = [Math.min(count, MOST_IMAGES), rows * columns * channels]
  const blocks = await Promise.all(
    Array.from({ length: Math.ceil(used / block) }, (_, b) =>
      api.bytes(path('runs', run, 'images', split, 'read', `${b}.bin`)),
    ),
  )
  const levels = new Float32Array(used * pixels)
  blocks.forEach((bytes, b) => {
    const rest = new Uint8Array(bytes).subarray(0, (used - b * block) * pixels)
    levels.set(rest, b * block * pixels)
  })
  return tf.tensor2d(levels, [used, pixels])
}

/** Opens EM with at most `MOST_COMPONENTS` components, started from random images. */
export async function openImageEm(api: Api, run: string, tensors: RunTensors, seed: number): Promise<ImageEm> {
  const { mode } = await api.get<About>('about.json')
  const split = mode === 'live' ? 'train' : 'test'
  const [features, levels] = await Promise.all([loadFeatures(tensors), levelsOf(api, run, split)])
  const [components = 1] = tensors.shape('weights')
  const count = Math.min(components, MOST_COMPONENTS)
  const x = tf.tidy(() => features.read(levels)) as tf.Tensor2D
  levels.dispose()
  const start = startValues(await x.array(), count, seed)
  const em = tensors.has('log_on') ? bernoulliEm(start, x) : gaussianEm(start, x)
  return stepper(em, x, { features, split })
}

interface Start {
  components: number
  pixels: number
  /** [components, pixels], each an image halfway to the mean of all. */
  means: Float64Array
  /** Of each pixel over the images. */
  variances: Float64Array
}

function startValues(rows: number[][], components: number, seed: number): Start {
  const pixels = rows[0]?.length ?? 0
  const mean = Float64Array.from(
    { length: pixels },
    (_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length,
  )
  const variances = mean.map(
    (value, i) => rows.reduce((sum, row) => sum + ((row[i] as number) - value) ** 2, 0) / rows.length,
  )
  const chosen = permutation(streamKey(seed, 'first images'), rows.length).subarray(0, components)
  const means = Float64Array.from({ length: components * pixels }, (_, i) => {
    const row = rows[chosen[Math.floor(i / pixels)] as number] as number[]
    return ((row[i % pixels] as number) + (mean[i % pixels] as number)) / 2
  })
  return { components, pixels, means, variances }
}

const equal = (components: number) => new Float64Array(components).fill(1 / components)

/** Pseudo-images of the prior of the pixels, and the floor of a variance in [0, 1]²: few images leave many pixels constant. */
const [PSEUDO, FLOOR] = [1.1, 0.01]

function bernoulliEm({ components, pixels, means }: Start, x: tf.Tensor): MixtureAlgorithm {
  const start = { weights: equal(components), means: means.map(mean => Math.min(0.95, Math.max(0.05, mean))) }
  const mixture = createBernoulliMixture({ components, pixels, start })
  const images = x.shape[0] as number
  return mixtureEm(mixture, { read: values => tf.clone(values), images, prior: { pixels: [PSEUDO, PSEUDO] } })
}

function gaussianEm({ components, pixels, means, variances }: Start, x: tf.Tensor): MixtureAlgorithm {
  const covariances = Float64Array.from(
    { length: components * pixels },
    (_, i) => (variances[i % pixels] as number) + FLOOR,
  )
  const start = { weights: equal(components), means, covariances }
  const mixture = createGaussianMixture({ components, pixels, covariance: 'diagonal', start })
  return mixtureEm(mixture, {
    read: values => tf.clone(values),
    images: x.shape[0] as number,
    prior: { varianceFloor: FLOOR },
  })
}

function stepper(
  em: MixtureAlgorithm,
  x: tf.Tensor2D,
  { features, split }: { features: LoadedFeatures; split: Split },
): ImageEm {
  const { mixture } = em
  const images = x.shape[0]
  const schedule = { learningRate: 0, beta: 1, used: images, first: 0 }
  let counts: Float32Array | undefined
  const logPx = () => oneValue(() => tf.mean(posterior(mixture, x).logProb))
  const seen = async (kind: HalfStep['kind'], elbo: number | undefined): Promise<SeenMixture> => {
    const shown = tf.tidy(() => features.show(variable(mixture, 'means')))
    const pixels = await shown.data<'float32'>()
    shown.dispose()
    const width = pixels.length / mixture.components
    return {
      step: { kind, elbo, logPx: await logPx() },
      weights: [...(await read(mixture, 'weights'))],
      means: Array.from({ length: mixture.components }, (_, k) => pixels.subarray(k * width, (k + 1) * width)),
      counts,
    }
  }
  return {
    images,
    split,
    components: mixture.components,
    start: () => seen('start', undefined),
    async eStep() {
      tf.dispose(tf.tidy(() => em.step(x, [0, 0], schedule)))
      const held = tf.tidy(() => tf.sum(posterior(mixture, x).responsibilities, 1))
      counts = await held.data<'float32'>()
      held.dispose()
      return seen('E', await logPx())
    },
    async mStep() {
      const { elboAfterM } = await em.finishPass()
      return seen('M', elboAfterM)
    },
    dispose() {
      em.dispose()
      mixture.dispose()
      features.dispose()
      x.dispose()
    },
  }
}

async function oneValue(compute: () => tf.Tensor): Promise<number> {
  const tensor = tf.tidy(compute)
  const [value = Number.NaN] = await tensor.data()
  tensor.dispose()
  return value
}
