// Importance sampling from a mixture of q and the prior, where log p(x) is known, and where q alone misses it.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { gatherImages, type Images } from '../../src/data/images.js'
import { cutShares, sharesOf } from '../../src/evaluation/defensive.js'
import { type Evaluation, evaluateVae } from '../../src/evaluation/evaluate-vae.js'
import { type LatentName, latentFamilies } from '../../src/models/latents.js'
import { decode, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { streamKey } from '../../src/random.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { expectWithinErrors } from '../support/expectations.js'
import { imagesOf } from '../support/images.js'
import { linearGaussianVae, linearImages } from '../support/linear-gaussian-vae.js'
import { setWeights, smallVae } from '../support/vae.js'

let mode: 'graph' | 'off'

beforeAll(async () => {
  mode = fixedMode(await useBackend())
})

const key = streamKey(1, 'test')

async function evaluated(vae: Vae, images: Images, samples: number, defensive: number) {
  const options = { batchSize: images.count > 4 ? 100 : 2, key, mode, defensive }
  return (await evaluateVae(vae, images, samples, options)) as Evaluation
}

test('a linear-Gaussian VAE: with any share of the prior log p(x) is exact within four standard errors, over several batches', async () => {
  const { vae, exact, gap } = linearGaussianVae()
  const { x, ...images } = linearImages(6)
  const values = x.dataSync<'float32'>()
  const elbos = exact(x).map((value, i) => value - gap(values.slice(6 * i, 6 * i + 6)))
  for (const defensive of [0, 0.3, 0.9]) {
    const { perImage, elbo } = await evaluated(vae, images, 20_001, defensive)
    expect(Math.max(...perImage.standardError)).toBeLessThan(0.05)
    expectWithinErrors(perImage.logPx, exact(x), perImage.standardError)
    for (const [i, value] of elbos.entries()) expect(perImage.elbo[i]).toBeCloseTo(value, 1) // the ELBO of q, by whatever is drawn
    expect(elbo.count).toBe(6)
  }
})

/** A VAE whose q(z|x) lies where the posterior does not: every mean is moved by `away`. */
function misledVae(latents: LatentName, away: number): Vae {
  const vae = smallVae({ hidden: [5], scale: 2, latents })
  setWeights(vae.encoder, { [`${vae.latents.heads[0]}/bias`]: tf.fill([2], away) })
  if (latents === 'gaussian') setWeights(vae.encoder, { 'log_var/bias': tf.fill([2], -6) })
  return vae
}

const images = imagesOf({ rows: 2, columns: 2 }, Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0, 255, 255, 255, 255))

/** log p(x) of binary z with two entries: the mean of p(x|z) over all four. */
function enumerated(vae: Vae): ArrayLike<number> {
  const x = tf.div(tf.tensor2d([...images.pixels], [3, 4]), 255)
  const z = tf.tensor3d([0, 0, 0, 1, 1, 0, 1, 1], [4, 1, 2])
  return tf.logSumExp(tf.sub(decode(vae, tf.tile(z, [1, 3, 1])).logProb(x), Math.log(4)), 0).dataSync()
}

test('where the encoder misses the likely binary z, the mixture is exact within four standard errors and q alone is not', async () => {
  const vae = misledVae('bernoulli', 9)
  const exact = enumerated(vae)
  const [alone, mixed] = [await evaluated(vae, images, 400, 0), await evaluated(vae, images, 400, 0.5)]
  expectWithinErrors(mixed.perImage.logPx, exact, mixed.perImage.standardError)
  expect(Math.max(...Array.from(exact, (value, i) => value - (alone.perImage.logPx[i] as number)))).toBeGreaterThan(0.1)
})

test('the ELBO of q(z|x) is accurate even where sigma is tiny beside mu', async () => {
  const vae = misledVae('gaussian', 3.14)
  setWeights(vae.encoder, { 'log_var/bias': tf.fill([2], -50) })
  const [alone, mixed] = [await evaluated(vae, images, 4000, 0), await evaluated(vae, images, 4000, 0.5)]
  mixed.perImage.elbo.forEach((value, i) => {
    expect(Math.abs(value - (alone.perImage.elbo[i] as number))).toBeLessThan(0.2) // 1 without the noise
  })
})

test('the standard error of the mixture is the spread over independent estimates; that of a wrong q alone is far too small', async () => {
  const vae = misledVae('gaussian', 2)
  const copies = gatherImages(images, new Int32Array(400))
  const { perImage } = await evaluated(vae, copies, 200, 0.25)
  const { mean, standardError } = estimateMean(perImage.logPx)
  const spread = standardError * Math.sqrt(copies.count)
  const claimed = estimateMean(perImage.standardError).mean
  expect(spread / claimed).toBeGreaterThan(0.8) // the spread of 400 values is known to 4 %
  expect(spread / claimed).toBeLessThan(1.2)
  const alone = (await evaluated(vae, copies, 200, 0)).perImage
  expect(mean - estimateMean(alone.logPx).mean).toBeGreaterThan(4 * estimateMean(alone.standardError).mean)
})

test('draws are cut into pieces that add up to all of them, each from one component', () => {
  const shares = sharesOf(1001, 0.3)
  expect(shares).toEqual({ own: 701, prior: 300 })
  const { size, pieces } = cutShares(shares, 100)
  expect(pieces.every(({ used }) => used > 0 && used <= size)).toBe(true)
  const drawn = (from: number) =>
    pieces.filter(({ fromPrior }) => fromPrior === from).reduce((sum, { used }) => sum + used, 0)
  expect([drawn(0), drawn(1)]).toEqual([701, 300])
})

test.each(['gaussian', 'bernoulli'] as const)('an encoder that puts out zeros gives the prior: %s', name => {
  const { posterior, heads, noise, prior } = latentFamilies[name]
  const q = posterior(heads.map(() => tf.zeros([1, 3])))
  const { z, logPriorRatio } = q.at(noise(key, [50, 1, 3]))
  expect(Math.max(...tf.abs(logPriorRatio).dataSync())).toBeLessThan(1e-5)
  expect(Math.max(...tf.abs(tf.sub(prior.logProb(z), q.logProb(z))).dataSync())).toBeLessThan(1e-5)
})
