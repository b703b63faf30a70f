// The peers' benchmark without its peers: names, tables, and the document that people also write in.
import { describe, expect, test } from 'vitest'
import { type Candidate, chooseCandidates } from '../bench/candidates.mjs'
import { chart, comparison, report, section, withReport } from '../bench/report.mjs'
import { modelsOf, parseModel, parseWorks } from '../bench/workload.mjs'
import type { Measured } from '../src/commands/bench/interleave.js'

describe('names on the command line', () => {
  test('of models give hidden layers, latent dimensions and batch size', () => {
    expect(parseModel('784-400-20@128')).toEqual({ name: '784-400-20@128', hidden: [400], latent: 20, batch: 128 })
    expect(parseModel('784-1000-1000-100@256')).toMatchObject({ hidden: [1000, 1000], latent: 100, batch: 256 })
  })

  test('of convolutional models give filters, one hidden layer, latent dimensions and batch size', () => {
    const expected = { filters: [32, 64], hidden: [256], latent: 32, batch: 128 }
    expect(parseModel('conv32-64-256-32@128')).toMatchObject(expected)
    expect(parseModel('conv8-16-4@2')).toMatchObject({ filters: [8], hidden: [16], latent: 4, batch: 2 })
  })

  test.each([
    '',
    '784-20@128',
    '784-400-20',
    '100-400-20@128',
    '784-400-0@128',
    'conv64-32@128',
    '784-4x-20@1',
    '784-4-2@1.5',
  ])("that are no model are refused: '%s'", name => {
    expect(() => parseModel(name)).toThrow(`model '${name}' must look like 784-HIDDEN`)
  })

  test('of unknown work are refused, and models that the work does not take', () => {
    expect(parseWorks('importance,steps')).toEqual(['importance', 'steps'])
    expect(() => parseWorks('steps,toString')).toThrow("work 'toString' is not one of: steps, workers, importance")
    expect(() => modelsOf('importance', 'conv32-64-256-32@128')).toThrow('fully connected models only')
    expect(modelsOf('steps', undefined).length).toBeGreaterThan(1)
  })

  test('choose candidates by parts of their names, and are refused where they match none', () => {
    const names = (only: string) => chooseCandidates(['steps'], only).steps?.map(({ name }) => name)
    expect(names('JAX l,elbo g')).toEqual(['elbo graph', 'JAX lax.scan', 'JAX lax.scan bfloat16'])
    expect(names('')?.length).toBeGreaterThan(8)
    expect(() => names('jax,julia')).toThrow("no candidate's name contains 'julia'; there are elbo xla, elbo graph")
  })
})

function candidate(name: string, more: Partial<Candidate> = {}): Candidate {
  return { name, group: 'peers', label: name, program: 'node', args: [], chunk: 1, ...more }
}

function measured(name: string, times: number[], more: Partial<Candidate> = {}): Measured<Candidate> {
  return { candidate: candidate(name, more), times, firstCallMs: 1500, peakMegabytes: 90, failure: undefined }
}

const model = parseModel('784-400-20@128')
const results = [
  measured('elbo graph', [10, 9, 8], { reference: true, group: 'elbo' }),
  measured('elbo xla', [4, 5, 6], { reference: true, group: 'elbo' }),
  measured('peer', [2, 10, 3]),
  { ...measured('broken', []), failure: 'ended early (exit code 1): a | b' },
  measured('sgemm', [1, 1, 1], { group: 'floor', products: true }),
]

