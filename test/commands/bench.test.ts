// `elbo bench` as users run it, on the backend that runs everywhere; and what it measures.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { describe, expect, test } from 'vitest'
import { bench } from '../../src/commands/bench/bench.js'
import { modelNamed } from '../../src/commands/bench/benchmark-models.js'
import { type Plan, planTasks } from '../../src/commands/bench/benchmark-plan.js'
import { findPeers } from '../../src/commands/bench/peers.js'
import { parseFlag, type Setting } from '../../src/settings/setting.js'
import { commandLine } from '../support/command-line.js'
import { repository } from '../support/repository.js'

const NO_PYTHON = '/nowhere/python'

const { home, elbo, refused, interrupted } = commandLine({ BENCH_PYTHON: NO_PYTHON })
const tiny = ['--backends', 'cpu', '--models', '784-4-2', '--batch-sizes', '2', '--seconds', '0.01']

test('bench measures, prints one JSON document, writes its files, and says how to install the peers', () => {
  const { status, stdout, stderr } = elbo('bench', ...tiny, '--rounds', '1', '--peers', '--out', 'found', '--json')
  expect(status, stderr).toBe(0)
  const { comparisons, backends, interrupted } = JSON.parse(stdout)
  expect(backends).toMatchObject([{ name: 'cpu', runs: true, modes: ['off'] }])
  expect(comparisons).toMatchObject([{ model: '784-4-2', batchSize: 2, rounds: 1, fastest: 'cpu' }])
  const [row] = comparisons[0].rows
  expect(row).toMatchObject({ name: 'cpu', label: 'off', timeOverFastest: { median: 1 } })
  expect(row.imagesPerSecond.median).toBeCloseTo(2000 / row.times[0])
  expect(row.firstStepSeconds).toBeGreaterThan(0)
  expect(row.peakMegabytes).toBeGreaterThan(50) // MNIST alone is 55 MB
  expect(interrupted).toBe(false)
  expect(JSON.parse(readFileSync(join(home, 'found/bench.json'), 'utf8')).comparisons).toEqual(comparisons)
  expect(PNG.sync.read(readFileSync(join(home, 'found/bench.png'))).width).toBeGreaterThan(100)
  expect(existsSync(join(home, 'found/bench.svg'))).toBe(true)
  expect(stderr).toContain(`there is no Python at ${NO_PYTHON}: run bench/peers/setup.sh`)
})

test('Ctrl-C ends bench with the finished rounds and exit code 130', async () => {
  const { status, stdout } = await interrupted(/./, 'bench', ...tiny, '--rounds', '1000', '--json')
  expect(status).toBe(130)
  expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, backends: [{ name: 'cpu', runs: true }] })
})

test.each<[keyof typeof bench.options, string, string]>([
  ['backends', 'cpu,gpu', '--backends cpu,gpu: some of'],
  ['modes', 'fast', '--modes fast: some of xla,graph,off'],
  ['models', '100-4-2', '--models 100-4-2: mlp (784-400-20), conv (the preset)'],
  ['models', 'mlp,', '--models mlp,: mlp (784-400-20)'],
  ['batchSizes', '0', '--batch-sizes 0: whole numbers from 1 to 50000'],
  ['rounds', '0', '--rounds 0: a whole number'],
  ['seconds', '0', '--seconds 0: a number above 0'],
  ['limit', '-1', '--limit -1: a number above 0'],
])('a bad value of an option is refused: %s %s', (name, text, message) => {
  expect(() => parseFlag(name, bench.options[name] as Setting<unknown>, text)).toThrow(message)
})

test.each([
  [2, 'elbo: --modes xla: cpu can only run with off', '--backends', 'cpu', '--modes', 'xla'],
  [2, 'elbo: --precisions bfloat16: only mode xla has it', ...tiny, '--precisions', 'bfloat16'],
  [2, 'elbo: --threads 2: has no effect on PyTorch and JAX', ...tiny, '--threads', '2', '--peers'],
  [1, 'package.json', ...tiny, '--out', join(repository, 'package.json')],
])('bench refuses with exit code %i and one line what cannot be done: %s', (code, message, ...args) => {
  refused(code, message, 'bench', ...args)
})

