// The library as a newcomer uses it: own arrays to a model, what the model says, files and back.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import * as elbo from '../../src/index.js'
import { uniformValues } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { commandLine } from '../support/command-line.js'
import { expectClose } from '../support/expectations.js'
import { temporaryFolder } from '../support/temporary-folder.js'

/** Grey images of vertical or horizontal bars, sorted by kind. */
function bars(count: number) {
  const noise = uniformValues([3, 4], count * 36)
  const data = Float32Array.from({ length: count * 36 }, (_, i) => {
    const [image, pixel] = [Math.floor(i / 36), i % 36]
    const line = image < count / 2 ? pixel % 6 : Math.floor(pixel / 6)
    return (line % 2 === 0 ? 0.8 : 0.1) + 0.1 * (noise[i] as number)
  })
  return { data, shape: [count, 6, 6] }
}

const small = { hidden: [16], latentDim: 2, epochs: 6, batchSize: 20, learningRate: 0.01, seed: 3 }
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length

beforeAll(() => useBackend('cpu'))

test('fits a VAE to own arrays, draws, encodes, decodes and measures them', async () => {
  const images = bars(240)
  const epochs: number[] = []
  const model = await elbo.fit(images, { ...small, onEpoch: ({ epoch }) => epochs.push(epoch) })
  expect(epochs).toEqual([1, 2, 3, 4, 5, 6])
  expect(model.history.map(({ validationImages }) => validationImages)).toEqual(Array(6).fill(40))
  const first = model.history[0]?.validationElbo as number
  const last = model.history.at(-1)?.validationElbo as number
  expect(last).toBeGreaterThan(first + 1)

  const drawn = await model.sample(5)
  expect([drawn.shape, drawn.data.length, drawn.z.length]).toEqual([[5, 6, 6], 180, 5])
  expect((await model.sample(5)).data).toEqual(drawn.data)
  expect((await model.sample(5, { seed: 2 })).data).not.toEqual(drawn.data)

  const codes = await model.encode(images)
  expect([codes.shape, codes.mean.length, codes.standardDeviation?.length]).toEqual([[240, 2], 480, 480])
  const decoded = await model.decode({ data: codes.mean, shape: [...codes.shape] })
  const again = await model.reconstruct(tf.tensor(images.data, [240, 6, 6]))
  expectClose(again.data, decoded.data, 0.5 / 255 + 1e-6)

  const bound = await model.elbo(images)
  const { values, standardError, by, samples } = await model.logProb(images, { samples: 50 })
  expect([bound.length, values.length, standardError?.length, by, samples]).toEqual([240, 240, 240, 'importance', 50])
  expect(mean(values)).toBeGreaterThan(mean(bound) - 0.1)
  const noise = { data: uniformValues([9, 9], 3600), shape: [100, 6, 6] }
  expect(mean(await model.elbo(noise))).toBeLessThan(mean(bound) - 2)
  model.dispose()
})

test('a model whose number of draws grew measures the same bound after it is loaded', async () => {
  const folder = temporaryFolder()
  const images = bars(60)
  const model = await elbo.fit(images, { ...small, objective: 'iwae', epochs: 2, samplesMilestones: [[1, 7]] })
  await model.save(join(folder, 'grown'))
  const loaded = await elbo.loadVae(join(folder, 'grown'))
  expect(await loaded.elbo(images)).toEqual(await model.elbo(images))
})

test('a saved model is a run: it loads equal, and every command reads it', async () => {
  const folder = temporaryFolder()
  const images = bars(240)
  const model = await elbo.fit(images, small)
  await model.save(join(folder, 'bars'))
  const loaded = await elbo.loadVae(join(folder, 'bars'))
  expect(loaded.history).toEqual(model.history)
  expect(await loaded.logProb(images, { samples: 20 })).toEqual(await model.logProb(images, { samples: 20 }))
  await loaded.save(join(folder, 'copy'))
  expect((await (await elbo.load(join(folder, 'copy'))).sample(3)).data).toEqual((await model.sample(3)).data)
  await expect(model.save(join(folder, 'bars'))).rejects.toThrow('already holds a run; choose another folder')
  const { succeed, refused } = commandLine()
  const here = ['--checkpoints', folder]
  succeed('check', 'bars', ...here)
  succeed('sample', 'bars', '--backend', 'cpu', ...here)
  expect(existsSync(join(folder, 'bars', 'images', 'samples.png'))).toBe(true)
  refused(
    1,
    'fitted to arrays in memory; give images in files with --data',
    'evaluate',
    'bars',
    '--backend',
    'cpu',
    ...here,
  )
})

