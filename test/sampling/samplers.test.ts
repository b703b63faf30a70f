// Markov chain samplers: they leave known targets as they are, obey detailed balance, and compile.
import * as tf from '@tensorflow/tfjs'
import { Matrix } from 'ml-matrix'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/backend.js'
import { scan } from '../../src/compile/scan.js'
import { type GibbsSweep, gibbsSweep } from '../../src/distributions/gibbs-sweep.js'
import { invert } from '../../src/numeric/linear-algebra.js'
import { type Key, keyAt, normal, split, streamKey } from '../../src/random.js'
import { gibbsStep } from '../../src/sampling/gibbs.js'
import { hmcState, hmcStep } from '../../src/sampling/hmc.js'
import { metropolisState, metropolisStep } from '../../src/sampling/metropolis.js'
import { adaptiveStepSize } from '../../src/sampling/step-size.js'
import type { LogDensity } from '../../src/sampling/target.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'

let backend: Backend
beforeAll(async () => {
  backend = await useBackend()
})

const key = streamKey(1, 'samplers')
const CHAINS = 20_000

/** A bent target: z_1 ~ N(0, 1), z_2 ~ N(z_1^2, 1/4), up to a constant. */
const bent: LogDensity = z => {
  const [a, b] = tf.split(z, 2, -1) as [tf.Tensor, tf.Tensor]
  const squared = tf.add(tf.square(a), tf.mul(tf.square(tf.sub(b, tf.square(a))), 4))
  return tf.mul(tf.sum(squared, -1), -0.5)
}

/** Exact draws of it: [CHAINS, 2]. */
function drawBent(): tf.Tensor {
  const [a, b] = tf.split(normal(key, [CHAINS, 2]), 2, 1) as [tf.Tensor, tf.Tensor]
  return tf.concat([a, tf.add(tf.square(a), tf.mul(b, 0.5))], 1)
}

type Step = (z: tf.Tensor, key: Key, stepSize: number) => { z: tf.Tensor; acceptance: number }

const meanOf = (values: tf.Tensor) => tf.mean(values).dataSync()[0] as number

const samplers: Record<string, Step> = {
  Metropolis: (z, key, stepSize) => {
    const { state, acceptance } = metropolisStep(bent, metropolisState(bent, z), key, stepSize)
    return { z: state.z, acceptance: meanOf(acceptance) }
  },
  HMC: (z, key, stepSize) => {
    const options = { stepSize: stepSize / 2, leapfrogSteps: 5, jitter: 0.2 }
    const { state, acceptance } = hmcStep(bent, hmcState(bent, z), key, options)
    return { z: state.z, acceptance: meanOf(acceptance) }
  },
}

describe.each(Object.entries(samplers))('%s', (_name, step) => {
  test('leaves its target invariant: moments stay within four standard errors', () => {
    let z = drawBent()
    for (let i = 0; i < 5; i++) z = step(z, keyAt(key, i), 0.8).z
    const values = z.arraySync() as [number, number][]
    // E z_1 = 0, E z_1^2 = 1, E z_2 = 1, E z_2^2 = 3 + 1/4, E z_1^2 z_2 = 3
    const moments: [(a: number, b: number) => number, number][] = [
      [a => a, 0],
      [a => a * a, 1],
      [(_, b) => b, 1],
      [(_, b) => b * b, 3.25],
      [(a, b) => a * a * b, 3],
    ]
    for (const [f, expected] of moments) {
      const list = values.map(([a, b]) => f(a, b))
      const mean = list.reduce((sum, value) => sum + value, 0) / CHAINS
      const variance = list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / CHAINS
      expect(Math.abs(mean - expected)).toBeLessThan(4 * Math.sqrt(variance / CHAINS))
    }
  })

  test('obeys detailed balance: it goes from one region to another as often as back', () => {
    const before = drawBent()
    const after = step(before, keyAt(key, 7), 1).z
    const [from, to] = [before.arraySync(), after.arraySync()] as [number[][], number[][]]
    const inside = ([a, b]: number[]) => (a as number) > 0.3 && (b as number) < 1
    const outside = ([a, b]: number[]) => (a as number) < 0.2 || (b as number) > 1.5
    let [there, back] = [0, 0]
    from.forEach((start, i) => {
      if (inside(start) && outside(to[i] as number[])) there++
      if (outside(start) && inside(to[i] as number[])) back++
    })
    expect(there + back).toBeGreaterThan(500)
    expect(Math.abs(there - back)).toBeLessThan(4 * Math.sqrt(there + back))
  })

  test('accepts shorter steps more often, and very short ones nearly always', () => {
    const rates = [2, 1, 0.5, 0.25, 0.002].map(stepSize => step(drawBent(), key, stepSize).acceptance)
    rates.slice(1).forEach((rate, i) => {
      expect(rate).toBeGreaterThan(rates[i] as number)
    })
    expect(rates.at(-1)).toBeGreaterThan(0.99)
    expect(rates[0]).toBeLessThan(0.7)
  })
})

test('HMC rejects a trajectory that overflows and keeps a finite state', () => {
  const z = tf.tensor2d([
    [3, -2],
    [0.1, 0.2],
  ])
  const { state, accepted, acceptance } = hmcStep(bent, hmcState(bent, z), key, {
    stepSize: 1e4,
    leapfrogSteps: 8,
    jitter: 0,
  })
  expect([...accepted.dataSync()]).toEqual([0, 0])
  expect([...acceptance.dataSync()]).toEqual([0, 0])
  expect([...state.z.dataSync()]).toEqual([...z.dataSync()])
  const fresh = hmcState(bent, z)
  expect([...state.logDensity.dataSync()]).toEqual([...fresh.logDensity.dataSync()])
  expect([...state.gradient.dataSync()]).toEqual([...fresh.gradient.dataSync()])
})

