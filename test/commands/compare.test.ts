// `elbo compare` as users run it: a subprocess of the built program, on a part of MNIST.
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { beforeAll, expect, test } from 'vitest'
import type { RunResult } from '../../src/commands/compare/compare-results.js'
import { fixedMode, useBackend } from '../support/backend.js'
import { commandLine } from '../support/command-line.js'
import { smallMnist } from '../support/idx-file.js'
import { readConfig } from '../support/runs.js'

const { home, checkpoints, elbo, json, refused, interrupted } = commandLine()
let args: string[]

beforeAll(async () => {
  const compile = fixedMode(await useBackend())
  smallMnist(600, 60, { folder: join(home, 'small') })
  const networks = ['--hidden', '8', '--latent-dim', '2', '--batch-size', '50', '--samples', '5']
  const methods = ['--methods', 'wake-sleep@100,bernoulli-mixture:5']
  args = ['--data', 'small', '--epochs', '2', ...methods, ...networks, '--compile', compile]
})

test('a comparison leaves ordinary runs, and table, CSV, JSON and chart that agree with each other and with evaluate', () => {
  const found = json('compare', '--run', 'c', '--seeds', '1,2', ...args)
  const rows: RunResult[] = found.rows
  expect(rows.map(({ label, seed }) => `${label} ${seed}`)).toEqual(
    [1, 2].flatMap(seed => ['wake-sleep:2@100', 'bernoulli-mixture:5'].map(label => `${label} ${seed}`)),
  )
  const sizes = rows.slice(0, 2).map(({ passes, imagesSeen, parameters }) => [passes, imagesSeen, parameters])
  // Encoder 784 * 8 + 8 and two of 8 * 2 + 2, decoder 2 * 8 + 8 and 8 * 784 + 784; five times 784 means, and four weights.
  expect(sizes).toEqual([
    [10, 1000, 13_396],
    [2, 1000, 3924],
  ])
  const { digest, ...saved } = JSON.parse(readFileSync(join(checkpoints, 'c/compare.json'), 'utf8'))
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect(found).toEqual({ ...saved, interrupted: false })
  const csv = readFileSync(join(checkpoints, 'c/compare.csv'), 'utf8').trimEnd().split('\n')
  expect(csv).toHaveLength(5)
  rows.forEach(({ run, validationBound }, i) => {
    expect(csv[i + 1]).toContain(`${run},`)
    expect(csv[i + 1]).toContain(`,${validationBound.mean},`)
  })
  expect(PNG.sync.read(readFileSync(join(checkpoints, 'c/compare.png'))).height).toBeGreaterThan(1000)
  expect(json('runs').map(({ name }: { name: string }) => name)).toEqual(rows.map(({ run }) => run).sort())
  expect(readConfig(join(checkpoints, rows[0]?.run ?? ''))).toMatchObject({
    trainImages: 100,
    objective: 'wake-sleep',
    epochs: 10,
  })
  const compile = args.at(-1) as string
  for (const { run, testBound, testLogPx } of rows.slice(0, 2)) {
    const samples = run.includes('mixture') ? [] : ['--samples', '5']
    const evaluated = json('evaluate', run, '--compile', compile, ...samples)
    expect(evaluated.elbo).toEqual(testBound)
    expect(testLogPx).toMatchObject(evaluated.logPx)
  }
})

test('pictures of a finished run that a kill lost are drawn again by --resume, and its row stays', () => {
  const before = readFileSync(join(checkpoints, 'c/compare.json'), 'utf8')
  const picture = join(checkpoints, 'c.bernoulli-mixture-5.seed-1/images/reconstructions-epoch-0002.png')
  const drawn = readFileSync(picture)
  rmSync(picture)
  json('compare', '--run', 'c', '--resume')
  expect(readFileSync(picture).equals(drawn)).toBe(true)
  expect(readFileSync(join(checkpoints, 'c/compare.json'), 'utf8')).toBe(before)
})

test('each method uses for all seeds the step size that was best for the first seed', () => {
  const given = ['--methods', 'vae@100', '--epochs', '1', '--learning-rate', '1e-6,0.01', '--seeds', '1,2']
  const rows: RunResult[] = json('compare', '--run', 'rates', ...args, ...given).rows
  expect(rows.map(({ learningRate }) => learningRate)).toEqual([0.01, 0.01])
  const [{ tried, validationBound }] = rows as [RunResult, RunResult]
  const [low, high] = tried.map(({ bound }) => bound) as [number, number]
  expect(high).toBe(validationBound.mean)
  expect(high).toBeGreaterThan(low)
  expect(rows[1]?.tried).toEqual([])
  const made = ['rate-0.000001.seed-1', 'rate-0.01.seed-1', 'rate-0.000001.seed-2', 'rate-0.01.seed-2']
  expect(made.map(name => existsSync(join(checkpoints, `rates.vae-2.images-100.${name}`)))).toEqual([
    ...[true, true],
    ...[false, true],
  ])
  expect(json('compare', '--run', 'rates', '--resume').rows).toEqual(rows)
})

