// Annealed importance sampling, where log p(x) is known.
import * as tf from '@tensorflow/tfjs'
import { Matrix } from 'ml-matrix'
import { beforeAll, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/backend.js'
import * as gaussian from '../../src/distributions/normal.js'
import { logJoint, logProb } from '../../src/models/factor-analysis/densities.js'
import { createFactorAnalysis, setParameters } from '../../src/models/factor-analysis/model.js'
import { estimateMean } from '../../src/numeric/means.js'
import { type HostKey, split, streamKey } from '../../src/random.js'
import { annealer } from '../../src/sampling/anneal-images.js'
import { aisStart, aisStep, temperatures } from '../../src/sampling/annealing.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { expectWithinErrors } from '../support/expectations.js'
import { imagesOf } from '../support/images.js'

let backend: Backend
beforeAll(async () => {
  backend = await useBackend()
})

const CHAINS = 2000

function problem() {
  const model = createFactorAnalysis({ features: 4, latentDim: 2 })
  const W = Matrix.from1DArray(
    4,
    2,
    Array.from({ length: 8 }, (_, i) => 1.5 * Math.sin(3 * i + 1)),
  )
  setParameters(model, { mu: Float64Array.of(0.5, -1, 0, 2), W, psi: Float64Array.of(0.3, 0.5, 0.2, 0.8) })
  const x = tf.tensor2d([0, 1, 2, 3, 1, -1, 0.5, 0, -0.3, 0.2, 0.1, 2.5], [3, 4])
  const likelihood = (z: tf.Tensor) => tf.sub(logJoint(model, x, z), gaussian.standardLogProb(z))
  return { likelihood, exact: logProb(model, x).dataSync<'float32'>() }
}

/** All temperatures in a row: log weights [chains, batch], and the mean acceptance. */
function annealAtOnce(
  likelihood: (z: tf.Tensor) => tf.Tensor,
  shape: readonly [chains: number, batch: number, latent: number],
  schedule: readonly number[],
  options: { stepSize: number; leapfrogSteps: number; jitter: number },
) {
  const [startKey, ...keys] = split(streamKey(1, 'ais'), schedule.length) as [HostKey, ...HostKey[]]
  let state = aisStart(startKey, shape)
  const acceptances = keys.map((stepKey, t) => {
    const [from, to] = [schedule[t] as number, schedule[t + 1] as number]
    const moved = aisStep(likelihood, state, stepKey, { to, rise: to - from }, options)
    state = moved.state
    return moved.acceptance
  })
  return { logWeights: state.logWeights, acceptance: tf.div(tf.addN(acceptances), keys.length) }
}

/** Per image: the mean weight with its error, both over p(x); and the mean log weight. */
function anneal(schedule: readonly number[]) {
  const { likelihood, exact } = problem()
  const options = { stepSize: 0.2, leapfrogSteps: 3, jitter: 0.2 }
  const { logWeights, acceptance } = annealAtOnce(likelihood, [CHAINS, 3, 2], schedule, options)
  const chains = logWeights.arraySync() as number[][]
  expect(tf.mean(acceptance).dataSync()[0]).toBeGreaterThan(0.7)
  return [...exact].map((logPx, image) => {
    const logs = chains.map(chain => (chain[image] as number) - logPx)
    return { ratio: estimateMean(logs.map(Math.exp)), elboGap: -estimateMean(logs).mean }
  })
}

test.each<[string, number[]]>([
  ['linear', Array.from({ length: 41 }, (_, t) => t / 40)],
  ['sigmoidal', temperatures(40)],
])('%s temperatures: the mean weight is p(x) within four standard errors', (_, schedule) => {
  for (const { ratio } of anneal(schedule)) {
    expect(ratio.standardError).toBeLessThan(0.1)
    expect(Math.abs(ratio.mean - 1)).toBeLessThan(4 * ratio.standardError)
  }
})

test('more temperatures tighten the mean log weight, which is a bound', () => {
  const gaps = [5, 20, 80].map(steps => anneal(temperatures(steps)).map(({ elboGap }) => elboGap))
  gaps.flat().forEach(gap => {
    expect(gap).toBeGreaterThan(0)
  })
  for (const image of [0, 1, 2]) {
    expect(gaps[1]?.[image]).toBeLessThan(0.6 * (gaps[0]?.[image] as number))
    expect(gaps[2]?.[image]).toBeLessThan(0.6 * (gaps[1]?.[image] as number))
  }
})

test('temperatures rise from 0 to 1', () => {
  const sigmoidal = temperatures(10)
  expect([sigmoidal[0], sigmoidal[5], sigmoidal[10]]).toEqual([0, 0.5, 1])
  sigmoidal.slice(1).forEach((value, i) => {
    expect(value).toBeGreaterThan(sigmoidal[i] as number)
  })
  expect((sigmoidal[1] as number) * 10).toBeLessThan(0.3)
})

test('many images, annealed batch by batch, get log p(x) within the stated errors, at the acceptance rate that was asked for', async () => {
  const [pixels, count] = [6, 11]
  const model = createFactorAnalysis({ features: pixels, latentDim: 2 })
  const W = Matrix.from1DArray(
    pixels,
    2,
    Array.from({ length: 12 }, (_, i) => 1.5 * Math.cos(5 * i + 1)),
  )
  setParameters(model, {
    mu: new Float64Array(pixels),
    W,
    psi: Float64Array.from({ length: pixels }, (_, i) => 0.2 + 0.1 * i),
  })
  const bytes = Uint8Array.from({ length: pixels * count }, (_, i) => 127 + 120 * Math.sin(i * i))
  const read = (batch: tf.Tensor) => tf.sub(tf.div(batch, 50), 2.5)
  const likelihood = (batch: tf.Tensor, z: tf.Tensor) =>
    tf.sub(logJoint(model, read(batch), z), gaussian.standardLogProb(z))
  const done: number[] = []
  const options = {
    temperatures: temperatures(60),
    chains: 50,
    chainsAtOnce: 200, // of four images
    leapfrogSteps: 3,
    jitter: 0.2,
    stepSize: 0.05, // too small: the pilot finds the right one
    targetAcceptance: 0.8,
  }
  const told = { key: streamKey(1, 'anneal'), onProgress: (images: number) => void done.push(images) }
  const annealing = annealer(likelihood, 2, options, { mode: fixedMode(backend) })
  const estimate = await annealing.run(imagesOf({ rows: 1, columns: pixels }, bytes), told)
  const { logPx, standardError, elbo, acceptance } = estimate
  const exact = logProb(model, read(tf.tensor2d(Float32Array.from(bytes), [count, pixels]))).dataSync()
  expect(done).toEqual([4, 8, 11])
  expect(logPx).toHaveLength(count)
  expect(Math.abs(acceptance - 0.8)).toBeLessThan(0.1)
  expectWithinErrors(logPx, exact, standardError)
  expect(estimateMean([...logPx].map((value, i) => value - (elbo[i] as number))).mean).toBeGreaterThan(0)
  expect(Math.max(...standardError)).toBeLessThan(0.5)

  // Nothing of a run is left for the next one.
  expect(await annealing.run(imagesOf({ rows: 1, columns: pixels }, bytes), told)).toEqual(estimate)
  annealing.dispose()
})
