// Monte Carlo EM for factor analysis: its estimates approach exact EM's as draws grow, whatever the sampler.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/backend.js'
import { exactFactorAnalysis } from '../../src/inference/factor-analysis/em.js'
import {
  type factorSamplers,
  type MonteCarloFactorOptions,
  monteCarloFactorAnalysis,
} from '../../src/inference/factor-analysis/monte-carlo.js'
import {
  createFactorAnalysis,
  initializeFactorAnalysis,
  readParameters,
} from '../../src/models/factor-analysis/model.js'
import { keyAt, streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { readReference } from '../support/reference.js'
import { passes } from './passes.js'

let backend: Backend
beforeAll(async () => {
  backend = await useBackend()
})

const { x } = readReference('factor-analysis').small
const rows = { x: Float32Array.from(x as number[]), pixels: 6 }
const key = streamKey(1, 'monte carlo')
const mean = Float64Array.from([0, 1, 2, 3, 4, 5], feature =>
  x.reduce((sum: number, value: number, at: number) => sum + (at % 6 === feature ? value / 300 : 0), 0),
)
const exact = { read: (batch: tf.Tensor) => batch, noise: 'diagonal' as const, varianceFloor: 1e-6 }

function startModel() {
  const model = createFactorAnalysis({ features: 6, latentDim: 2 })
  initializeFactorAnalysis(model, streamKey(1, 'start'), {
    mean,
    variance: new Float64Array(6).fill(1),
    noise: 'diagonal',
    varianceFloor: 0,
  })
  return model
}

const options = (
  sampler: (typeof factorSamplers)[number],
  changes: Partial<MonteCarloFactorOptions> = {},
): MonteCarloFactorOptions => ({
  ...exact,
  sampler,
  images: 300,
  batchSize: 100,
  chains: 4,
  transitions: 10,
  discard: 4,
  judged: 20,
  stepSize: 0.5,
  targetAcceptance: sampler === 'hmc' ? 0.8 : 0.4,
  adaptPasses: 20,
  leapfrogSteps: 3,
  jitter: 0.2,
  ...changes,
})

/** theta after so many passes of an algorithm on a model of its own. */
async function estimate(passCount: number, changes?: MonteCarloFactorOptions, run = key) {
  const model = startModel()
  const algorithm = changes ? monteCarloFactorAnalysis(model, changes, run) : exactFactorAnalysis(model, exact)
  const loop = passes(algorithm, rows, { batchSize: changes?.batchSize ?? 100, from: run })
  let last = await loop.run()
  for (let i = 1; i < passCount; i++) last = await loop.run()
  const { W, psi } = await readParameters(model)
  algorithm.dispose()
  model.dispose()
  return { values: [...W.to1DArray(), ...psi], last }
}

const distance = (a: number[], b: number[]) => Math.hypot(...a.map((value, i) => value - (b[i] as number)))

test('with direct draws the error of one M step falls as one over the square root of the number of draws', async () => {
  const { values: truth } = await estimate(1)
  const counts = [1, 8, 64]
  const errors: number[] = []
  for (const transitions of counts) {
    const runs = []
    for (let i = 0; i < 12; i++) {
      const changes = options('direct', { transitions, discard: 0, chains: 1, batchSize: 300 })
      runs.push(distance((await estimate(1, changes, keyAt(key, i))).values, truth) ** 2)
    }
    errors.push(Math.sqrt(runs.reduce((sum, value) => sum + value, 0) / runs.length))
  }
  // Each root mean square of 12 runs of 18 numbers is known to a tenth; over log 64 the slope, to 0.04.
  const slope = Math.log((errors[2] as number) / (errors[0] as number)) / Math.log(64)
  expect(Math.abs(slope + 0.5)).toBeLessThan(0.15)
})

test.each(['direct', 'gibbs', 'metropolis', 'hmc'] as const)(
  '%s: ends near the estimate of exact EM, and reports how well its chains mix',
  async sampler => {
    const passCount = 25
    const truth = await estimate(passCount)
    const { values, last } = await estimate(passCount, options(sampler, { batchSize: 300 }))
    expect(last.means.elbo as number).toBeGreaterThan((truth.last.means.elbo as number) - 0.01)
    // psi, which unlike W has no rotation
    expect(distance(values.slice(12), truth.values.slice(12))).toBeLessThan(0.15)
    const { acceptance, rHat, ess, stuck, logJointAfterE, logJointAfterM } = last.end as Record<string, number>
    expect(logJointAfterM as number).toBeGreaterThanOrEqual((logJointAfterE as number) - 1e-4)
    expect(stuck).toBe(0)
    expect(ess).toBeGreaterThan(4)
    if (sampler === 'direct' || sampler === 'gibbs') {
      expect(acceptance).toBe(1)
      expect(rHat).toBeLessThan(1.1)
    }
    if (sampler === 'hmc') expect(Math.abs((acceptance as number) - 0.8)).toBeLessThan(0.1)
    if (sampler === 'metropolis') expect(Math.abs((acceptance as number) - 0.4)).toBeLessThan(0.1)
    for (const value of Object.values({ ...last.end, ...last.means })) expect(Number.isFinite(value)).toBe(true)
  },
)

test('the chains of every image move, and the filler of the last batch changes no estimate', async () => {
  const changes = options('gibbs', { batchSize: 70 })
  const model = startModel()
  const algorithm = monteCarloFactorAnalysis(model, changes, key)
  const z = algorithm.variables.get('chains/z') as tf.Variable
  expect(z.shape).toEqual([5, 4 * 70 * 2])
  const before = z.arraySync() as number[][]
  const runner = passes(algorithm, rows, { batchSize: 70 })
  await runner.run()
  const after = z.arraySync() as number[][]
  after.forEach((row, i) => {
    const moved = row.filter((value, j) => value !== before[i]?.[j]).length
    expect(moved).toBe(row.length)
  })
  const images = await estimate(1, changes)
  const whole = await estimate(1, options('gibbs', { batchSize: 300 }))
  expect(distance(images.values, whole.values)).toBeLessThan(0.1) // other noise, the same expectations
})

test('compiled passes equal eager ones', async ({ skip }) => {
  if (backend.name !== 'tensorflow') skip(`the backend ${backend.name} compiles nothing`)
  const outcomes: number[][] = []
  for (const mode of ['off', 'xla', 'graph'] as const) {
    const model = startModel()
    const algorithm = monteCarloFactorAnalysis(
      model,
      options('metropolis', { batchSize: 70, transitions: 1, discard: 0 }),
      key,
    )
    const runner = passes(algorithm, rows, { batchSize: 70, mode })
    await runner.run()
    await runner.run()
    outcomes.push([...model.W.dataSync(), ...(algorithm.variables.get('chains/z') as tf.Variable).dataSync()])
    runner.dispose()
  }
  const [eager, ...compiled] = outcomes as [number[], ...number[][]]
  for (const outcome of compiled) {
    const differing = outcome.filter((value, i) => Math.abs(value - (eager[i] as number)) > 1e-3)
    expect(differing.length).toBeLessThan(0.01 * eager.length) // a rounding may turn a choice
  }
})

test('discarding every draw is refused', () => {
  expect(() => monteCarloFactorAnalysis(startModel(), options('gibbs', { discard: 10 }), key)).toThrow(
    'cannot discard 10 of 10 transitions; keep at least one',
  )
})

test('a pass can be continued from its variables alone, bit for bit', async () => {
  const begin = () => monteCarloFactorAnalysis(startModel(), options('hmc', { transitions: 4, discard: 0 }), key)
  const step = (algorithm: ReturnType<typeof begin>, i: number) =>
    tf.tidy(() => {
      const batch = tf.tensor2d(rows.x.subarray(i * 600, (i + 1) * 600), [100, 6])
      algorithm.step(batch, keyAt(key, i), { learningRate: 0, beta: 1, used: 100, first: 100 * i })
    })
  const [whole, resumed] = [begin(), begin()]
  for (const i of [0, 1]) step(whole, i)
  for (const [name, variable] of resumed.variables) variable.assign(whole.variables.get(name) as tf.Variable)
  for (const algorithm of [whole, resumed]) step(algorithm, 2)
  expect(await resumed.finishPass?.()).toEqual(await whole.finishPass?.())
  for (const [name, variable] of resumed.variables)
    expect(variable.dataSync(), name).toEqual(whole.variables.get(name)?.dataSync())
})
