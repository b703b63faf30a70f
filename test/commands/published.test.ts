// Published numbers beside a result: which of them can be compared, and which differences are not due to the model.
import { expect, test } from 'vitest'
import { describePublished, type Evaluated } from '../../src/commands/evaluate/published.js'

const same: Evaluated = {
  binarize: 'dynamic',
  source: 'mnist',
  split: 'test',
  whole: true,
  method: 'importance',
  samples: 5000,
  defensive: 0,
}

test('results on the same images and binarization are marked, and the same estimate has no note', () => {
  const lines = describePublished(same)
  expect(lines.filter(line => line.startsWith('*'))).toHaveLength(8)
  expect(lines).toHaveLength(11)
})

test.each([
  [{ samples: 500 }, 'published with 5000 samples; 500 give a lower log p(x) for the same model, against this result'],
  [
    { samples: 50_000 },
    'published with 5000 samples; 50000 give a higher log p(x) for the same model, in favour of this result',
  ],
  [
    { defensive: 0.5 },
    'published with all draws from q(z|x); --defensive 0.5 gives another log p(x) for the same model',
  ],
  [
    { method: 'ais' },
    'published by importance sampling with 5000 samples, which underestimates log p(x); --method ais may give more for the same model',
  ],
] as const)('a result measured in another way has a note: %o', (other, note) => {
  expect(describePublished({ ...same, ...other }).slice(11)).toEqual([note])
})
