// Discretized logistics: probabilities of the 256 levels that sum to 1, in grey and in colour, single and in mixtures.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import * as logistic from '../../src/distributions/discretized-logistic.js'
import { likelihoodOf } from '../../src/models/likelihoods.js'
import { countVaeWeights, createVae, decode, initialize, modelsOf } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { streamKey, uniformValues } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'

beforeAll(() => useBackend())

const key = streamKey(1, 'test')
const LEVELS = Float32Array.from({ length: 256 }, (_, v) => v / 255)

const sigmoid = (t: number) => 1 / (1 + Math.exp(-t))

/** log P of a level in double precision, from the definition where nothing cancels, otherwise by the density times the cell. */
function exactLog(v: number, m: number, s: number): number {
  const [upper, lower] = [(v / 255 + 1 / 510 - m) / s, (v / 255 - 1 / 510 - m) / s]
  const softplus = (t: number) => Math.max(t, 0) + Math.log1p(Math.exp(-Math.abs(t)))
  if (v === 0) return -softplus(-upper)
  if (v === 255) return -softplus(lower)
  if (Math.abs(upper) < 15) return Math.log(sigmoid(upper) - sigmoid(lower))
  const t = Math.abs((v / 255 - m) / s)
  return -t + Math.log(2 * Math.sinh(1 / (510 * s)))
}

describe.each([
  [0.5, -2],
  [0.1, -5],
  [0.999, -7],
  [0.3, 3],
  [-0.5, -1],
])('location %d, log scale %d', (m, logScale) => {
  const logs = () => logistic.logProb(tf.tensor1d(LEVELS), tf.scalar(m), tf.scalar(logScale)).dataSync<'float32'>()

  test('the probabilities of all levels sum to 1', () => {
    expect(logs().reduce((sum, log) => sum + Math.exp(log), 0)).toBeCloseTo(1, 4)
  })

  test('each is that of its cell', () => {
    const values = logs()
    for (const v of [0, 1, 25, 128, 200, 254, 255]) {
      const expected = exactLog(v, m, Math.exp(logScale))
      expect(Math.abs((values[v] as number) - expected)).toBeLessThan(1e-3 + 1e-4 * Math.abs(expected))
    }
  })

  test('draws are levels with these probabilities', () => {
    const drawn = logistic.sample(key, tf.fill([40_000], m), tf.scalar(logScale)).dataSync<'float32'>()
    expect(drawn.every(value => Math.abs(value * 255 - Math.round(value * 255)) < 1e-3)).toBe(true)
    const expected = logs().reduce((sum, log, v) => sum + (v / 255) * Math.exp(log), 0)
    const { mean, standardError } = estimateMean(drawn)
    expect(Math.abs(mean - expected)).toBeLessThan(4.5 * standardError + 1e-3)
  })
})

test('far from its location and at the smallest scale, values and gradients stay finite', () => {
  const gradient = tf.grads((m: tf.Tensor, s: tf.Tensor) => tf.sum(logistic.logProb(tf.tensor([0, 0.2, 1, 1]), m, s)))
  const tensors = gradient([tf.tensor([1, 1, 0, 1]), tf.tensor([-20, -20, -20, 30])])
  for (const tensor of tensors) expect([...tensor.dataSync()].every(Number.isFinite)).toBe(true)
})

/** log P of one pixel under a mixture of two: Salimans et al. 2017, equations 1 to 3. */
function mixtureLog(rgb: number[], logits: number[], outputs: number[]): number {
  const channels = rgb.length
  const at = (from: number, k: number, of: number) => outputs.slice(from + k * of, from + (k + 1) * of)
  const [offsets, scales, coefficients] = [2, 2 + 2 * channels, 2 + 4 * channels]
  const logWeights = [0, 1].map(
    k => (outputs[k] as number) - Math.log(Math.exp(outputs[0] as number) + Math.exp(outputs[1] as number)),
  )
  const terms = [0, 1].map(k => {
    const pairs = at(coefficients, k, (channels * (channels - 1)) / 2).map(Math.tanh)
    return rgb.reduce((sum, v, c) => {
      const dependence = rgb
        .slice(0, c)
        .reduce((all, earlier, i) => all + (pairs[(c * (c - 1)) / 2 + i] as number) * (earlier / 255 - 0.5), 0)
      const location = sigmoid(logits[c] as number) + (at(offsets, k, channels)[c] as number) + dependence
      return sum + exactLog(v, location, Math.exp((at(scales, k, channels)[c] as number) - 2))
    }, logWeights[k] as number)
  }) as [number, number]
  return Math.max(...terms) + Math.log1p(Math.exp(-Math.abs(terms[0] - terms[1])))
}

