// Encoding of images: those of the networks' own arithmetic in double precision, whatever the number of images, and those of mixtures and factors.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Outputs } from '../../src/compile/step.js'
import { firstImages, type ImageSet, levelsOf } from '../../src/data/images.js'
import { unitValues } from '../../src/data/levels.js'
import { type Encoding, encodeImages, vaeCodes } from '../../src/evaluation/codes.js'
import { dimensionSums } from '../../src/evaluation/dimensions.js'
import { methodOf } from '../../src/methods/list.js'
import { namedWeights } from '../../src/models/vae.js'
import { streamKey, uniformValues } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { imagesOf } from '../support/images.js'
import { smallVae } from '../support/vae.js'

beforeAll(async () => void (await useBackend()))

const SHAPE = { rows: 2, columns: 2 }
const bits = (count: number) =>
  imagesOf(
    SHAPE,
    Uint8Array.from(uniformValues(streamKey(5, 'bits'), 4 * count), value => (value < 0.5 ? 255 : 0)),
  )

/** All codes of a set, joined. */
async function codesOf(
  codes: Encoding,
  images: ImageSet,
  samples = 3,
): Promise<{ joined: Outputs; blocks: number[][] }> {
  const blocks: number[][] = []
  const parts: Outputs[] = []
  const options = { mode: 'off', key: streamKey(1, 'encode'), samples } as const
  const { images: done } = await encodeImages(codes, images, options, (outputs, from, count) => {
    blocks.push([from, count])
    parts.push(outputs)
  })
  expect(done).toBe(images.count)
  const names = Object.keys(parts[0] ?? {})
  const join = (name: string) => Float32Array.from(parts.flatMap(part => [...(part[name] ?? [])]))
  return { joined: Object.fromEntries(names.map(name => [name, join(name)])), blocks }
}

/** The layers of a network as an exported model holds them, in double precision: tanh between, none at the heads. */
function encodedByHand(vae: ReturnType<typeof smallVae>, x: ArrayLike<number>) {
  const weights = new Map(namedWeights(vae.encoder).map(([name, value]) => [name, [...value.dataSync()]]))
  const layer = (name: string, input: ArrayLike<number>) => {
    const [kernel = [], bias = []] = [weights.get(`${name}/kernel`), weights.get(`${name}/bias`)]
    return bias.map((b, j) => Array.from(input).reduce((sum, v, i) => sum + v * (kernel[i * bias.length + j] ?? 0), b))
  }
  const hidden = layer([...weights.keys()][0]?.split('/')[0] ?? '', x).map(Math.tanh)
  return { mean: layer('mu', hidden), logVar: layer('log_var', hidden) }
}

test('a VAE: mean, log variance and KL are those of its layers, one row an image', async () => {
  const vae = smallVae()
  const images = bits(5)
  const { joined } = await codesOf(vaeCodes(vae), images)
  for (let i = 0; i < 5; i++) {
    const { mean, logVar } = encodedByHand(vae, unitValues(levelsOf(images, i, i + 1)))
    const kl = mean.map((m, j) => (m * m + Math.exp(logVar[j] ?? 0) - 1 - (logVar[j] ?? 0)) / 2)
    for (const [name, values] of Object.entries({ mean, logVar, kl }))
      expectClose((joined[name] as Float32Array).subarray(2 * i, 2 * i + 2), values, 1e-6, `${name} of image ${i}`)
  }
  expect(joined.elbo).toHaveLength(5)
})

test('blocks of 10,000 images: every image once, in order, with the same codes and ELBO however many follow', async () => {
  const codes = vaeCodes(smallVae())
  const images = bits(10_120)
  const { pixels, ...shape } = images
  const stored = { ...shape, read: (from: number, to: number) => pixels.slice(4 * from, 4 * to) }
  const { joined, blocks } = await codesOf(codes, stored)
  expect(blocks).toEqual([
    [0, 10_000],
    [10_000, 120],
  ])
  const few = await codesOf(codes, firstImages(images, 10_020))
  for (const [name, values] of Object.entries(few.joined))
    expect(values, name).toEqual((joined[name] as Float32Array).subarray(0, values.length))
})

test('binary z have no log variance, and two latent layers no KL of single dimensions', async () => {
  const binary = await codesOf(vaeCodes(smallVae({ latents: 'bernoulli' })), bits(3))
  expect(Object.keys(binary.joined).sort()).toEqual(['elbo', 'kl', 'mean'])
  expect(binary.joined.mean?.every(p => p > 0 && p < 1)).toBe(true)
  const layered = await codesOf(vaeCodes(smallVae({ upperLatentDim: 1, upperHidden: [3] })), bits(3))
  expect(Object.keys(layered.joined).sort()).toEqual(['elbo', 'mean'])
  expect(layered.joined.mean).toHaveLength(9)
})

test('KL and variance of dimensions are those over all blocks', () => {
  const sums = dimensionSums(2)
  sums.add(Float32Array.of(0, 1, 2, 1), Float32Array.of(0.5, 3, 0.5, 1))
  sums.add(Float32Array.of(4, 1), Float32Array.of(2, 2))
  expect(sums.result()).toEqual([
    { dimension: 1, kl: 2, variance: 0, isActive: false },
    { dimension: 0, kl: 1, variance: 4, isActive: true },
  ])
})

describe('models of elbo em', () => {
  const dataset = () => {
    const train = { name: 'train', ...bits(40) } as const
    return {
      source: 'none',
      ...train,
      channels: 1,
      train,
      validation: train,
      test: train,
      sha256: '',
      warnings: [],
    } as never
  }

  test.each([
    ['bernoulli-mixture', { components: 3 }, 3],
    ['gaussian-mixture', { components: 3 }, 3],
    ['ppca', { latentDim: 2 }, 2],
  ])('%s', async (name, changes, width) => {
    const method = methodOf({ model: name })
    const config = { ...method.settings.resolve(), ...changes }
    const learner = method.create(config as never, { ...SHAPE, channels: 1, images: 40 })
    const data = dataset() as { train: never }
    await learner.initialize(data as never, () => data.train)
    const images = bits(40)
    const { joined } = await codesOf(learner.codes as Encoding, images)
    expect(joined.mean).toHaveLength(40 * width)
    const bounds = learner.bounds({ mode: 'off' })
    const { elbo } = await bounds.run(images, { batchSize: 40, key: streamKey(1, 'bound') })
    expectClose(joined.elbo as Float32Array, elbo as Float32Array, 1e-4, 'elbo')
    if (width === 3) {
      const sums = tf
        .tensor2d(joined.mean as Float32Array, [40, 3])
        .sum(1)
        .dataSync()
      expectClose(sums, new Float32Array(40).fill(1), 1e-5, 'sums of responsibilities')
    }
    bounds.dispose()
    learner.dispose()
  })
})
