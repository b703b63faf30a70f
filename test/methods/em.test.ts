// When EM ends: where no more than the tolerance is to be gained it has converged, a fall beyond rounding is a failure.
import { expect, test } from 'vitest'
import { describeEmEnd, emFinished } from '../../src/methods/em.js'
import type { EpochMetrics } from '../../src/methods/metrics.js'

const passes = (...objectives: number[]) =>
  objectives.map((objective, i) => ({ epoch: i + 1, objective }) as EpochMetrics)

test.each([
  ['exact', 1e-3, [-200, -199], undefined],
  ['exact', 1e-3, [-200, -199.9995], undefined],
  ['exact', 1e-3, [-200, -200], 'converged'],
  ['exact', 1e-3, [-200, -199.996, -199.9952], 'converged'], // 0.0002 are left
  ['exact', 1e-3, [-200, -199.999, -199.9982], undefined], // 0.0032 are left
  ['exact', 1e-3, [-200, -199.9999, -199.9997], undefined], // the end of a plateau
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

test.each([
  [
    [-200, -199.996, -199.9952],
    'converged',
    'converged after 3 passes: the last pass gained 0.00080 nats/image, and fur',
  ],
  [[-200, -199.999, -199.9982], 'finished', 'would gain about 0.0032; continue with --resume --epochs 50'],
  [
    [-200, -199.9999, -199.9997],
    'finished',
    'without converging: the last pass gained 0.00020 nats/image, and further ones would gain as much each',
  ],
] as const)('of the objectives %j is said: %s', (objectives, ended, expected) => {
  const history = passes(...objectives)
  expect(describeEmEnd({ method: 'exact', tolerance: 1e-3 }, { ended, bestEpoch: 1, history })).toContain(expected)
})
