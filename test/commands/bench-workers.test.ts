// `bench --workers`: the model on paper, the numbers that follow from times, and the command.
import { describe, expect, test } from 'vitest'
import { breakOf, bytesSent, communicationMs, computeOf, linkOf, stepMs } from '../../src/commands/bench/paper-model.js'
import { describeWorkers } from '../../src/commands/bench/workers-report.js'
import { workersResult } from '../../src/commands/bench/workers-results.js'
import { commandLine } from '../support/command-line.js'
import { skipped } from '../support/native.js'

// A message takes 0.1 ms, and 125,000 bytes a millisecond are 1 Gbit/s.
const link = { messageMs: 0.1, bandwidth: 125_000 }

describe('the model on paper', () => {
  test('a ring sends nearly twice the bytes', () => {
    expect(bytesSent(1, 1e6)).toBe(0)
    expect(bytesSent(2, 1e6)).toBe(1e6)
    expect(bytesSent(1000, 1e6)).toBeCloseTo(1.998e6)
  })

  test('a link is found from the times of a small and a large all-reduce', () => {
    const of = (bytes: number) => 2 * 3 * 0.1 + bytesSent(4, bytes) / 125_000
    const found = linkOf(4, { smallMs: of(0), largeMs: of(1e6), bytes: 1e6 })
    expect(found.messageMs).toBeCloseTo(0.1)
    expect(found.bandwidth).toBeCloseTo(125_000)
  })

  test('784-200-200-50 at 1 Gbit/s: 14 ms a step, so k = 1 never pays, and k = 50 does', () => {
    const bytes = 1.7e6
    expect(communicationMs(2, bytes, { ...link, messageMs: 0 })).toBeCloseTo(13.6)
    const cheap = breakOf(2, 100, bytes, { fixed: 0, perImage: 0.037 }, link)
    expect(cheap.speedup).toBeLessThan(1)
    expect(cheap.times).toBeCloseTo((13.6 + 0.2) / 1.85)
    const dear = breakOf(2, 100, bytes, { fixed: 0, perImage: 0.53 }, link)
    expect(dear.speedup).toBeGreaterThan(1)
    expect(dear.times).toBeLessThan(1)
  })

  test('with the most weights that pay, workers are as fast as one', () => {
    const compute = { fixed: 1, perImage: 0.5 }
    const { mostWeights } = breakOf(4, 100, 4e6, compute, link)
    expect(stepMs(4, 100, 4 * mostWeights, compute, link)).toBeCloseTo(stepMs(1, 100, 0, compute, link), 3)
  })

  test('the time of a step is a line in the size of the batch', () => {
    expect(computeOf({ batch: 100, ms: 11 }, { batch: 50, ms: 6 })).toEqual({ fixed: 1, perImage: 0.1 })
    expect(computeOf({ batch: 100, ms: 10 }, { batch: 50, ms: 12 })).toEqual({ fixed: 10, perImage: 0 })
  })
})

const model = { model: 'mlp', layers: '784-400-20', batchSize: 128, samples: 1, threads: 1, weights: 1000 }
const result = workersResult(model, [
  { kind: 'together', workers: 1, times: [8, 9, 7] },
  { kind: 'together', workers: 2, times: [5, 6, 5] },
  { kind: 'apart', workers: 2, times: [4, 4, 4] },
  { kind: 'small', workers: 2, times: [0.2, 0.2, 0.3] },
  { kind: 'large', workers: 2, times: [0.6, 0.6, 0.7] },
])

test('the numbers of each row follow from its times', () => {
  const [one, two] = result.rows
  expect(one).toMatchObject({
    workers: 1,
    stepsPerSecond: 125,
    imagesPerSecond: 16_000,
    efficiency: 1,
    bytesPerStep: 0,
  })
  expect(two).toMatchObject({ workers: 2, stepsPerSecond: 200, speedup: 1.6, efficiency: 0.8, bytesPerStep: 4000 })
  expect(two?.waitingShare).toBeCloseTo(0.2)
  expect(two?.bandwidth).toBeCloseTo(1e7)
  expect(two?.paperMs).toBeCloseTo(4 + 0.2 + 0.4)
  expect(result.outlook.map(({ link }) => link)).toEqual(['this machine', '1 Gbit/s', '10 Gbit/s', '100 Gbit/s'])
})

test('the report has a row for each number of workers, and says when more of them pay', () => {
  const text = describeWorkers(result).join('\n')
  expect(text).toContain('mlp (784-400-20), ELBO, batch size 128, 1,000 weights, 1 thread each: median of 3 rounds')
  expect(text).toMatch(/^2 +5\.00 +5\.00 to 6\.00 +4\.00 +4\.60 +200 +25,600 +80 % +20 % +0\.00400$/m)
  expect(text).toContain('an all-reduce of 2 workers takes 0.200 ms (0.200 to 0.300) for one number')
  expect(text).toMatch(/^100 Gbit\/s .*faster/m)
})

describe.skipIf(skipped !== '')(`the command${skipped}`, () => {
  const { json, refused } = commandLine()

  test('times workers, processes apart and all-reduces', () => {
    const quick = ['--rounds', '1', '--seconds', '0.02', '--limit', '300']
    const { workers } = json('bench', '--workers', '2', '--models', '784-4-2', '--batch-sizes', '8', ...quick)
    expect(workers).toHaveLength(1)
    expect(workers[0]).toMatchObject({ model: '784-4-2', rounds: 1, rows: [{ workers: 1 }, { workers: 2 }] })
    expect(workers[0].rows[1].apartMs.median).toBeGreaterThan(0)
  })

  test('refuses what it does not read, and batches that cannot be divided', () => {
    refused(2, '--workers 3: each takes an equal part of a batch, and --batch-sizes 128', 'bench', '--workers', '3')
    refused(2, '--out: has no effect with --workers', 'bench', '--workers', '2', '--out', 'x')
    refused(2, '--samples 5: has no effect without --workers', 'bench', '--samples', '5')
  })
})
