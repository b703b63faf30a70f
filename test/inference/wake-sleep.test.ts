// Wake-sleep: what its two gradients are, that it learns, and that it runs as every algorithm does.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/backend.js'
import { openBackend } from '../../src/backends/candidates.js'
import type { TrainingOptions } from '../../src/inference/gradient-ascent.js'
import { dream, logProbOfDreams, wakeSleep } from '../../src/inference/wake-sleep.js'
import { resolveConfig, vae } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { createVae, initialize, namedWeights, type Vae } from '../../src/models/vae.js'
import { estimateMean } from '../../src/numeric/means.js'
import { elbo } from '../../src/objectives/elbo.js'
import { type HostKey, split, streamKey } from '../../src/random.js'
import { train } from '../../src/runs/train.js'
import { readRunSnapshot, restoreLearner } from '../../src/runs/trained-run.js'
import { smallMnist } from '../support/idx-file.js'
import { skipped } from '../support/native.js'
import { stopAfterFirstStep } from '../support/runs.js'
import { byteBatches, expectSameAsEager } from '../support/steps.js'

let backend: Backend
beforeAll(async () => {
  backend = (await openBackend('auto', { debug: false })).backend
})
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

function smallVae(): Vae {
  const vae = createVae({ rows: 2, columns: 2, hidden: [5], latentDim: 2, activation: 'tanh' })
  initialize(vae, streamKey(7, 'weights'))
  return vae
}

const images = () =>
  tf.tensor2d([
    [0, 1, 1, 0],
    [1, 1, 0, 0],
    [0, 0, 0, 1],
  ])

/** The keys that a step makes of its own: of the draws from q, and of the dreams. */
function phaseKeys(of: HostKey): [wake: HostKey, sleep: HostKey] {
  const [, noise] = split(of, 2) as [HostKey, HostKey]
  return split(noise, 2) as [HostKey, HostKey]
}

/** How one step of gradient ascent at rate 1 moves each weight of a network, which is the gradient; no weight stays moved. */
function moves(vae: Vae, part: 'encoder' | 'decoder'): { weight: tf.Variable; start: Float32Array; move: number[] }[] {
  const weights = [...namedWeights(vae.encoder), ...namedWeights(vae.decoder)].map(([, weight]) => weight)
  const starts = new Map(weights.map(weight => [weight, weight.dataSync<'float32'>().slice()]))
  tf.tidy(() => void wakeSleep(vae, options).step(tf.mul(images(), 255), key, schedule))
  const moved = namedWeights(vae[part]).map(([, weight]) => {
    const [start, end] = [starts.get(weight) as Float32Array, weight.dataSync()]
    return { weight, start, move: Array.from(start, (value, i) => (end[i] as number) - value) }
  })
  for (const [weight, start] of starts) weight.assign(tf.tensor(start, weight.shape))
  return moved
}

test("theta's gradient is that of the ELBO with the same noise", () => {
  const vae = smallVae()
  const changes = moves(vae, 'decoder')
  const [wakeKey] = phaseKeys(key)
  const { grads } = tf.variableGrads(
    () => tf.mean(elbo(vae, images(), wakeKey, options).elbo) as tf.Scalar,
    changes.map(({ weight }) => weight),
  )
  for (const { weight, move } of changes) {
    const gradient = grads[weight.name]?.dataSync() ?? []
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-3)
    move.forEach((value, i) => {
      expect(value).toBeCloseTo(gradient[i] as number, 5)
    })
  }
})

test("phi's gradient is that of log q(z|x) on dreams, by finite differences", () => {
  const vae = smallVae()
  const changes = moves(vae, 'encoder')
  const [, sleepKey] = phaseKeys(key)
  const dreams = dream(vae, sleepKey, 3 * options.samples)
  const value = () => tf.tidy(() => tf.mean(logProbOfDreams(vae, dreams)).dataSync()[0] as number)
  for (const { weight, start, move } of changes) {
    start.forEach((_, at) => {
      const [above, below] = [1e-2, -1e-2].map(delta => {
        weight.assign(
          tf.tensor(
            start.map((w, i) => (i === at ? w + delta : w)),
            weight.shape,
          ),
        )
        return value()
      }) as [number, number]
      expect(Math.abs((above - below) / 2e-2 - (move[at] as number))).toBeLessThan(2e-3)
    })
    weight.assign(tf.tensor(start, weight.shape))
    expect(Math.max(...move.map(Math.abs))).toBeGreaterThan(1e-2)
  }
})

test('dreams have the prior of z and the pixels of p(x|z): their means agree within four standard errors', () => {
  const vae = createVae({ rows: 1, columns: 2, hidden: [3], latentDim: 1, activation: 'relu' })
  const bias = Object.fromEntries(namedWeights(vae.decoder))['logits/bias']
  bias?.assign(tf.tensor1d([-1, 2]))
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

describe.skipIf(skipped !== '').each(['xla', 'graph'] as const)(`compiled by %s it is eager${skipped}`, mode => {
  test('variables and reported bound alike', async () => {
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

describe('as a run', () => {
  let base: Partial<VaeConfig>
  beforeAll(() => {
    const data = smallMnist(mkdtempSync(join(tmpdir(), 'elbo-mnist-')), 1200, 100)
    const compile = backend.name === 'tensorflow' ? 'graph' : 'off'
    const network = { batchSize: 50, hidden: [16], latentDim: 4, learningRate: 5e-3 }
    base = { data, objective: 'wake-sleep', ...network, epochs: 8, compile }
  })
  const folder = () => join(mkdtempSync(join(tmpdir(), 'elbo-run-')), 'run')
  const never = { signal: new AbortController().signal, progress() {} }
  const run = (to: string, resume = false, { signal, progress } = never) =>
    train({ folder: to, config: resolveConfig(base), resume, backend, signal, observer: { progress } })

  test('the bound gets better, and a run stopped in the middle of a pass ends byte for byte as one that was not', async () => {
    const [whole, parts] = [folder(), folder()]
    const { history } = await run(whole)
    expect(history.at(-1)?.validationElbo).toBeGreaterThan((history[0]?.validationElbo ?? 0) + 5)
    expect(await run(parts, false, stopAfterFirstStep())).toMatchObject({
      ended: 'interrupted',
      position: { stepInEpoch: 1 },
    })
    await run(parts, true)
    const state = (of: string) => readFileSync(join(of, 'latest', 'state.safetensors'))
    expect(state(parts).equals(state(whole))).toBe(true)
  })

  test('its snapshot names it, and one of another algorithm is refused', async () => {
    const to = folder()
    base = { ...base, epochs: 1 }
    await run(to)
    const { snapshot, path } = readRunSnapshot(to, 'latest')
    expect(snapshot.algorithm).toBe('wake-sleep')
    const config = resolveConfig(base)
    const learner = vae.create(config, { rows: 28, columns: 28, images: 0 })
    const settings = vae.settings.fixed(config)
    restoreLearner(learner, settings, snapshot, path)
    expect(() => restoreLearner(learner, settings, { ...snapshot, algorithm: 'vae' }, path)).toThrow(
      'latest/state.safetensors: metadata algorithm: was trained by vae, but config.json asks for wake-sleep',
    )
    learner.dispose()
  })
})
