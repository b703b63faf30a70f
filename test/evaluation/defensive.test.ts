// Importance sampling from a mixture of q and the prior, where log p(x) is known, and where q alone misses it.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { gatherImages, type Images } from '../../src/data/images.js'
import { cutShares, sharesOf } from '../../src/evaluation/defensive.js'
import { type Evaluation, evaluateVae } from '../../src/evaluation/evaluate-vae.js'
import { type LatentName, latentFamilies } from '../../src/models/latents.js'
import { createVae, decode, initialize, namedWeights, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'
import { linearGaussianVae, linearImages } from '../support/linear-gaussian-vae.js'

let mode: 'graph' | 'off'

beforeAll(async () => {
  mode = (await useBackend()) === 'tensorflow' ? 'graph' : 'off'
})

const key = streamKey(1, 'test')

async function evaluated(vae: Vae, images: Images, samples: number, defensive: number) {
  const options = { batchSize: images.count > 4 ? 100 : 2, key, mode, defensive }
  return (await evaluateVae(vae, images, samples, options)) as Evaluation
}

test('a linear-Gaussian VAE: with either share of the prior log p(x) is exact within four standard errors, over several batches', async () => {
  const { vae, exact, gap } = linearGaussianVae()
  const { x, ...images } = linearImages(6)
  const values = x.dataSync<'float32'>()
  const elbos = exact(x).map((value, i) => value - gap(values.slice(6 * i, 6 * i + 6)))
  for (const defensive of [0, 0.3, 0.9]) {
    const { perImage, elbo } = await evaluated(vae, images, 20_001, defensive)
    exact(x).forEach((value, i) => {
      const error = perImage.standardError[i] as number
      expect(error).toBeLessThan(0.05)
      expect(Math.abs((perImage.logPx[i] as number) - value)).toBeLessThan(4 * error)
      expect(perImage.elbo[i]).toBeCloseTo(elbos[i] as number, 1) // the ELBO of q, by whatever is drawn
    })
    expect(elbo.count).toBe(6)
  }
})

/** q(z|x) of every image where the posterior is not: its mean is `away` from where the weights left it. */
function misledVae(latents: LatentName, away: number): Vae {
  const vae = createVae({ rows: 2, columns: 2, hidden: [5], latentDim: 2, activation: 'tanh', latents })
  initialize(vae, streamKey(7, 'weights'))
  for (const [, weight] of namedWeights(vae.decoder)) weight.assign(tf.mul(weight, 2))
  const weights = Object.fromEntries(namedWeights(vae.encoder))
  weights[`${vae.latents.heads[0]}/bias`]?.assign(tf.fill([2], away))
  weights['log_var/bias']?.assign(tf.fill([2], -6))
  return vae
}

const images = imagesOf({ rows: 2, columns: 2 }, Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0, 255, 255, 255, 255))

/** log p(x) of binary z with two entries: the mean of p(x|z) over all four. */
function enumerated(vae: Vae): ArrayLike<number> {
  const x = tf.div(tf.tensor2d([...images.pixels], [3, 4]), 255)
  const z = tf.tensor3d([0, 0, 0, 1, 1, 0, 1, 1], [4, 1, 2])
  return tf.logSumExp(tf.sub(decode(vae, tf.tile(z, [1, 3, 1])).logProb(x), Math.log(4)), 0).dataSync()
}

test('binary z that the encoder misses: the mixture is exact within four standard errors', async () => {
  const vae = misledVae('bernoulli', 9)
  const exact = enumerated(vae)
  const [alone, mixed] = [await evaluated(vae, images, 400, 0), await evaluated(vae, images, 400, 0.5)]
  Array.from(exact).forEach((value, i) => {
    expect(Math.abs((mixed.perImage.logPx[i] as number) - value)).toBeLessThan(
      4 * (mixed.perImage.standardError[i] as number),
    )
  })
  expect(Math.max(...Array.from(exact, (value, i) => value - (alone.perImage.logPx[i] as number)))).toBeGreaterThan(0.1)
})

test('the ELBO is that of q, however small its sigma beside its mean', async () => {
  const vae = misledVae('gaussian', 3.14)
  Object.fromEntries(namedWeights(vae.encoder))['log_var/bias']?.assign(tf.fill([2], -50))
  const [alone, mixed] = [await evaluated(vae, images, 4000, 0), await evaluated(vae, images, 4000, 0.5)]
  mixed.perImage.elbo.forEach((value, i) => {
    expect(Math.abs(value - (alone.perImage.elbo[i] as number))).toBeLessThan(0.2) // 1 without the noise
  })
})

test('the standard error of the mixture is the spread over independent estimates; that of a misled q is far too small', async () => {
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

test('draws in pieces: all of them, each from its component', () => {
  const shares = sharesOf(1001, 0.3)
  expect(shares).toEqual({ own: 701, prior: 300 })
  const { size, pieces } = cutShares(shares, 100)
  expect(pieces.every(({ used }) => used > 0 && used <= size)).toBe(true)
  const drawn = (from: number) =>
    pieces.filter(({ fromPrior }) => fromPrior === from).reduce((sum, { used }) => sum + used, 0)
  expect([drawn(0), drawn(1)]).toEqual([701, 300])
})

test.each(['gaussian', 'bernoulli'] as const)('heads of zeros give the prior: %s', name => {
  const { posterior, heads, noise, prior } = latentFamilies[name]
  const q = posterior(heads.map(() => tf.zeros([1, 3])))
  const { z, logPriorRatio } = q.at(noise(key, [50, 1, 3]))
  expect(Math.max(...tf.abs(logPriorRatio).dataSync())).toBeLessThan(1e-5)
  expect(Math.max(...tf.abs(tf.sub(prior.logProb(z), q.logProb(z))).dataSync())).toBeLessThan(1e-5)
})