const precision = Matrix.from1DArray(3, 3, [2, 0.8, -0.5, 0.8, 1.5, 0.3, -0.5, 0.3, 1])

function sweepTensors(of: Matrix): GibbsSweep<tf.Tensor> {
  const { carry, noise } = gibbsSweep(of)
  const tensor = (matrix: Matrix) => tf.tensor2d(matrix.to2DArray())
  return { carry: tensor(carry), noise: tensor(noise) }
}

test('a Gibbs sweep draws each coordinate given the others, in order', () => {
  const [z, mean] = [normal(keyAt(key, 1), [5, 3]), normal(keyAt(key, 2), [5, 3])]
  const moved = gibbsStep(key, z, mean, sweepTensors(precision)).arraySync() as number[][]
  const noise = normal(key, [5, 3]).arraySync() as number[][]
  const means = mean.arraySync() as number[][]
  const expected = (z.arraySync() as number[][]).map((start, chain) => {
    const now = [...start]
    const p = (l: number, m: number) => precision.get(l, m)
    for (let l = 0; l < 3; l++) {
      const pull = [0, 1, 2]
        .filter(m => m !== l)
        .reduce((sum, m) => sum + p(l, m) * ((now[m] as number) - (means[chain]?.[m] as number)), 0)
      now[l] = (means[chain]?.[l] as number) - pull / p(l, l) + (noise[chain]?.[l] as number) / Math.sqrt(p(l, l))
    }
    return now
  })
  moved.flat().forEach((value, i) => {
    expect(value).toBeCloseTo(expected.flat()[i] as number, 5)
  })
})

test('Gibbs sweeps converge to the Gaussian of their precision matrix: covariance within four standard errors', () => {
  const sweep = sweepTensors(precision)
  let z: tf.Tensor = tf.fill([CHAINS, 3], 4)
  for (let i = 0; i < 30; i++) z = gibbsStep(keyAt(key, i), z, tf.zeros([1, 3]), sweep)
  const covariance = tf.div(tf.matMul(z, z, true), CHAINS).dataSync()
  const expected = invert(precision).inverse.to1DArray()
  covariance.forEach((value, at) => {
    const [i, j] = [Math.floor(at / 3), at % 3]
    const spread = (expected[4 * i] as number) * (expected[4 * j] as number) + (expected[at] as number) ** 2
    expect(Math.abs(value - (expected[at] as number))).toBeLessThan(4 * Math.sqrt(spread / CHAINS))
  })
})

/** Chains in a variable, with a step size that seeks 80 % acceptance: what an algorithm does with HMC. */
function adaptingChains(initial: number) {
  const chains = tf.variable(tf.zeros([50, 2]), false)
  const stepSize = adaptiveStepSize(initial, 0.8)
  const step = (_batch: tf.Tensor, stepKey: Key, { adapting }: { adapting: number }) => {
    const [first, second] = split(stepKey, 2) as [Key, Key]
    const options = { stepSize: stepSize.value(), leapfrogSteps: 2, jitter: 0.1 }
    const one = hmcStep(bent, hmcState(bent, chains), first, options)
    const two = hmcStep(bent, one.state, second, options)
    chains.assign(two.state.z)
    const acceptance = tf.mean(two.acceptance)
    stepSize.adapt(acceptance, tf.scalar(adapting))
    return { acceptance, stepSize: stepSize.value() }
  }
  return { step, chains, stepSize }
}

async function runChains(initial: number, mode: 'off' | 'xla' | 'graph', steps: number, adaptations: number) {
  const { step, chains } = adaptingChains(initial)
  const runner = scan(step, { mode })
  const keys = Array.from({ length: steps }, (_, i) => keyAt(key, i))
  const schedules = keys.map((_, i) => ({ adapting: i < adaptations ? 1 : 0 }))
  const outputs = await runner.run(steps, { keys, schedules })
  runner.dispose()
  return {
    acceptance: outputs.acceptance as Float32Array,
    stepSize: outputs.stepSize as Float32Array,
    z: chains.dataSync(),
  }
}

test.each([0.01, 3])(
  'the step size, started at %d, adapts to the target acceptance rate and stays fixed afterwards',
  async initial => {
    const { acceptance, stepSize } = await runChains(initial, fixedMode(backend), 600, 400)
    const rate = acceptance.slice(400).reduce((sum, value) => sum + value, 0) / 200
    expect(Math.abs(rate - 0.8)).toBeLessThan(0.05) // the noise of the last gains, 400^-0.6 = 3 %
    expect(new Set(stepSize.slice(400)).size).toBe(1)
  },
)

test('compiled chains equal eager ones', async ({ skip }) => {
  if (backend.name !== 'tensorflow') skip(`the backend ${backend.name} compiles nothing`)
  const eager = await runChains(0.3, 'off', 3, 3)
  for (const mode of ['xla', 'graph'] as const) {
    const compiled = await runChains(0.3, mode, 3, 3)
    expectClose(compiled.z, eager.z, 5e-4)
    expect(compiled.stepSize[2]).toBeCloseTo(eager.stepSize[2] as number, 4)
  }
})
