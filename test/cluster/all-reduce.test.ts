// Data parallelism: what several workers compute together is what one computes alone, to the rounding of float32.
import { beforeAll, describe, expect, test } from 'vitest'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { skipped } from '../support/native.js'
import { answersOfWorkers } from '../support/workers.js'

const settings: readonly (readonly [string, Partial<VaeConfig>])[] = [
  ['adam', {}],
  ['momentum, clipped', { optimizer: 'momentum', clipNorm: 0.5 }],
  ['IWAE, k = 5', { objective: 'iwae', samples: 5 }],
  ['two layers', { upperLatentDim: 2, upperHidden: [8], kl: 'monte-carlo' }],
  ['convolutions', { filters: [4] }],
  ['free bits', { freeBits: 0.2 }],
  ['a moving baseline', { estimator: 'score', baseline: 'input' }],
  ['wake-sleep', { objective: 'wake-sleep', samples: 2 }],
]

interface Trained {
  digest: string
  values: number[][]
  elbo: number
  /** Of the worker's process after these steps; 0 where the system does not tell. */
  threads: number
}

/** What each of `count` workers got for each of the settings. */
const trained = (count: number, given = settings): Promise<Trained[][]> =>
  answersOfWorkers('cluster-worker.mjs', count, [JSON.stringify(given.map(([, one]) => one))])

/** The largest difference of two weights, relative to the largest weight of their variable. */
function difference(a: Trained, b: Trained): number {
  const each = a.values.map((values, i) => {
    const others = b.values[i] ?? []
    const scale = Math.max(...values.map(Math.abs), 1e-30)
    return Math.max(...values.map((value, k) => Math.abs(value - (others[k] ?? Number.NaN)))) / scale
  })
  return Math.max(...each)
}

describe.skipIf(skipped !== '')(`workers of a cluster${skipped}`, () => {
  const byCount = new Map<string, Trained[][]>()
  beforeAll(async () => {
    byCount.set('1', await trained(1))
    byCount.set('2', await trained(2))
    // Of more workers than cores, the first of the settings.
    for (const count of [3, 4]) byCount.set(String(count), await trained(count, settings.slice(0, 2)))
  }, 900_000)

  const of = (run: string, worker: number, i: number) => byCount.get(run)?.[worker]?.[i] as Trained

  const named = settings.map(([name], i) => [name, i] as const)

  function expectSame(run: string, i: number): void {
    expect(difference(of('1', 0, i), of(run, 0, i))).toBeLessThan(1e-5)
    expect(of(run, 0, i).elbo).toBeCloseTo(of('1', 0, i).elbo, 4)
    expect(of(run, 1, i).digest).toBe(of(run, 0, i).digest)
    expect(of(run, Number(run) - 1, i).digest).toBe(of(run, 0, i).digest)
  }

  test.each(named)('%s: two workers have the weights of one process, and all the same bytes', (_, i) => {
    expectSame('2', i)
  })

  // TensorFlow once kept two threads asleep for each step, so that a run of some 10,000 steps ended for want of threads.
  test('steps leave no threads behind', () => {
    const each = settings.map((_, i) => of('2', 0, i).threads)
    expect(Math.max(...each) - (each[0] as number)).toBeLessThan(20)
  })

  test.each(named.slice(0, 2).flatMap(([name, i]) => ['3', '4'].map(run => [name, run, i] as const)))(
    '%s: so have %s',
    (_, run, i) => expectSame(run, i),
  )
})
