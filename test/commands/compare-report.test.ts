// Rows to a table, to CSV and to a chart: the numbers are those of the rows.
import { expect, test } from 'vitest'
import { compareChart } from '../../src/commands/compare/compare-chart.js'
import { csv, describeTable } from '../../src/commands/compare/compare-report.js'
import {
  byMethod,
  learningCurve,
  type RunResult,
  type ValidatedMetrics,
} from '../../src/commands/compare/compare-results.js'
import type { LogPx } from '../../src/commands/compare/measure.js'

const estimate = (mean: number, standardError = 0.5) => ({ mean, standardError, count: 100 })
const sampled = (mean: number): LogPx => ({
  by: 'importance sampling',
  samples: 20,
  monteCarloError: 0.01,
  ...estimate(mean),
})

function row(label: string, seed: number, logPx: LogPx, validation = -100): RunResult {
  const [method = '', size] = label.split(':')
  return {
    run: `c.${method}-${size}.seed-${seed}`,
    label,
    method,
    size: Number(size),
    trainImages: null,
    learningRate: 0.001,
    seed,
    tried: [],
    parameters: 1234,
    passes: 2,
    imagesSeen: 2000,
    seconds: 10 * seed,
    bestPass: 2,
    validationBound: estimate(validation),
    testBound: estimate(validation - 1),
    testLogPx: logPx,
    curve: [1, 2].map(pass => ({ imagesSeen: 1000 * pass, seconds: 5 * seed * pass, bound: validation - 2 + pass })),
  }
}

const annealed: LogPx = {
  ...{ by: 'annealed importance sampling', chains: 10, temperatures: 200 },
  monteCarloError: 0.02,
  ...estimate(-119.5),
}
const rows = [
  row('vae:3', 1, sampled(-98), -100),
  row('vae:3', 2, sampled(-96), -102),
  row('bernoulli-mixture:10', 1, { by: 'exact', ...estimate(-170) }, -169),
  row('monte-carlo-em:3', 1, annealed, -120),
  row('mean-field-mixture:10', 1, { by: 'posterior predictive', ...estimate(-165) }, -168),
]

test('a mean over seeds has its standard error over seeds; a single seed keeps its error over images', () => {
  const [vae, mixture] = byMethod(rows)
  // Two values at distance 2: s = sqrt(2), s / sqrt(2) = 1.
  expect(vae).toMatchObject({ seeds: [1, 2], seconds: 15, validationBound: { mean: -101, count: 2 } })
  expect(vae?.testLogPx?.mean).toBe(-97)
  expect(vae?.testLogPx?.standardError).toBeCloseTo(1, 12)
  expect(mixture?.testLogPx).toEqual({ mean: -170, standardError: 0.5, count: 1 })
})

test('the table says where each log p(x) comes from', () => {
  const lines = describeTable(rows, [{ label: 'ten Bernoullis elsewhere', logPx: -168.95 }])
  const line = (start: string) => lines.find(text => text.startsWith(start)) ?? ''
  expect(line('vae:3')).toMatch(/2 +1,234 +2 +2 +15 +-101\.00 ± 1\.00 +-102\.00 ± 1\.00 +-97\.00 ± 1\.00$/)
  expect(line('monte-carlo-em:3')).toMatch(/-120\.00 ± 0\.50 +-121\.00 ± 0\.50 +-119\.50 ± 0\.50$/)
  expect(line('published')).toBe('published: -168.95  ten Bernoullis elsewhere')
  expect(lines).toContain('log p(x) of bernoulli-mixture: exact')
  expect(line('log p(x) of vae')).toContain(
    '20 samples of z per image; error due to sampling z: at most ± 0.0100, without the bias of a lower bound',
  )
  expect(line('log p(x) of monte-carlo-em')).toContain(
    'annealed importance sampling, 10 chains of 200 temperatures per image; error due to sampling z: at most ± 0.0200',
  )
  expect(lines).toContain('log p(x) of mean-field-mixture: posterior predictive of each single image')
  expect(line('nats per image')).toContain('over seeds if there are several, over images for a single seed')
})

