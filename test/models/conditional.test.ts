// Conditional VAEs: p(x|y) recomputed in double precision, every estimator of it, and what a label tells that z cannot.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { scan } from '../../src/compile/scan.js'
import type { Images } from '../../src/data/images.js'
import { evaluateVae } from '../../src/evaluation/evaluate-vae.js'
import { measureEstimates } from '../../src/evaluation/gradient-estimates.js'
import { measureGaps } from '../../src/evaluation/inference-gaps.js'
import { quadrature } from '../../src/evaluation/quadrature.js'
import { annealSimulated } from '../../src/evaluation/simulated.js'
import type { BoundedAlgorithm } from '../../src/inference/algorithm.js'
import { gradientAscent } from '../../src/inference/gradient-ascent.js'
import { wakeSleep } from '../../src/inference/wake-sleep.js'
import { givenClass, givenClasses } from '../../src/models/conditional.js'
import { decoderLikelihood } from '../../src/models/decoder-likelihood.js'
import { decode, encode, namedWeights, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { streamKey } from '../../src/random.js'
import { annealer } from '../../src/sampling/anneal-images.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { expectClose, expectWithinErrors } from '../support/expectations.js'
import { imagesOf } from '../support/images.js'
import { annealingOf } from '../support/linear-gaussian-vae.js'
import { curvedVae, smallVae } from '../support/vae.js'

const CLASSES = 3
const SHAPE = { rows: 2, columns: 2 }
const key = streamKey(1, 'test')
let mode: 'graph' | 'off'

beforeAll(async () => {
  mode = fixedMode(await useBackend())
})

/** Every image of 2 x 2 binary pixels, of every class: 48 of them. */
function everyImage(): Images {
  const pixels = Uint8Array.from(
    { length: 16 * CLASSES * 4 },
    (_, i) => 255 * ((Math.floor(i / 4 / CLASSES) >> (i % 4)) & 1),
  )
  return { ...imagesOf(SHAPE, pixels), classes: new Uint8Array(16 * CLASSES).map((_, i) => i % CLASSES) }
}

/** log p(x|y) in double precision from the weights of a decoder with one hidden tanh layer: the trapezoid rule over one dimension of z. */
function logPxInFloat64(vae: Vae, { pixels, classes, count }: Images): number[] {
  const weights = new Map(namedWeights(vae.decoder).map(([name, value]) => [name, [...value.dataSync()]]))
  const at = (name: string) => weights.get(name) as number[]
  const dense = (input: readonly number[], name: string): number[] =>
    at(`${name}/bias`).map((bias, to, all) =>
      input.reduce((sum, value, from) => sum + value * (at(`${name}/kernel`)[from * all.length + to] as number), bias),
    )
  const points = Array.from({ length: 801 }, (_, i) => -8 + i / 50)
  return Array.from({ length: count }, (_, image) => {
    const x = [...pixels.subarray(4 * image, 4 * image + 4)].map(level => level / 255)
    const y = Array.from({ length: CLASSES }, (_, k) => (classes?.[image] === k ? 1 : 0))
    const sum = points.reduce((total, z) => {
      const logits = dense(dense([z, ...y], 'hidden_1').map(Math.tanh), 'logits')
      const logPxz = logits.reduce((log, l, i) => log + (x[i] as number) * l - Math.log1p(Math.exp(l)), 0)
      return total + Math.exp(logPxz - (z * z) / 2) / Math.sqrt(2 * Math.PI) / 50
    }, 0)
    return Math.log(sum)
  })
}

describe('log p(x|y) of every image of 2 x 2 pixels and every class', () => {
  const images = everyImage()
  const vae = () => curvedVae({ latentDim: 1, classes: CLASSES })

  test('is a distribution over the images of each class', () => {
    const logs = logPxInFloat64(vae(), images)
    const sums = [0, 1, 2].map(y => logs.reduce((sum, log, i) => sum + (i % CLASSES === y ? Math.exp(log) : 0), 0))
    expectClose(sums, [1, 1, 1], 1e-9)
    expect(Math.abs((logs[0] as number) - (logs[1] as number))).toBeGreaterThan(0.05) // the label matters
  })

  test('by quadrature is that of double precision', async () => {
    const model = vae()
    const { logPx, elbo, gap } = await quadrature(model, images, { side: 401, extent: 8, mode })
    expectClose(logPx, logPxInFloat64(model, images), 1e-4)
    expectClose(
      elbo.map((value, i) => value + (gap[i] as number)),
      logPx,
      1e-9,
    )
  })

  test('by importance sampling and by annealing is within four errors of it, over batches of images of all classes', async () => {
    const model = vae()
    const exact = logPxInFloat64(model, images)
    const sampled = await evaluateVae(model, images, 20_000, { batchSize: 10, key, mode })
    expect(sampled?.images).toBe(48)
    expectWithinErrors(sampled?.perImage.logPx ?? [], exact, sampled?.perImage.standardError ?? [])
    const { logLikelihood } = decoderLikelihood(model)
    const annealed = annealer(logLikelihood, 1, annealingOf(20, 200, 8), { mode })
    const { logPx, standardError } = await annealed.run(images, { key })
    expect(Math.max(...standardError)).toBeLessThan(0.2)
    expectWithinErrors(logPx, exact, standardError)
    annealed.dispose()
  })

  test('of its own images lies between the bounds of forward and reverse chains', async () => {
    const { forward, reverse } = await annealSimulated(vae(), 30, annealingOf(40, 20, 30), { key, mode })
    const gaps = reverse.logPx.map((value, i) => value - (forward.logPx[i] as number))
    const { mean, standardError } = estimateMean(gaps)
    expect(mean).toBeGreaterThan(-4 * standardError)
    expect(mean).toBeLessThan(0.3)
  })

  test('is above the ELBO by both parts of the gap', async () => {
    const asked = { samples: 500, steps: 50, batchSize: 24, key, mode }
    const gaps = await measureGaps(vae(), images, asked)
    expect(gaps?.images).toBe(48)
    expect(gaps?.logPx.meanField.mean).toBeCloseTo(estimateMean(logPxInFloat64(vae(), images)).mean, 1)
    expect(gaps?.amortizationGap.mean).toBeGreaterThan(0)
  })
})

test('both networks read the class: another one changes q(z|x, y) and p(x|z, y), and each image of a batch has its own', () => {
  for (const filters of [null, [2]] as const) {
    const vae = smallVae({ classes: CLASSES, rows: 4, columns: 4, ...(filters && { filters }) })
    const x = tf.tile(tf.tensor2d([[...Array(16).keys()].map(i => i % 2)]), [2, 1])
    const both = givenClasses(vae, tf.tensor1d([2, 0]))
    const one = [2, 0].map(number => givenClass(vae, number))
    const [modes, means] = [encode(both, x).mode, decode(both, tf.zeros([5, 2, 2])).mean]
    one.forEach((model, i) => {
      expectClose(modes.slice([i, 0], [1, 2]).dataSync(), encode(model, x.slice([0, 0], [1, 16])).mode.dataSync(), 1e-6)
      const { mean } = decode(model, tf.zeros([1, 2]))
      expectClose(means.slice([4, i, 0], [1, 1, 16]).dataSync(), mean.dataSync(), 1e-6)
    })
    const [first = [], second = []] = modes.arraySync() as number[][]
    expect(first).not.toEqual(second)
  }
})

describe('is refused in one line', () => {
  const { classes: _, ...unlabelled } = everyImage()

  test.each<[string, () => unknown, string]>([
    ['a model without a class', () => decode(smallVae({ classes: 3 }), tf.zeros([1, 2])), 'fix the class first'],
    ['a class of an unconditional model', () => givenClass(smallVae(), 0), 'not conditional'],
    [
      'images without classes',
      () => evaluateVae(smallVae({ classes: 3 }), unlabelled, 2, { batchSize: 2, key }),
      'have no classes',
    ],
    [
      'classes for an unconditional model',
      () => evaluateVae(smallVae(), everyImage(), 2, { batchSize: 2, key }),
      'not conditional',
    ],
    [
      'a class that the model lacks',
      () => evaluateVae(smallVae({ classes: 2 }), everyImage(), 2, { batchSize: 2, key }),
      'class 2 of image 2',
    ],
    ['a number of classes', () => smallVae({ classes: 0.5 }), 'classes is 0.5'],
  ])('%s', async (_, act, message) => {
    await expect(async () => act()).rejects.toThrow(message)
  })
})

/** The bound of images of one pattern a class, equally often, after some steps of a learning algorithm. */
async function learn(vae: Vae, create: (vae: Vae) => BoundedAlgorithm): Promise<number> {
  const pixels = Uint8Array.of(255, 255, 0, 0, 0, 0, 255, 255)
  const rows = vae.classes === undefined ? [...pixels] : [255, 255, 0, 0, 0, 0, 0, 255, 255, 1]
  const width = rows.length / 2
  const STEPS = 300
  const data = { data: new Uint8Array(STEPS * rows.length).map((_, i) => rows[i % rows.length] as number) }
  const algorithm = create(vae)
  const steps = scan(algorithm.step, { mode })
  const schedules = () => ({ learningRate: 0.05, beta: 1, used: 2, first: 0 })
  await steps.run({ ...data, shape: [STEPS, 2, width], dtype: 'float32' }, { key: 1, schedules })
  const copies = tf.tile(tf.tensor2d(rows, [2, width], 'float32'), [500, 1])
  const { elbo } = tf.tidy(() => algorithm.bound(copies, key))
  return estimateMean((elbo as tf.Tensor).dataSync<'float32'>()).mean
}

describe('where the label decides the image, log p(x|y) comes near 0, which -log 2 bounds without it', () => {
  const optimizer = { optimizer: 'adam', epsilon: 1e-7, beta1: 0.9, beta2: 0.999 } as const
  const options = {
    ...optimizer,
    estimator: 'pathwise',
    baseline: 'none',
    samples: 1,
    kl: 'analytic',
    freeBits: 0,
    binarize: 'static',
  } as const
  const ascent = (objective: 'elbo' | 'iwae') => (vae: Vae) => gradientAscent(vae, { ...options, objective }, key)

  test('by gradient ascent and by wake-sleep', async () => {
    expect(await learn(smallVae(), ascent('elbo'))).toBeLessThan(-Math.log(2) + 0.02)
    const conditional = () => smallVae({ classes: 2 })
    expect(await learn(conditional(), ascent('elbo'))).toBeGreaterThan(-0.1)
    expect(await learn(conditional(), ascent('iwae'))).toBeGreaterThan(-0.1)
    expect(await learn(conditional(), vae => wakeSleep(vae, { ...options }))).toBeGreaterThan(-0.2)
  })
})

test('estimators of the gradient agree', async () => {
  const wanted = (['pathwise', 'stl', 'score:none'] as const).map(
    estimate => ({ objective: 'elbo', estimate, samples: 1 }) as const,
  )
  const vae = smallVae({ classes: CLASSES })
  for await (const { estimate, encoder, decoder } of measureEstimates(vae, everyImage(), wanted, {
    draws: 400,
    seed: 1,
    kl: 'analytic',
    mode,
  }))
    for (const { agreement } of [encoder, decoder])
      if (agreement) expect(Math.abs(agreement.squaredZ - 1), estimate).toBeLessThan(6 * agreement.spread)
})
