// The two parts of the inference gap, on models whose log p(x) and best q(z) are known.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import { gatherImages } from '../../src/data/images.js'
import { type GapOptions, measureGaps } from '../../src/evaluation/inference-gaps.js'
import { createVae, decode, type Vae } from '../../src/models/vae.js'
import { streamKey } from '../../src/random.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { imagesOf } from '../support/images.js'
import { curvedVae, setWeights, weightsOf } from '../support/vae.js'

let options: GapOptions

beforeAll(async () => {
  const mode = fixedMode(await useBackend())
  options = { samples: 1000, steps: 300, batchSize: 32, key: streamKey(1, 'test'), mode }
})

/** `count` copies of one image: the standard error over them is that of the sampling alone. */
const copiesOf = (image: readonly number[], count: number) =>
  gatherImages(
    imagesOf(
      { rows: 2, columns: 2 },
      Uint8Array.from(image, value => 255 * value),
    ),
    new Int32Array(count),
  )

const BIAS = [0.5, -1, 2, 0]
const PARTITION = BIAS.reduce((sum, l) => sum + Math.log1p(Math.exp(l)), 0)

/** A decoder that ignores z, with logits `BIAS`, and an encoder that is wrong about it. */
function blindVae(): Vae {
  const vae = createVae({ rows: 2, columns: 2, hidden: [5], latentDim: 2, activation: 'relu' })
  setWeights(vae.decoder, { 'logits/bias': tf.tensor1d(BIAS) })
  setWeights(vae.encoder, { 'mu/bias': tf.tensor1d([1, -2]), 'log_var/bias': tf.tensor1d([0.3, -0.7]) })
  return vae
}

const SIDE = 161
const axis = Array.from({ length: SIDE }, (_, i) => -8 + (16 * i) / (SIDE - 1))
const cell = 16 / (SIDE - 1)

/** log p(x|z) on the grid `axis` x `axis`. */
function logLikelihoods(vae: Vae, image: readonly number[]): ArrayLike<number> {
  const z = tf.tensor2d(axis.flatMap(first => axis.map(second => [first, second])))
  return decode(vae, z)
    .logProb(tf.tensor1d([...image]))
    .dataSync()
}

const density = (z: number, mu: number, logVar: number) =>
  Math.exp(-0.5 * (Math.log(2 * Math.PI) + logVar + (z - mu) ** 2 / Math.exp(logVar)))

/** The sum over the grid of value(i) times the density of N(mu, exp(logVar)) there, times the cell. */
function expectation(value: (i: number) => number, [mu1, mu2, logVar1, logVar2]: readonly number[]): number {
  const weights = [axis.map(z => density(z, mu1 as number, logVar1 as number))]
  weights.push(axis.map(z => density(z, mu2 as number, logVar2 as number)))
  const [first, second] = weights as [number[], number[]]
  let sum = 0
  for (let i = 0; i < SIDE * SIDE; i++) {
    sum += value(i) * (first[Math.floor(i / SIDE)] as number) * (second[i % SIDE] as number)
  }
  return sum * cell * cell
}

/** The highest ELBO of a diagonal Gaussian, by quadrature and a pattern search over its four numbers. */
function bestElbo(logs: ArrayLike<number>): number {
  const elbo = (q: readonly number[]) => {
    const kl = [0, 1].map(i => 0.5 * ((q[i] as number) ** 2 + Math.exp(q[i + 2] as number) - (q[i + 2] as number) - 1))
    return expectation(i => logs[i] as number, q) - (kl[0] as number) - (kl[1] as number)
  }
  let best = { q: [0, 0, 0, 0], value: elbo([0, 0, 0, 0]) }
  for (let step = 0.5; step > 1e-3; ) {
    const around = best.q.flatMap((_, i) =>
      [step, -step].map(change => best.q.map((value, j) => (i === j ? value + change : value))),
    )
    const next = around.map(q => ({ q, value: elbo(q) })).reduce((a, b) => (b.value > a.value ? b : a))
    if (next.value > best.value) best = next
    else step /= 2
  }
  return best.value
}

