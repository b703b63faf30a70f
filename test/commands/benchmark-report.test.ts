// From measured times to comparisons, tables, charts and the batch size from which a GPU pays.
import { describe, expect, test } from 'vitest'
import { benchmarkChart } from '../../src/commands/bench/benchmark-chart.js'
import { type BenchmarkModel, modelNamed } from '../../src/commands/bench/benchmark-models.js'
import type { Entry } from '../../src/commands/bench/benchmark-plan.js'
import { describeComparison, describeGpu } from '../../src/commands/bench/benchmark-report.js'
import { type Comparison, compare } from '../../src/commands/bench/benchmark-results.js'
import { gpuAgainstCpu } from '../../src/commands/bench/gpu.js'
import type { Measured } from '../../src/commands/bench/interleave.js'

const mlp = modelNamed('mlp') as BenchmarkModel

function measured(name: string, times: number[], more: Partial<Measured<Entry>> = {}, device = 'CPU'): Measured<Entry> {
  const [group = '', label = 'off'] = name.split(' ')
  const candidate = { name, group, label, chunk: 1, program: '', args: [], ...(device && { device }) }
  return { candidate, times, firstCallMs: 1500, peakMegabytes: 300.4, failure: undefined, ...more }
}

const results = [
  measured('tensorflow xla', [4, 5, 6]),
  measured('tensorflow graph', [10, 9, 8]),
  measured('wasm', [20, 30, 60], { peakMegabytes: Number.NaN }),
  measured('cpu', [], { firstCallMs: Number.NaN, failure: 'more than 30 s for its first step' }),
  measured('broken', [7], { failure: 'more than 30 s per step' }),
]
const task = (batchSize: number) => ({ model: mlp, batchSize, entries: [] })
const comparison = compare(task(128), results)

describe('a comparison', () => {
  test('has medians, ranges, and ratios to the fastest taken round by round', () => {
    expect(comparison).toMatchObject({ model: 'mlp', layers: '784-400-20', rounds: 3, fastest: 'tensorflow xla' })
    expect(comparison.rows[1]).toMatchObject({
      msPerStep: { median: 9, low: 8, high: 10 },
      timeOverFastest: { median: 1.8, low: 8 / 6, high: 2.5 },
      firstStepSeconds: 1.5,
      peakMegabytes: 300.4,
    })
    expect(comparison.rows[2]?.imagesPerSecond?.median).toBeCloseTo(128_000 / 30)
  })

  test('is a table, and below it the candidates without times, each with the reason', () => {
    expect(describeComparison(comparison)).toEqual([
      'mlp (784-400-20), batch size 128: median of 3 rounds',
      '                  ms per step         range  images/s  time / tensorflow xla         range  first step, s  peak MB',
      'tensorflow xla           5.00  4.00 to 6.00    25,600                   1.00  1.00 to 1.00           1.50      300',
      'tensorflow graph         9.00  8.00 to 10.0    14,222                   1.80  1.33 to 2.50           1.50      300',
      'wasm                     30.0  20.0 to 60.0     4,267                   6.00  5.00 to 10.0           1.50         ',
      'cpu: stopped: more than 30 s for its first step',
      'broken: stopped: more than 30 s per step; its first step took 1.50 s',
    ])
  })

  test('without any finished round says so', () => {
    const none = compare(task(128), [measured('cpu', []), measured('wasm', [], { failure: 'gone' })])
    expect(none).not.toHaveProperty('fastest')
    expect(describeComparison(none)).toEqual([
      'mlp (784-400-20), batch size 128: no round was finished',
      'cpu: not measured; its first step took 1.50 s',
      'wasm: stopped: gone; its first step took 1.50 s',
    ])
  })

  test('is the same after it was written as JSON and read back', () => {
    expect(JSON.parse(JSON.stringify(comparison))).toEqual(comparison)
  })

  test("is a column of the chart, with 'stopped' in place of missing bars", () => {
    const svg = benchmarkChart([comparison, compare(task(32), results.slice(0, 3))], 'here')
    for (const text of ['batch size 128', 'batch size 32', 'tensorflow', 'graph', '9.00', 'stopped'])
      expect(svg, text).toContain(`${text}<`)
    expect(svg.match(/stopped</g)).toHaveLength(2)
  })
})

describe('the batch size from which a GPU pays', () => {
  /** A comparison with these milliseconds a round on the CPU and on the GPU. */
  const sized = (batchSize: number, cpu: number[], gpu: number[]): Comparison =>
    compare(task(batchSize), [
      measured('tensorflow xla', cpu),
      measured(
        'cpu',
        cpu.map(ms => 100 * ms),
      ),
      measured(
        'cuda graph',
        gpu.map(ms => 2 * ms),
        {},
        'NVIDIA A100',
      ),
      measured('cuda xla', gpu, {}, 'NVIDIA A100'),
      measured('PyTorch eager', [0.1, 0.1], {}, ''),
    ])

  test('is the smallest from which on the fastest mode of the GPU beats that of the CPU, round by round', () => {
    // At 8 it wins too, but not at 32: that is chance.
    const all = [
      sized(512, [40, 44], [4, 4]),
      sized(8, [2, 2], [1, 1]),
      sized(32, [2, 3], [4, 4]),
      sized(128, [8, 8], [4, 6]),
    ]
    const [found] = gpuAgainstCpu(all)
    expect(found).toMatchObject({ model: 'mlp', paysFrom: 128 })
    expect(found?.sizes.map(({ batchSize }) => batchSize)).toEqual([8, 32, 128, 512])
    expect(found?.sizes[2]).toMatchObject({
      gpu: 'cuda xla',
      cpu: 'tensorflow xla',
      gpuOverCpu: { median: 0.625, low: 0.5, high: 0.75 },
    })
    expect(found && describeGpu(found)).toContain(
      'mlp: the GPU is faster from batch size 128 on; time on the GPU / time on the CPU by batch size: 8: 0.500',
    )
  })

  test.each([
    [[sized(32, [2, 2], [1, 1]), sized(64, [4, 4], [1, 1])], 'is faster from batch size 32 on, the smallest measured'],
    [[sized(32, [2, 2], [9, 9]), sized(64, [4, 4], [9, 9])], 'the GPU is not faster up to batch size 64'],
    [[sized(32, [2, 2], [9, 9])], 'the GPU is not faster at batch size 32'],
    [[sized(32, [2, 2], [1, 1])], 'the GPU is faster at batch size 32'],
  ])('is described in words: $1', (comparisons, words) => {
    const [found] = gpuAgainstCpu(comparisons)
    expect(found && describeGpu(found)).toContain(words)
  })

  test('is unknown unless both a CPU and a GPU were measured', () => {
    expect(gpuAgainstCpu([comparison])).toEqual([])
    const gpuOnly = compare(task(8), [
      measured('cuda xla', [1], {}, 'NVIDIA A100'),
      measured('cpu', [], { failure: 'late' }),
    ])
    expect(gpuAgainstCpu([gpuOnly])).toEqual([])
  })
})