test('the table warns of a bound that fell, and names the pass that is measured', () => {
  expect(describeTable(rows, []).join()).not.toContain('the validation bound decreased')
  const curve = [-150, -200, -240, -280].map((bound, i) => ({ imagesSeen: 1000 * (i + 1), seconds: i + 1, bound }))
  const fallen = { ...row('wake-sleep:20', 1, sampled(-140), -150), passes: 4, bestPass: 1, curve }
  const lines = describeTable([...rows, fallen], [])
  expect(lines.find(line => line.startsWith('wake-sleep:20'))).toMatch(/1,234 +4 +1 +10 /)
  expect(lines).toContain(
    'the validation bound decreased, so an early pass was measured: c.wake-sleep-20.seed-1 (-150.00 after pass 1, -280.00 after pass 4)',
  )
  const other = { ...fallen, seed: 2, bestPass: 3 }
  expect(describeTable([fallen, other], [])[1]).toMatch(/1,234 +4 +1-3 /)
})

test('the table names the step size that was chosen, and the bounds of all of them', () => {
  expect(describeTable(rows, []).join()).not.toContain('learning rates')
  const tried = [
    { learningRate: 0.0001, bound: -120 },
    { learningRate: 0.001, bound: -100 },
  ]
  expect(describeTable([{ ...(rows[0] as RunResult), tried }, ...rows.slice(1)], [])).toContain(
    'learning rates, chosen by the validation bound of seed 1: vae:3 0.001 (0.0001: -120.00, 0.001: -100.00)',
  )
})

test('the table warns of validation bounds on different numbers of images', () => {
  const start = 'validation bounds use different images'
  expect(describeTable(rows, []).filter(line => line.startsWith(start))).toEqual([])
  const few = { ...(rows[3] as RunResult), validationBound: { ...estimate(-120), count: 50 } }
  expect(describeTable([...rows.slice(0, 3), few], [])).toContain(
    `${start}: the first 100 images for vae, bernoulli-mixture; 50 images for monte-carlo-em`,
  )
})

test('the CSV has a line for each run and an empty field for what does not apply', () => {
  const [header = '', ...lines] = csv(rows).trimEnd().split('\n')
  const cells = lines.map(text => Object.fromEntries(text.split(',').map((cell, i) => [header.split(',')[i], cell])))
  expect(cells).toHaveLength(5)
  expect(cells[1]).toMatchObject({ run: 'c.vae-3.seed-2', trainImages: 'all', testLogPx: '-96', samples: '20' })
  expect(cells[2]).toMatchObject({ testLogPx: '-170', testLogPxBy: 'exact', samples: '', monteCarloError: '' })
  expect(cells[3]).toMatchObject({ testLogPx: '-119.5', samples: '', chains: '10', temperatures: '200' })
})

test('a learning curve counts the images seen and the seconds of learning only', () => {
  const pass = (epoch: number, step: number): ValidatedMetrics =>
    ({ epoch, step, seconds: 100 * epoch, imagesPerSecond: 50, validationElbo: -100 - epoch }) as ValidatedMetrics
  // A pass that leaves out what fills no batch: 3 batches of 100 out of 350.
  expect(learningCurve([pass(1, 3), pass(2, 6)], 100, 350)).toEqual([
    { imagesSeen: 300, seconds: 6, bound: -101 },
    { imagesSeen: 600, seconds: 12, bound: -102 },
  ])
  // One that fills its last batch up: 4 batches for 350.
  expect(learningCurve([pass(1, 4)], 100, 350)).toEqual([{ imagesSeen: 350, seconds: 8, bound: -101 }])
})

test('the chart has both panels, every method by name and every published number', () => {
  const svg = compareChart('c', 'small', rows, [{ label: 'ten Bernoullis elsewhere', logPx: -168.95 }])
  for (const text of ['images seen', 'seconds of learning', 'vae:3', 'bernoulli-mixture:10', 'Bernoullis'])
    expect(svg.split(text).length, text).toBeGreaterThan(1)
  expect(svg.match(/aria-label="vae:3"/g)).toHaveLength(2)
})
