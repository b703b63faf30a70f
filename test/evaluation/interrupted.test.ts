// Evaluations that are stopped keep the estimate over the images done so far and say so; and what evaluations say where little is known.
import { expect, test, vi } from 'vitest'
import { evaluateImportance } from '../../src/commands/evaluate/by-importance.js'
import { evaluateVae } from '../../src/evaluation/evaluate-vae.js'
import { measureGaps } from '../../src/evaluation/inference-gaps.js'
import { streamKey } from '../../src/random.js'
import { imagesOf } from '../support/images.js'
import { smallVae } from '../support/vae.js'
import { measuringOf } from './measuring.js'

const key = streamKey(1, 'test')

const someImages = (count: number) =>
  imagesOf(
    { rows: 2, columns: 2 },
    Uint8Array.from({ length: 4 * count }, (_, i) => (i % 3 === 0 ? 255 : 0)),
  )

test('stopped importance sampling keeps the finished batches, with the same value for each image', async () => {
  const [vae, images, stop] = [smallVae(), someImages(5), new AbortController()]
  const options = { batchSize: 2, key, mode: 'off' } as const
  const whole = await evaluateVae(vae, images, 10, options)
  const part = await evaluateVae(vae, images, 10, { ...options, signal: stop.signal, onProgress: () => stop.abort() })
  expect([whole?.images, part?.images, part?.logPx.count, part?.kl.count]).toEqual([5, 2, 2, 2])
  expect(part?.perImage.logPx).toEqual(whole?.perImage.logPx.slice(0, 2))
  expect(await evaluateVae(vae, images, 10, { ...options, signal: stop.signal })).toBeUndefined()
})

test('the number of active units is unknown from one image', async () => {
  const options = { batchSize: 2, key, mode: 'off' } as const
  const [one, two] = [
    await evaluateVae(smallVae(), someImages(1), 3, options),
    await evaluateVae(smallVae(), someImages(2), 3, options),
  ]
  expect([one?.activeUnits, one?.layers]).toEqual([null, [{ latentDim: 2, activeUnits: null }]])
  expect(two?.activeUnits).toEqual(expect.any(Number))
})

test('pixels that are no levels, too few of them, and no samples are refused', async () => {
  const options = { batchSize: 2, key, mode: 'off' } as const
  const [vae, images] = [smallVae(), someImages(3)]
  const pixels = Float32Array.from(images.pixels)
  pixels[5] = Number.NaN
  const broken = { ...images, pixels: pixels as unknown as Uint8Array }
  await expect(evaluateVae(vae, broken, 10, options)).rejects.toThrow('images: pixel 5 is NaN')
  await expect(measureGaps(vae, broken, { ...options, samples: 5, steps: 4 })).rejects.toThrow('images: pixel 5 is NaN')
  const short = { ...images, pixels: images.pixels.subarray(1) }
  await expect(evaluateVae(vae, short, 10, options)).rejects.toThrow(
    'images: 11 pixels; 3 images of this shape have 12',
  )
  await expect(evaluateVae(vae, { ...images, count: 0 }, 10, options)).rejects.toThrow('images: count is 0')
  for (const samples of [0, -1, 1.5, Number.NaN])
    await expect(evaluateVae(vae, images, samples, options)).rejects.toThrow(`samples is ${samples}`)
  await expect(evaluateVae(vae, images, 5, { ...options, defensive: 1 })).rejects.toThrow('defensive is 1')
})

test('stopped measuring of gaps keeps the finished batches', async () => {
  const [vae, stop] = [smallVae(), new AbortController()]
  const gaps = await measureGaps(vae, someImages(3), {
    ...{ batchSize: 2, key, mode: 'off', samples: 5, steps: 4, signal: stop.signal },
    onProgress: (done, total) => done >= total / 2 && stop.abort(),
  })
  expect([gaps?.images, gaps?.elbo.count, gaps?.logPx.encoder.count]).toEqual([2, 2, 2])
})

test('an interruption during the first call of a scan, which compiles, does not wait for it: nothing is measured', async () => {
  const [vae, stop] = [smallVae(), new AbortController()]
  const noise: typeof vae.latents.noise = (...shape) => {
    stop.abort()
    return vae.latents.noise(...shape)
  }
  const stopping = { ...vae, latents: { ...vae.latents, noise } }
  const options = { batchSize: 2, key, mode: 'off', signal: stop.signal } as const
  expect(await evaluateVae(stopping, someImages(3), 10, options)).toBeUndefined()
})

test('an interrupted evaluate prints its estimate, and says so and over how many images', async () => {
  const [vae, stop] = [smallVae(), new AbortController()]
  let [batches, now] = [0, 0]
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 1000 // every batch seems to take a second, so that each call of the scan is one batch
    return now
  })
  const noise: typeof vae.latents.noise = (...shape) => {
    if (++batches === 2) stop.abort()
    return vae.latents.noise(...shape)
  }
  const stopping = { ...vae, latents: { ...vae.latents, noise } }
  const asked = { about: '220 test images of small', signal: stop.signal }
  const { measuring, printed } = measuringOf(stopping, someImages(220), asked)
  const { json, interrupted } = await evaluateImportance(measuring, { samples: 3, defensive: 0, save: null })
  vi.restoreAllMocks()
  expect(interrupted).toBe(true)
  expect(json).toMatchObject({ images: 200, interrupted: true, logPx: { count: 200 } })
  expect(printed[0]).toBe('interrupted: the first 200 of 220 test images of small, 3 samples of z each')
  expect(printed.some(line => line.startsWith('log p(x)'))).toBe(true)
})

test.each([
  [2, 'gaussian', 'more --samples, --defensive 0.5 or --method ais'],
  [5, 'gaussian', 'more --samples or --method ais'],
  [5, 'bernoulli', 'more --samples'],
] as const)(
  'with %i latent dimensions, %s, the warning about few effective samples says: %s',
  async (latentDim, latents, advice) => {
    const vae = smallVae({ latentDim, latents, scale: 1000 })
    const { measuring, printed } = measuringOf(vae, someImages(3))
    await evaluateImportance(measuring, { samples: 200, defensive: 0, save: null })
    expect(printed.find(line => line.includes('effective sample size below 10'))).toMatch(
      new RegExp(`stated error; check with ${advice}$`),
    )
    expect(printed.find(line => line.startsWith('log p(x)'))).toContain('this error is too small, see the warning')
  },
)