test('a model with a learned prior is saved with it: draws and log p(x) are equal after loading', async () => {
  const prior = { prior: 'vamp', priorComponents: 5, kl: 'monte-carlo' } as const
  const model = await elbo.fit(bars(120), { ...small, ...prior, epochs: 2 })
  const folder = join(temporaryFolder(), 'fits')
  await model.save(folder)
  const loaded = await elbo.load(folder)
  const seen = async (one: elbo.FittedModel) => [
    (await one.sample(4)).z,
    (await one.logProb(bars(8), { samples: 5 })).values,
  ]
  expect(await seen(loaded)).toEqual(await seen(model))
  model.dispose()
  loaded.dispose()
})

test('the same call gives the same model, and the order of the images is no part of it', async () => {
  const a = await elbo.fit(bars(240), small)
  const b = await elbo.fit(bars(240), { ...small, onProgress: () => {} })
  expect((await a.sample(4)).data).toEqual((await b.sample(4)).data)
  // Sorted images: without a shuffle the held-out sixth would be of one kind.
  const codes = await a.elbo(bars(240))
  expect(Math.abs(mean(codes.subarray(0, 120)) - mean(codes.subarray(120)))).toBeLessThan(8)
})

describe.each([
  { model: 'bernoulli-mixture', components: 2, epochs: 20 },
  { model: 'gaussian-mixture', components: 2, epochs: 20 },
  { model: 'factor-analysis', latentDim: 2, epochs: 20 },
  { model: 'ppca', latentDim: 2, epochs: 20 },
] as const)('$model', options => {
  test('is fitted, measured exactly, saved and loaded', async () => {
    const folder = temporaryFolder()
    const images = bars(120)
    const model = await elbo.fit(images, options)
    const { values, by, standardError } = await model.logProb(images)
    expect([values.length, by, standardError]).toEqual([120, 'exact', undefined])
    expect(await model.elbo(images)).toEqual(values)
    expect((await model.sample(7)).shape).toEqual([7, 6, 6])
    expect((await model.reconstruct(images)).data).toHaveLength(120 * 36)
    await model.save(join(folder, 'run'))
    expect((await (await elbo.load(join(folder, 'run'))).logProb(images)).values).toEqual(values)
  })
})

test('images in colour come back in colour, from a file too', async () => {
  const folder = temporaryFolder()
  const data = Uint8Array.from({ length: 60 * 4 * 4 * 3 }, (_, i) => (i % 3 === 0 ? 200 : 20 * (i % 5)))
  const images = { data, shape: [60, 4, 4, 3] }
  const model = await elbo.fit(images, {
    ...small,
    epochs: 2,
    likelihood: 'discretized-logistic',
    binarize: 'none',
  })
  expect(model.image).toEqual({ rows: 4, columns: 4, channels: 3 })
  const drawn = await model.sample(5)
  expect([drawn.shape, drawn.data.length]).toEqual([[5, 4, 4, 3], 240])
  expect((await model.decode({ data: new Float32Array(2), shape: [1, 2] })).shape).toEqual([1, 4, 4, 3])
  await model.save(join(folder, 'colour'))
  const loaded = await elbo.load(join(folder, 'colour'))
  expect((await loaded.reconstruct(images)).shape).toEqual([60, 4, 4, 3])
  const grey = { data: new Uint8Array(16), shape: [1, 4, 4] }
  await expect(loaded.elbo(grey)).rejects.toThrow('images of 4x4 pixels, but the model has 4x4 in colour')
})