describe('the candidates', () => {
  const hardware = { inSoftware: false }
  const modes = ['xla', 'graph', 'off'] as const
  const plan = (more: Partial<Plan>) =>
    planTasks({
      backends: [
        { name: 'tensorflow', runs: true, version: '', device: 'CPU, 2 threads', ...hardware, modes: [...modes] },
        { name: 'wasm', runs: true, version: '', device: 'CPU, 1 thread', ...hardware, modes: ['off'] },
      ],
      modes,
      precisions: ['float32'],
      models: ['mlp', 'conv'].map(name => modelNamed(name) ?? expect.fail(name)),
      batchSizes: [32, 128],
      peers: [],
      options: { debug: false },
      ...more,
    })

  test('are every backend in each of its modes that was asked for, for each model and batch size', () => {
    const tasks = plan({})
    expect(tasks.map(({ model, batchSize }) => `${model.name} ${batchSize}`)).toEqual([
      'mlp 32',
      'mlp 128',
      'conv 32',
      'conv 128',
    ])
    const names = (at: number, tasks: ReturnType<typeof plan>) => tasks[at]?.entries.map(({ name }) => name)
    expect(names(0, tasks)).toEqual(['tensorflow xla', 'tensorflow graph', 'tensorflow off', 'wasm'])
    expect(names(3, plan({ modes: ['graph'] }))).toEqual(['tensorflow graph'])
  })

  test('are XLA in each precision that was asked for, and the other modes in float32', () => {
    const [task] = plan({ precisions: ['float32', 'bfloat16'] })
    const names = task?.entries.map(({ name }) => name)
    expect(names).toEqual(['tensorflow xla', 'tensorflow xla bfloat16', 'tensorflow graph', 'tensorflow off', 'wasm'])
    expect(JSON.parse(task?.entries[1]?.args[1] ?? '')).toMatchObject({ mode: 'xla', precision: 'bfloat16' })
  })

  test('have the threads that were asked for', () => {
    const [entry] = plan({ options: { debug: false, threads: 3 } })[0]?.entries ?? []
    expect(JSON.parse(entry?.args[1] ?? '').options).toEqual({ debug: false, threads: 3 })
  })

  test('say in their names where a CPU stands in for a GPU', () => {
    const device = 'CPU, in software: swiftshader'
    const webgpu = {
      name: 'webgpu',
      runs: true as const,
      version: '',
      device,
      inSoftware: true,
      modes: ['off' as const],
    }
    const [entry] = plan({ backends: [webgpu] })[0]?.entries ?? []
    expect(entry).toMatchObject({ name: 'webgpu in software', group: 'webgpu in software', device })
    expect(JSON.parse(entry?.args[1] ?? '')).toMatchObject({ backend: 'webgpu', mode: 'off' })
  })

  test('train the networks of the presets', () => {
    const work = (at: number) => JSON.parse(plan({})[at]?.entries[0]?.args[1] ?? '')
    expect(work(1)).toMatchObject({
      backend: 'tensorflow',
      mode: 'xla',
      config: { hidden: [400], latentDim: 20, activation: 'relu', batchSize: 128 },
    })
    expect(work(2).config).toMatchObject({ filters: [32, 64], hidden: [256], batchSize: 32 })
  })

  test('can be peers, which get the same sizes', () => {
    const peers = findPeers(process.execPath)
    if (typeof peers === 'string') expect.fail(peers)
    const [dense, conv] = [plan({ peers })[0], plan({ peers })[3]]
    const scan = (task = dense) => task?.entries.find(({ name }) => name === 'JAX lax.scan')
    expect(JSON.parse(scan()?.env?.BENCH_MODEL ?? '')).toMatchObject({ hidden: [400], latent: 20, batch: 32 })
    expect(JSON.parse(scan(conv)?.env?.BENCH_MODEL ?? '')).toMatchObject({ filters: [32, 64], latent: 32, batch: 128 })
    expect([scan()?.chunk, scan(conv)?.chunk]).toEqual([100, 5])
    for (const file of dense?.entries.slice(4).map(({ args }) => args[0] ?? '') ?? [])
      expect(existsSync(join(repository, 'bench/peers', file)), file).toBe(true)
  })
})

test.each(['', '784', '784-20', '784-400-0', 'mlp@128', '784-400-', 'Conv'])("a model is not called '%s'", name => {
  expect(modelNamed(name)).toBeUndefined()
})