describe('a comparison', () => {
  const compared = comparison('steps', model, results)

  test('is a table of medians, ranges, ratios to the faster compiled mode round by round, and failures with their reason', () => {
    expect(section(compared).split('\n')).toEqual([
      '### One training step: 784-400-20, batch 128',
      '',
      '| candidate | ms per step | range | time / elbo xla | its range | first call, s | peak MB |',
      '|---|---:|---:|---:|---:|---:|---:|',
      '| elbo graph | 9.00 | 8.00 to 10.00 | 1.80 | 1.33 to 2.50 | 1.5 | 90 |',
      '| elbo xla | 5.00 | 4.00 to 6.00 | 1.00 | 1.00 to 1.00 | 1.5 | 90 |',
      '| peer | 3.00 | 2.00 to 10.00 | 0.50 | 0.50 to 2.00 | 1.5 | 90 |',
      '| broken | failed: ended early (exit code 1): a \\| b |  |  |  |  |  |',
      '| sgemm | 1.00 | 1.00 to 1.00 | 0.20 | 0.17 to 0.25 | 1.5 | 90 |',
    ])
  })

  test('has no ratios without elbo', () => {
    const [, , peer] = results
    expect(section(comparison('steps', model, peer ? [peer] : []))).toContain(
      '| peer | 3.00 | 2.00 to 10.00 |  |  | 1.5 | 90 |',
    )
  })

  test('of importance sampling gives microseconds per draw', () => {
    const times = comparison('importance', parseModel('784-200-200-50@100'), [measured('elbo xla', [400])])
    expect(section(times)).toContain('| elbo xla | 4.00 | 4.00 to 4.00 |')
  })

  test('says that the floors are left out where there are convolutions', () => {
    const conv = comparison('steps', parseModel('conv32-64-256-32@128'), results.slice(0, 3))
    expect(section(conv)).toContain('conv 32-64, dense 256-32, batch 128')
    expect(section(conv)).toContain('left out')
    expect(section(compared)).not.toContain('left out')
  })

  test('is a chart with a column for each model, a row for each candidate, and a text where a candidate failed or took no part', () => {
    const conv = comparison('steps', parseModel('conv32-64-256-32@128'), results.slice(0, 3))
    const { columns, groups } = chart([compared, conv], 'here')
    expect(columns).toEqual(['784-400-20\nbatch 128', 'conv 32-64, dense 256-32\nbatch 128'])
    expect(groups.map(({ name, quiet }) => [name, quiet])).toEqual([
      ['elbo', false],
      ['peers', false],
      ['floor', true],
    ])
    const graph = { value: 9, low: 8, high: 10 }
    expect(groups[0]?.rows[0]).toEqual({ name: 'elbo graph', bars: [graph, graph] })
    expect(groups[1]?.rows[1]).toEqual({ name: 'broken', bars: ['failed', ''] })
    expect(groups[2]?.rows[0]).toEqual({ name: 'sgemm', bars: [{ value: 1, low: 1, high: 1 }, ''] })
  })
})

describe('withReport', () => {
  const run = { command: 'node bench/peers.mjs', machine: 'two cores', date: '2024-05-06' }
  const comparisons = [comparison('steps', model, results)]
  const text = report({ ...run, comparisons })

  test('replaces the text between the markers and keeps every other byte', () => {
    const [before, after] = ['# Benchmarks\r\n\nmine  \n', '\n\n## Levers\n$& $1 mine too']
    const old = `${before}<!-- bench:begin -->old <b>tables</b><!-- bench:end -->${after}`
    const renewed = withReport(old, text)
    expect(renewed).toBe(`${before}<!-- bench:begin -->\n\n${text}\n\n<!-- bench:end -->${after}`)
    expect(withReport(renewed, text)).toBe(renewed)
    for (const part of ['`node bench/peers.mjs`, 2024-05-06', 'two cores', 'benchmark-steps.png', '| peer | 3.00 |'])
      expect(text).toContain(part)
  })

  test.each([
    'no markers',
    '<!-- bench:begin --> only',
    '<!-- bench:end --> before <!-- bench:begin -->',
    '<!-- bench:begin --><!-- bench:end --><!-- bench:begin --><!-- bench:end -->',
  ])('refuses a document without exactly one begin marker followed by one end marker: %s', document => {
    expect(() => withReport(document, text)).toThrow('<!-- bench:begin --> once')
  })
})
