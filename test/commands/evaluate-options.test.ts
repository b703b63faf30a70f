// Options of `evaluate` for runs that have no encoder.
import { expect, test } from 'vitest'
import { refuseForDecoder } from '../../src/commands/evaluate/options.js'

test.each([
  [
    { leapfrogSteps: 3 },
    '--leapfrog-steps: the chains of this run, which has no encoder, move as they did while it learned; leave it out',
  ],
  [{ simulated: 3 }, '--simulated: only for a run with an encoder, which this one has not; leave it out'],
  [{ samples: 3 }, '--samples: this run has no encoder; leave it out, or use --method ais'],
])('a decoder without an encoder: %o', (given, message) => {
  const asked = { method: 'ais', simulated: null, switches: {} } as const
  expect(() => refuseForDecoder({ method: 'ais', ...given }, asked)).toThrow(message)
})
