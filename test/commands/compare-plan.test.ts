// What a comparison is asked for becomes runs, or one clear refusal.
import { describe, expect, test } from 'vitest'
import { choicesOf, planRuns, runsToMake } from '../../src/commands/compare/compare-plan.js'
import {
  type CompareSettings,
  comparePresets,
  compareTable,
  resolveSettings,
  resumeSettings,
} from '../../src/commands/compare/compare-settings.js'
import { methodOf } from '../../src/methods/list.js'

const plan = (given: Partial<CompareSettings>, available = 50_000) => planRuns('c', resolveSettings(given), available)

test('every method gets one run for each size, number of images and seed, seed by seed', () => {
  const names = plan({
    methods: ['vae:3@1000', 'bernoulli-mixture'],
    components: [10, 20],
    seeds: [1, 7],
  }).map(({ name }) => name)
  const once = ['c.vae-3.images-1000', 'c.bernoulli-mixture-10', 'c.bernoulli-mixture-20']
  expect(names).toEqual([1, 7].flatMap(seed => once.map(name => `${name}.seed-${seed}`)))
})

test('each step size gets a run with the first seed, which chooses one for the others; methods without steps get one run', () => {
  const runs = plan({ methods: ['vae', 'bernoulli-mixture:5'], learningRate: [1e-4, 0.01, 1e-4], seeds: [1, 2] })
  const once = ['c.vae-20.rate-0.0001', 'c.vae-20.rate-0.01', 'c.bernoulli-mixture-5']
  expect(runs.map(({ name }) => name)).toEqual([1, 2].flatMap(seed => once.map(name => `${name}.seed-${seed}`)))
  const rates = runs.slice(0, 2).map(({ config }) => 'learningRate' in config && config.learningRate)
  expect([rates, runs[2]?.learningRate]).toEqual([[1e-4, 0.01], null])
  const choices = choicesOf(runs)
  expect(choices.map(choice => choice.length)).toEqual([2, 1, 2, 1])
  expect(runsToMake(choices).map(choice => choice.length)).toEqual([2, 1, 1, 1])
})

test('a method that is named twice is made once', () => {
  expect(plan({ methods: ['vae', 'vae:20', 'vae:20@all'], latentDim: [20], seeds: [1, 1] })).toHaveLength(1)
})

test('every run sees the same number of images, whatever its training set', () => {
  const passes = (given: Partial<CompareSettings>) =>
    plan({ methods: ['vae:3@1000', 'vae:3'], ...given }).map(({ config }) => config.epochs)
  expect(passes({ epochs: 4 })).toEqual([200, 4])
  expect(passes({ imagesSeen: 100_000 })).toEqual([100, 2])
  expect(passes({ preset: 'figure-3', methods: ['vae'], epochs: 1 })).toEqual([50, 1])
})

test('every run makes all its passes: no method stops early', () => {
  const [vae, mixture] = plan({ methods: ['vae', 'bernoulli-mixture'] })
  expect(vae?.config).toMatchObject({ patience: null, objective: 'elbo' })
  expect(mixture?.config).toMatchObject({ tolerance: null, model: 'bernoulli-mixture', method: 'exact' })
})

test.each(Object.keys(comparePresets) as (keyof typeof comparePresets)[])(
  'preset %s can be planned, and its settings read back',
  preset => {
    const settings = resolveSettings({ preset })
    expect(compareTable.complete(compareTable.parse(JSON.stringify(settings), 's.json'), 's.json')).toEqual(settings)
    expect(planRuns('c', settings, 50_000).length).toBeGreaterThan(2)
  },
)

test('a resumed comparison may have more seeds, methods and passes, and keeps its other settings', () => {
  const saved = resolveSettings({ preset: 'figure-3' })
  expect(resumeSettings(saved, { seeds: [1, 2], epochs: 9 })).toEqual({
    ...saved,
    seeds: [1, 2],
    epochs: 9,
    imagesSeen: null,
  })
  expect(() => resumeSettings(saved, { hidden: [5] })).toThrow('--hidden [5]: the run began with [100]')
})

describe('what cannot be compared is refused in one line', () => {
  test.each([
    [{ methods: ['vea'] }, '--methods vea: one of vae, wake-sleep, '],
    [{ methods: ['vea'] }, 'did you mean vae?'],
    [{ methods: ['vae:0'] }, '--methods vae:0: NAME, NAME:SIZE or NAME:SIZE@IMAGES was expected, such as vae:10'],
    [{ methods: ['vae@few'] }, '--methods vae@few: NAME, '],
    [
      { methods: ['bernoulli-mixture:10', 'factor-analysis:5'] },
      '--methods: factor-analysis:5 is a density of values in [0, 1] and bernoulli-mixture:10 a probability of binary images',
    ],
    [{ epochs: 3, imagesSeen: 10 }, '--epochs and --images-seen: both set the budget'],
    [{ imagesSeen: 1000, methods: ['vae:3'] }, '--images-seen 1000: vae:3 needs at least one pass over 50,000 images'],
  ] as [Partial<CompareSettings>, string][])('%o', (given, message) => {
    expect(() => plan(given)).toThrow(message)
  })
})

test.each([
  { methods: ['vae', 'wake-sleep', 'bernoulli-mixture:5'] },
  { methods: ['gaussian-mixture:5', 'factor-analysis:3', 'ppca:3'] },
])('$methods have settings of their own methods alone, so that each can be resumed', given => {
  for (const { config } of plan(given)) {
    const { settings } = methodOf(config)
    expect(settings.resume(config, config)).toEqual(config)
  }
})
