// When EM ends: a gain below the tolerance is convergence, a fall beyond rounding is a failure.
import { expect, test } from 'vitest'
import { describeEmEnd, emFinished } from '../../src/methods/em.js'
import type { EpochMetrics } from '../../src/methods/metrics.js'

const passes = (...objectives: number[]) =>
  objectives.map((objective, i) => ({ epoch: i + 1, objective }) as EpochMetrics)

test.each([
  ['exact', 1e-3, [-200, -199], undefined],
  ['exact', 1e-3, [-200, -199.9995], 'converged'],
  ['exact', 1e-3, [-200, -200.0005], 'converged'],
  ['exact', 1e-3, [-200, -200.002], 'fallen'],
  ['exact', 1e-3, [-200000, -200000.02], 'converged'],
  ['exact', 1e-3, [-200, -207.5], 'fallen'],
  ['mean-field', null, [-200, -207.5], 'fallen'],
  ['exact', null, [-200, -200], undefined],
  ['monte-carlo', 1e-3, [-200, -207.5], undefined],
] as const)('%s with tolerance %s and the objectives %j: %s', (method, tolerance, objectives, expected) => {
  const history = passes(...objectives)
  expect(emFinished({ method, tolerance }, { epoch: 2, bestEpoch: 1, history })).toBe(expected)
})

test('a fall is said with its size and is not called convergence', () => {
  const end = describeEmEnd(
    { method: 'exact', tolerance: 1e-3 },
    { ended: 'fallen', bestEpoch: 1, history: passes(-200, -269) },
  )
  expect(end).toContain('failed after 2 passes: the last pass lost 69 nats/image')
  expect(end).not.toContain('converged')
})