describe.each([1, 3])('a mixture of 2 over %d channels', channels => {
  const likelihood = likelihoodOf('discretized-logistic', { logistics: 2, channels })
  const size = likelihood.heads[1]?.size as number
  const outputs = (points: number, positions: number) => [
    tf.tensor2d(
      uniformValues(key, points * positions * channels).map(value => 4 * value - 2),
      [points, positions * channels],
    ),
    tf.tensor2d(
      uniformValues(streamKey(2, 'mixture'), points * positions * size).map(value => 2 * value - 1),
      [points, positions * size],
    ),
  ]

  test('has the probability of its definition, in double precision', () => {
    const heads = outputs(1, 1)
    const [logits, mixture] = heads.map(head => [...head.dataSync()]) as [number[], number[]]
    const colours = [
      [0, 0, 0],
      [255, 255, 255],
      [12, 130, 244],
      [90, 91, 92],
      [255, 0, 17],
    ].map(rgb => rgb.slice(0, channels))
    const found = likelihood
      .of(heads)
      .logProb(tf.tensor2d(colours.map(rgb => rgb.map(v => v / 255))))
      .dataSync()
    colours.forEach((rgb, i) => {
      const expected = mixtureLog(rgb, logits, mixture)
      expect(Math.abs((found[i] as number) - expected)).toBeLessThan(1e-3 + 1e-4 * Math.abs(expected))
    })
  })

  test('every image given every z is the same as pair by pair', () => {
    const heads = outputs(3, 4)
    const images = tf.tensor2d(
      uniformValues(key, 2 * 4 * channels).map(value => Math.round(255 * value) / 255),
      [2, 4 * channels],
    )
    const each = likelihood.of(heads).logProbOfEach(images).arraySync() as number[][]
    each.forEach((row, point) => {
      const alone = likelihood.of(heads.map(head => tf.slice(head, [point, 0], [1, -1])))
      const pair = alone.logProb(images).dataSync()
      expectClose(row, pair, 1e-3)
    })
  })

  test('draws levels whose mean is near that of the distribution', () => {
    const heads = outputs(1, 4).map(head => tf.tile(head, [5000, 1]))
    const drawn = likelihood.of(heads).sample(key)
    expect(drawn.shape).toEqual([5000, 4 * channels])
    const [means, expected] = [
      tf.mean(drawn, 0).dataSync(),
      tf.slice(likelihood.of(heads).mean, [0, 0], [1, -1]).dataSync(),
    ]
    // The stated mean clips locations instead of integrating the tails.
    expectClose(means, expected, 0.12)
  })
})

test.each([{ filters: null }, { filters: [4, 6] }, { filters: [4, 6, 8], residualBlocks: 1 }])(
  'networks of images of 7x10 in colour: $filters, $residualBlocks residual blocks',
  shape => {
    for (const logistics of [1, 3]) {
      const options = {
        rows: 7,
        columns: 10,
        channels: 3,
        hidden: [5],
        latentDim: 2,
        activation: 'elu',
        ...shape,
      } as const
      const vae = createVae({ ...options, likelihood: 'discretized-logistic', logistics })
      const parameters = [...modelsOf(vae).values()].reduce((sum, model) => sum + model.countParams(), 0)
      expect(countVaeWeights({ ...options, likelihood: 'discretized-logistic', logistics })).toBe(parameters)
      initialize(vae, key, new Float32Array(210).fill(0.4))
      const { mean, sample, logProb } = { ...decode(vae, tf.zeros([3, 2])), mean: decode(vae, tf.zeros([3, 2])).mean }
      expect([mean.shape, sample(key).shape]).toEqual([
        [3, 210],
        [3, 210],
      ])
      expect(logProb(tf.fill([3, 210], 102 / 255)).shape).toEqual([3])
      vae.dispose()
    }
  },
)

test('more convolutions than halvings are refused with the number that fits', () => {
  const shape = { rows: 7, columns: 10, hidden: [5], latentDim: 2, activation: 'elu', filters: [2, 2, 2, 2] } as const
  expect(() => createVae(shape)).toThrow('each of the 4 convolutions halves the image; images of 7x10 allow at most 3')
})