test('where the decoder ignores z, so that the posterior is the prior, all of the gap is the amortization gap, KL(q || p)', async () => {
  const gaps = await measureGaps(blindVae(), copiesOf([0, 1, 1, 0], 48), options)
  const logPx = 1 - PARTITION
  const kl = 0.5 * (1 + Math.exp(0.3) - 0.3 - 1 + 4 + Math.exp(-0.7) + 0.7 - 1)
  expect(gaps?.images).toBe(48)
  expect(gaps?.logPx.meanField.mean).toBeCloseTo(logPx, 4)
  expect(gaps?.meanFieldElbo.mean).toBeCloseTo(logPx, 3)
  expect(Math.abs(gaps?.approximationGap.mean ?? 1)).toBeLessThan(1e-3)
  expect(Math.abs((gaps?.amortizationGap.mean ?? 0) - kl)).toBeLessThan(4 * (gaps?.amortizationGap.standardError ?? 0))
  expect(gaps?.amortizationGap.standardError).toBeLessThan(0.05 * kl)
})

test('in two dimensions log p(x) and the best ELBO agree with quadrature within four standard errors', async () => {
  const vae = curvedVae({ hidden: [5] })
  const image = [0, 1, 1, 0]
  const logs = logLikelihoods(vae, image)
  const exact = Math.log(expectation(i => Math.exp(logs[i] as number), [0, 0, 0, 0]))
  const best = bestElbo(logs)
  const gaps = await measureGaps(vae, copiesOf(image, 48), options)
  if (!gaps) throw new Error('measureGaps was stopped')
  const { elbo, meanFieldElbo, logPx, tighter, amortizationGap, approximationGap, gap } = gaps
  const distance = (mean: number, truth: number, error: number) => Math.abs(mean - truth) / error
  expect(distance(logPx[tighter].mean, exact, logPx[tighter].standardError)).toBeLessThan(4)
  expect(logPx[tighter].standardError / logPx[tighter].monteCarloError).toBeGreaterThan(0.5) // known to 10 %
  expect(logPx[tighter].standardError / logPx[tighter].monteCarloError).toBeLessThan(1.5)
  expect(meanFieldElbo.mean).toBeLessThan(best + 4 * meanFieldElbo.standardError)
  expect(meanFieldElbo.mean).toBeGreaterThan(best - 4 * meanFieldElbo.standardError - 2e-3) // as far as ascent comes
  expect(distance(approximationGap.mean, exact - best, approximationGap.standardError)).toBeLessThan(4)
  expect(exact - best).toBeGreaterThan(10 * approximationGap.standardError) // so that it is seen
  expect(amortizationGap.mean).toBeGreaterThan(20 * amortizationGap.standardError)
  expect(gap.mean).toBeCloseTo(logPx[tighter].mean - elbo.mean, 4)
  expect(gap.mean).toBeCloseTo(amortizationGap.mean + approximationGap.mean, 4)
})

test('the black images that fill up the last batch do not count, also in steps that are not compiled', async () => {
  const images = imagesOf({ rows: 2, columns: 2 }, Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0, 255, 0, 0, 255))
  const gaps = await measureGaps(blindVae(), images, { ...options, batchSize: 2, mode: 'off', steps: 30 })
  // sum of x l - log(1 + e^l) has x l = 1, -0.5 and 0.5
  if (!gaps) throw new Error('measureGaps was stopped')
  const { mean, monteCarloError, count } = gaps.logPx[gaps.tighter]
  expect(count).toBe(3)
  expect(Math.abs(mean - (1 / 3 - PARTITION))).toBeLessThan(4 * monteCarloError)
  expect(monteCarloError).toBeLessThan(0.05)
  expect(gaps.compile.mode).toBe('off')
})

test('measuring gaps leaves no tensors and changes no weights, and returns nothing when it is stopped', async () => {
  const vae = curvedVae({ hidden: [5] })
  const values = () => weightsOf(vae).map(weight => [...weight.dataSync()])
  const [before, tensors] = [values(), tf.memory().numTensors]
  const images = copiesOf([1, 1, 0, 0], 5)
  const progress: number[] = []
  const onProgress = (done: number, total: number) => void progress.push(done / total)
  await measureGaps(vae, images, { ...options, steps: 30, onProgress })
  expect(progress.at(-1)).toBe(1)
  const stop = new AbortController()
  const stopped = { ...options, steps: 300, signal: stop.signal, onProgress: () => stop.abort() }
  expect(await measureGaps(vae, images, stopped)).toBeUndefined()
  expect(values()).toEqual(before)
  expect(tf.memory().numTensors).toBe(tensors)
})
