// `em --workers`: the workers' sums are those of one process, so that each pass gains what one process gains.
import { beforeAll, describe, expect, test } from 'vitest'
import type { EpochMetrics } from '../../src/methods/metrics.js'
import { commandLine } from '../support/command-line.js'
import { smallMnist } from '../support/idx-file.js'
import { skipped } from '../support/native.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { answersOfWorkers } from '../support/workers.js'

// 200 of the images are for training: five batches, which three workers do not divide equally.
const data = smallMnist(240, 40, { stride: 4 })
const base = { data, batchSize: 40, epochs: 2, tolerance: null }
const fits: readonly (readonly [string, object])[] = [
  ['exact EM of a mixture', { model: 'bernoulli-mixture', components: 3 }],
  ['mean field', { model: 'bernoulli-mixture', components: 3, method: 'mean-field' }],
  ['Monte Carlo EM of a mixture', { model: 'bernoulli-mixture', components: 3, method: 'monte-carlo', samples: 2 }],
  ['a Gaussian mixture', { model: 'gaussian-mixture', components: 2, covariance: 'full', pca: 4 }],
  ['factor analysis', { model: 'factor-analysis', latentDim: 2, varianceFloor: 1e-3 }],
  ['Gibbs sampling', { model: 'ppca', latentDim: 2, pca: 6, method: 'monte-carlo', sampler: 'gibbs', samples: 4 }],
]

interface Fitted {
  history: EpochMetrics[]
  resumed: EpochMetrics[]
  same: boolean
  stoppedAt: number
  digests?: string[]
}

/** What each of `count` workers got for each of the models. */
const fitted = (count: number): Promise<Fitted[][]> =>
  answersOfWorkers('em-worker.mjs', count, [
    temporaryFolder(),
    JSON.stringify(fits.map(([, one]) => ({ ...base, ...one }))),
  ])

/** The numbers of a pass that depend on its images. */
const bounds = [
  'trainElbo',
  'validationElbo',
  'elboAfterE',
  'elboAfterM',
  'logJointAfterE',
  'logJointAfterM',
  'rHat',
] as const

function expectClose(history: readonly EpochMetrics[], expected: readonly EpochMetrics[]): void {
  expect(history).toHaveLength(expected.length)
  for (const [pass, metrics] of expected.entries())
    for (const name of bounds) {
      const [value, other] = [metrics, history[pass]].map(
        one => one && Object.entries(one).find(([key]) => key === name)?.[1],
      )
      if (value === undefined) expect(other).toBeUndefined()
      else expect(Math.abs((other as number) / value - 1), `${name} of pass ${pass + 1}`).toBeLessThan(1e-6)
    }
}

describe.skipIf(skipped !== '')(`em --workers${skipped}`, () => {
  const byCount = new Map<number, Fitted[][]>()
  beforeAll(async () => {
    for (const count of [1, 3]) byCount.set(count, await fitted(count))
  }, 300_000)

  describe.each(fits.map(([name], i) => [name, i] as const))('%s', (_, i) => {
    const of = (count: number, worker = 0) => byCount.get(count)?.[worker]?.[i] as Fitted

    test('has the log-likelihood of one process', () => {
      expectClose(of(3).history, of(1).history)
    })

    test('with as many workers has the same bytes again', () => {
      const [first, second] = of(3).digests as string[]
      expect(second).toBe(first)
      expect(of(3, 1).same).toBe(true)
    })

    test('stopped within a pass and resumed, it goes on where it was', () => {
      expect(of(3).stoppedAt).toBe(3)
      expectClose(of(3).resumed, of(1).history)
    })
  })

  const { json, refused } = commandLine()
  const small = ['--data', data, '--threads', '1']

  test('the command writes one run, which goes on with another number of workers', () => {
    const fit = ['em', 'bernoulli-mixture', '--run', 'two', '--components', '3', '--batch-size', '40', ...small]
    expect(json(...fit, '--workers', '2', '--epochs', '2')).toMatchObject({ run: 'two', epoch: 2 })
    expect(
      json('em', 'bernoulli-mixture', '--run', 'two', '--resume', '--epochs', '3', '--workers', '1'),
    ).toMatchObject({ epoch: 3 })
  })

  test('what workers cannot divide is refused', () => {
    refused(2, 'the M step of this model follows each batch', 'em', 'vae', '--workers', '2', ...small)
    const chains = ['em', 'factor-analysis', '--method', 'monte-carlo', '--sampler', 'hmc']
    refused(2, '--workers 2: the step size of --sampler hmc', ...chains, '--workers', '2', ...small)
    refused(
      1,
      'has 1 batch of --batch-size 1000, and each worker needs one; use --batch-size 100',
      'em',
      'ppca',
      '--workers',
      '2',
      ...small,
    )
  })
})
