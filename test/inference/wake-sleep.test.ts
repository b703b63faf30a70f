// Wake-sleep: its two gradients, that it learns, and that it runs as every algorithm does.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { TrainingOptions } from '../../src/inference/gradient-ascent.js'
import { dream, logProbOfDreams, wakeSleep } from '../../src/inference/wake-sleep.js'
import { vae } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { createVae, initialize, namedWeights, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { elbo } from '../../src/objectives/elbo.js'
import { type HostKey, split, streamKey } from '../../src/random.js'
import { readRunSnapshot, restoreLearner } from '../../src/runs/trained-run.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { skipped } from '../support/native.js'
import { expectSameState, newRun, smallConfig, stopAfterFirstStep, trainSmall } from '../support/runs.js'
import { byteBatches, expectSameAsEager } from '../support/steps.js'
import { finiteDifference, gradientIn, threeImages as images, setWeights, smallVae, weightsOf } from '../support/vae.js'

beforeAll(() => useBackend())
afterEach(() => tf.disposeVariables())

const key = streamKey(1, 'test')
const options: TrainingOptions = {
  samples: 3,
  kl: 'analytic',
  binarize: 'static',
  optimizer: 'sgd',
  epsilon: 1e-7,
  beta1: 0.9,
  beta2: 0.999,
}
const schedule = { learningRate: 1, beta: 1, used: 3, first: 0 }

/** The keys that a step makes of its own: of the draws from q, and of the dreams. */
function phaseKeys(of: HostKey): [wake: HostKey, sleep: HostKey] {
  const [, noise] = split(of, 2) as [HostKey, HostKey]
  return split(noise, 2) as [HostKey, HostKey]
}

/** How one step of gradient ascent at rate 1 moves each weight of a network, which is the gradient; no weight stays moved. */
function moves(vae: Vae, part: 'encoder' | 'decoder'): { weight: tf.Variable; move: number[] }[] {
  const starts = new Map(weightsOf(vae).map(weight => [weight, weight.dataSync<'float32'>().slice()]))
  tf.tidy(() => void wakeSleep(vae, options).step(tf.mul(images(), 255), key, schedule))
  const moved = namedWeights(vae[part]).map(([, weight]) => {
    const [start, end] = [starts.get(weight) as Float32Array, weight.dataSync()]
    return { weight, move: Array.from(start, (value, i) => (end[i] as number) - value) }
  })
  for (const [weight, start] of starts) weight.assign(tf.tensor(start, weight.shape))
  return moved
}

test('the gradient in theta equals that of the ELBO with the same noise', () => {
  const vae = smallVae({ hidden: [5] })
  const [wakeKey] = phaseKeys(key)
  for (const { weight, move } of moves(vae, 'decoder')) {
    const gradient = gradientIn([weight], () => tf.mean(elbo(vae, images(), wakeKey, options).elbo))
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3)
    expectClose(move, gradient, 5e-6, weight.name)
  }
})

test('the gradient in phi agrees with finite differences of log q(z|x) on dreams', () => {
  const vae = smallVae({ hidden: [5] })
  const [, sleepKey] = phaseKeys(key)
  const dreams = dream(vae, sleepKey, 3 * options.samples)
  const value = () => tf.tidy(() => tf.mean(logProbOfDreams(vae, dreams)).dataSync()[0] as number)
  for (const { weight, move } of moves(vae, 'encoder')) {
    const slope = move.map((_, at) => finiteDifference(weight, at, value))
    expectClose(move, slope, 2e-3, weight.name)
    expect(Math.max(...move.map(Math.abs))).toBeGreaterThan(1e-2)
  }
})

test('dreams are draws of p(z) and p(x|z): their means agree within four standard errors', () => {
  const vae = createVae({ rows: 1, columns: 2, hidden: [3], latentDim: 1, activation: 'relu' })
  setWeights(vae.decoder, { 'logits/bias': tf.tensor1d([-1, 2]) })
  const { z, x } = dream(vae, key, 4000)
  const latents = z.dataSync()
  for (const [values, expected] of [
    [latents, 0],
    [latents.map(value => value ** 2), 1],
    [tf.slice(x, [0, 0], [4000, 1]).dataSync(), 1 / (1 + Math.E)],
    [tf.slice(x, [0, 1], [4000, 1]).dataSync(), 1 / (1 + Math.exp(-2))],
  ] as const) {
    const { mean, standardError } = estimateMean(values)
    expect(Math.abs(mean - expected)).toBeLessThan(4 * standardError)
  }
})

describe.skipIf(skipped !== '').each(['xla', 'graph'] as const)(`compiled by %s${skipped}`, mode => {
  test('ten steps give the variables and bounds of eager steps', async () => {
    const vae = createVae({ rows: 3, columns: 4, hidden: [6], latentDim: 2, activation: 'elu' })
    initialize(vae, streamKey(7, 'weights'))
    const { step } = wakeSleep(vae, { ...options, binarize: 'dynamic', optimizer: 'adam', samples: 1 })
    const schedules = Array.from({ length: 10 }, (_, i) => ({
      learningRate: 0.01 * 0.9 ** i,
      beta: 1,
      used: 8,
      first: 0,
    }))
    await expectSameAsEager(step, byteBatches(10, [8, 12]), schedules, mode)
  })
})

describe('in a run', () => {
  const changes: Partial<VaeConfig> = { objective: 'wake-sleep', epochs: 8 }

  test('the bound gets better, and a run stopped in the middle of a pass ends byte for byte as one that was not', async () => {
    const [whole, parts] = [newRun(), newRun()]
    const { history } = await trainSmall(whole, changes)
    expect(history.at(-1)?.validationElbo).toBeGreaterThan((history[0]?.validationElbo ?? 0) + 5)
    expect(await trainSmall(parts, changes, stopAfterFirstStep())).toMatchObject({
      ended: 'interrupted',
      position: { stepInEpoch: 1 },
    })
    await trainSmall(parts, changes, { resume: true })
    expectSameState(parts, whole)
  })

  test('its snapshot names its algorithm, and that of another algorithm is refused', async () => {
    const run = newRun()
    const short = { ...changes, epochs: 1 }
    await trainSmall(run, short)
    const { snapshot, path } = readRunSnapshot(run, 'latest')
    expect(snapshot.algorithm).toBe('wake-sleep')
    const config = await smallConfig(short)
    const learner = vae.create(config, { rows: 28, columns: 28, images: 0 })
    const settings = vae.settings.fixed(config)
    restoreLearner(learner, settings, snapshot, path)
    expect(() => restoreLearner(learner, settings, { ...snapshot, algorithm: 'vae' }, path)).toThrow(
      'latest/state.safetensors: metadata algorithm: was trained by vae, but config.json asks for wake-sleep',
    )
    learner.dispose()
  })
})