test('log p(x) of a decoder by annealing and of mean field by prediction agree with those of evaluate, on as many images', () => {
  const work = ['--ais-chains', '2', '--ais-temperatures', '5']
  const given = ['--methods', 'monte-carlo-em:2,mean-field-mixture:3', '--epochs', '1', '--test-images', '20', ...work]
  const rows: RunResult[] = json('compare', '--run', 'sampled', ...args, ...given).rows
  expect(rows.map(({ testLogPx: { by, count } }) => [by, count])).toEqual([
    ['annealed importance sampling', 20],
    ['posterior predictive', 20],
  ])
  for (const { testBound, testLogPx } of rows) expect(testBound.mean).toBeLessThan(testLogPx.mean)
  const compile = args.at(-1) as string
  const ais = ['--method', 'ais', '--images', '20', '--chains', '2', '--temperatures', '5']
  const decoder = json('evaluate', rows[0]?.run ?? '', '--compile', compile, ...ais)
  expect(rows[0]?.testLogPx).toMatchObject({ ...decoder.logPx, monteCarloError: decoder.logPxMonteCarloError })
  const mixture = json('evaluate', rows[1]?.run ?? '', '--compile', compile)
  expect(mixture.logPx.count).toBe(60)
  expect(mixture.logPx.mean).toBeGreaterThan(mixture.elbo.mean)
  const ignored = '--samples: has no effect with --method ais; leave it out'
  refused(2, ignored, 'evaluate', rows[0]?.run ?? '', '--samples', '3')
})

test('Ctrl-C saves and exits 130; the resumed comparison ends with the same table', async () => {
  const { status, stderr } = await interrupted(/1 of 4/, 'compare', '--run', 'stopped', '--seeds', '1,2', ...args)
  expect(status, stderr).toBe(130)
  expect(stderr).toContain('continue with: elbo compare --run stopped --resume')
  const made = readFileSync(join(checkpoints, 'stopped.wake-sleep-2.images-100.seed-1/metrics.jsonl'))
  expect(existsSync(join(checkpoints, 'stopped.bernoulli-mixture-5.seed-2'))).toBe(false)
  const found = json('compare', '--run', 'stopped', '--resume')
  const whole = JSON.parse(readFileSync(join(checkpoints, 'c/compare.json'), 'utf8'))
  const timeless = (rows: RunResult[]) =>
    rows.map(({ run: _, seconds, curve, ...rest }) => ({ ...rest, bounds: curve.map(({ bound }) => bound) }))
  expect(timeless(found.rows)).toEqual(timeless(whole.rows))
  expect(readFileSync(join(checkpoints, 'stopped.wake-sleep-2.images-100.seed-1/metrics.jsonl')).equals(made)).toBe(
    true,
  )
})

test('killed between a line of metrics and its snapshot it goes on to the same numbers', () => {
  const half = [...args, '--epochs', '1'] // of the two epochs
  json('compare', '--run', 'killed', ...half)
  for (const run of ['wake-sleep-2.images-100.seed-1', 'bernoulli-mixture-5.seed-1'])
    cpSync(join(checkpoints, `c.${run}`, 'metrics.jsonl'), join(checkpoints, `killed.${run}`, 'metrics.jsonl'))
  const { rows } = json('compare', '--run', 'killed', '--resume', '--epochs', '2')
  const whole: RunResult[] = JSON.parse(readFileSync(join(checkpoints, 'c/compare.json'), 'utf8')).rows.slice(0, 2)
  const numbers = (of: RunResult[]) => of.map(({ passes, bestPass, testLogPx }) => ({ passes, bestPass, testLogPx }))
  expect(numbers(rows)).toEqual(numbers(whole))
})

test('a damaged compare.json is refused by name, one without a digest is measured again, and check says so', () => {
  const path = join(checkpoints, 'c/compare.json')
  const good = readFileSync(path, 'utf8')
  expect(json('check', 'c').whole).toBe(true)
  writeFileSync(path, good.replace(/"mean": -1/, '"mean": -2'))
  expect(elbo('compare', '--run', 'c', '--resume').stderr).toContain('c/compare.json: its digest does not match')
  const { status, stdout } = elbo('check', 'c')
  expect([status, stdout]).toEqual([
    1,
    expect.stringContaining('damaged     c/compare.json: its digest does not match'),
  ])
  const { digest, ...older } = JSON.parse(good)
  writeFileSync(path, JSON.stringify(older))
  const { stderr } = elbo('compare', '--run', 'c', '--resume')
  expect(stderr).toContain('has no digest, an older version wrote it; its runs are measured again')
  expect(JSON.parse(readFileSync(path, 'utf8')).rows.map(({ testLogPx }: RunResult) => testLogPx)).toEqual(
    older.rows.map(({ testLogPx }: RunResult) => testLogPx),
  )
})

test.each([
  ['compare --methods vae,ppca', 'their nats are not comparable'],
  ['compare --run c', 'c already exists: continue the comparison with --resume'],
  ['compare --train-images 501 --data small', '--train-images 501: there are only 500 training images'],
  ['compare --test-images 61 --data small', '--test-images 61: there are only 60 test images'],
])('elbo %s is refused in one line, before anything is made', (command, message) => {
  refused(2, message, ...command.split(' '))
  expect(existsSync(join(checkpoints, 'compare-1'))).toBe(false)
})