test('mean field measures under the posterior of its parameters', async () => {
  const model = await elbo.fit(bars(120), {
    model: 'bernoulli-mixture',
    method: 'mean-field',
    components: 3,
    epochs: 10,
  })
  expect((await model.logProb(bars(12))).by).toBe('predictive')
})

test('an aborted fit gives the model so far', async () => {
  const stop = new AbortController()
  const model = await elbo.fit(bars(240), {
    ...small,
    epochs: 500,
    signal: stop.signal,
    onEpoch: ({ epoch }) => epoch === 3 && stop.abort(),
  })
  expect(model.history).toHaveLength(3)
  expect((await model.sample(2)).data.every(Number.isFinite)).toBe(true)
})

test.each<[what: string, run: () => Promise<unknown>, message: string]>([
  [
    'a misspelt setting',
    () => elbo.fit(bars(60), { latentDims: 3 } as never),
    "fit: there is no setting 'latentDims'; did you mean 'latentDim'?",
  ],
  [
    'a wrong value',
    () => elbo.fit(bars(60), { latentDim: 0 }),
    'fit: latentDim: 0 was given; a whole number from 1 to 10000 was expected',
  ],
  [
    'a batch too large',
    () => elbo.fit(bars(60), { batchSize: 64 }),
    'fit: batchSize 64: there are only 50 training images',
  ],
  ['settings that conflict', () => elbo.fit(bars(60), { pixelVariance: 'learned' }), 'fit: pixelVariance'],
  [
    'a setting of files',
    () => elbo.fit(bars(60), { data: 'mnist' } as never),
    'fit: data is a setting of runs in files; leave it out',
  ],
  [
    'a setting of how files are read',
    () => elbo.fit(bars(60), { resize: '3x3' } as never),
    'fit: resize is a setting of runs in files; leave it out',
  ],
  [
    'an unknown model',
    () => elbo.fit(bars(60), { model: 'gan' } as never),
    'fit: model: "gan" was given; one of bernoulli-mixture',
  ],
  [
    'an unknown preset',
    () => elbo.fit(bars(60), { preset: 'huge' } as never),
    "fit: there is no preset 'huge'; use one of default",
  ],
  [
    'too few images',
    () => elbo.fit(bars(4)),
    'fit: 4 images are too few to hold out 0.17 of them; set validation: 0, or give validation images',
  ],
  [
    'no shape',
    () => elbo.fit(new Float32Array(36) as never),
    'images: the shape is undefined; [count, rows, columns] of grey images, or [count, rows, columns, 3] of colour',
  ],
  [
    'a flat shape',
    () => elbo.fit({ ...bars(60), shape: [60, 36] }),
    'images: the shape is [60,36]; [count, rows, columns]',
  ],
  [
    'a wrong length',
    () => elbo.fit({ ...bars(60), shape: [61, 6, 6] }),
    'images: 2160 values, but the shape [61,6,6] has 2196',
  ],
  [
    'bytes as floats',
    () => elbo.fit({ data: Float32Array.of(0, 255, 0, 0), shape: [1, 2, 2] }),
    'images: value 1 is 255; numbers from 0 to 1 were expected',
  ],
  [
    'NaN',
    () => elbo.fit({ data: Float32Array.of(Number.NaN, 0, 0, 0), shape: [1, 2, 2] }),
    'images: value 0 is NaN; numbers from 0 to 1 were expected',
  ],
  [
    'other sizes',
    () => elbo.fit(bars(60), { validation: { data: new Uint8Array(9), shape: [1, 3, 3] } }),
    'validation: images of 3x3 pixels, but the model has 6x6',
  ],
  ['no run', () => elbo.load(join(temporaryFolder(), 'none')), 'there is no run here (no config.json)'],
])('is one line: %s', async (_, run, message) => {
  const error = await run().catch((reason: unknown) => reason)
  expect(error).toHaveProperty('message', expect.stringContaining(message))
  expect((error as Error).message).not.toContain('\n')
  expect((error as Error).message).not.toMatch(/(^|\s)--[a-z]/)
})
