// Which estimator a command line asks for, and which options it refuses because they would be ignored.
import { expect, test } from 'vitest'
import { checkOptions, chooseEstimator } from '../../src/commands/evaluate/estimators.js'
import type { TrainedRun } from '../../src/runs/trained-run.js'

const run = (learner: object, command = 'train') => ({ learner, method: { command } }) as unknown as TrainedRun
const vae = run({ vae: { latents: { reparameterized: true }, layers: [2] } })
const binary = run({ vae: { latents: { reparameterized: false }, layers: [2] } })
const decoder = run({ annealer() {} }, 'em vae')
const mixture = run({}, 'em bernoulli-mixture')

const ask = (given: Record<string, unknown>, { method, gaps = false }: { method?: string; gaps?: boolean } = {}) => ({
  method,
  gaps,
  given,
})

test.each([
  [vae, ask({}), 'importance'],
  [vae, ask({ chains: 3 }, { method: 'ais' }), 'ais'],
  [vae, ask({ simulated: 3 }, { method: 'ais' }), 'simulated'],
  [vae, ask({ gapSteps: 3, samples: 9 }, { gaps: true }), 'gaps'],
  [decoder, ask({ temperatures: 3 }), 'ais'],
  [mixture, ask({ images: 3 }), 'bound'],
] as const)('the options choose the estimator $2: case %$', (of, asked, name) => {
  checkOptions(asked)
  expect(chooseEstimator(of, asked).name).toBe(name)
})

test.each([
  [ask({ grid: 9 }), '--grid: has no effect with --method importance; leave it out, or use --method quadrature'],
  [ask({ samples: 9 }, { method: 'ais' }), '--samples: has no effect with --method ais; leave it out'],
  [ask({ images: 9 }, { gaps: true }), '--images: has no effect with --gaps; leave it out, or use --method importance'],
  [
    ask({ reference: true }, { gaps: true }),
    '--reference: has no effect with --gaps; leave it out, or use --method importance',
  ],
  [ask({ gapSteps: 9 }), '--gap-steps: has no effect with --method importance; leave it out, or use --gaps'],
] as const)('an option that would be ignored is refused before anything is opened: $1', (asked, message) => {
  expect(() => checkOptions(asked)).toThrow(message)
})

test.each([
  [
    decoder,
    ask({ leapfrogSteps: 3 }, { method: 'ais' }),
    '--leapfrog-steps: has no effect on a run without an encoder, whose annealing has a fixed number; leave it out',
  ],
  [decoder, ask({ samples: 3 }), '--samples: has no effect with --method ais; leave it out'],
  [decoder, ask({ simulated: 3 }), '--simulated: needs a run of `elbo train`; leave it out'],
  [
    mixture,
    ask({}, { gaps: true }),
    '--gaps: needs an encoder, and this run of `elbo em bernoulli-mixture` has none; leave it out',
  ],
  [mixture, ask({}, { method: 'ais' }), '--method ais: this run is measured without sampling; leave it out'],
  [binary, ask({}, { method: 'ais' }), '--method ais: needs a Gaussian z; this run has --latents bernoulli'],
] as const)('a run that cannot be measured as asked is refused: $2', (of, asked, message) => {
  expect(() => chooseEstimator(of, asked)).toThrow(message)
})
