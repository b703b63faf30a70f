// `elbo train` and `elbo em` as users run them: what a run leaves, how it ends early, and starts that fail.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { fixedMode, useBackend } from '../support/backend.js'
import { commandLine } from '../support/command-line.js'
import { expectSameState, readConfig, readMetrics } from '../support/runs.js'
import { smallFlags, trainFirst } from './first-run.js'

const line = commandLine()
const { home, checkpoints, elbo, json, succeed, refused, interrupted, shell } = line
const runOf = (name: string) => join(checkpoints, name)
let printed: string

beforeAll(() => {
  printed = trainFirst(line)
})

test('train prints a line for each epoch and leaves settings, metrics, models and pictures', () => {
  expect(printed).toMatch(/epoch 2\/2 {2}validation ELBO -\d+\.\d\d ± \d/)
  expect(printed).toMatch(/active units: [0-2] of 2 latent dimensions say something about the image \(200 images\)/)
  for (const file of [
    'config.json',
    'metrics.jsonl',
    ...['latest', 'best'].flatMap(name =>
      ['state.safetensors', 'encoder/model.json', 'decoder/model.json'].map(part => `${name}/${part}`),
    ),
    'plots/elbo.svg',
    'plots/elbo.png',
    'images/samples-epoch-0002.png',
    'images/reconstructions-epoch-0002.png',
  ]) {
    expect(existsSync(join(runOf('first'), file)), file).toBe(true)
  }
  expect(readConfig(runOf('first'))).toMatchObject({ epochs: 2, hidden: [16], seed: 1, binarize: 'dynamic' })
})

test('em, sample and evaluate agree on a run; a setting that is off is null in config.json', () => {
  const settings = ['--components', '3', '--epochs', '3', '--tolerance', 'off', '--data', 'small', '--compile', 'off']
  const stdout = succeed('em', 'bernoulli-mixture', '--run', 'mixture', ...settings)
  expect(stdout).toMatch(/epoch 3\/3 {2}validation log p\(x\) -\d+\.\d\d ± \d/)
  const run = runOf('mixture')
  expect(readConfig(run)).toMatchObject({ tolerance: null, components: 3 })
  expect(existsSync(join(run, 'plots', 'half-steps.png'))).toBe(true)
  const { logPx, images } = json('evaluate', 'mixture', '--split', 'validation', '--compile', 'off')
  expect(logPx.mean).toBeCloseTo(readMetrics(run).at(-1)?.validationElbo as number, 3)
  expect(images).toBe(200)
  expect(json('sample', 'mixture', '--count', '4').z).toHaveLength(4)
})

test('Ctrl-C saves, says how to go on and exits 130; the resumed run ends as if nothing had happened', async () => {
  const compile = fixedMode(await useBackend()) // two runs: the fastest mode of one may not be that of the other
  const settings = [...smallFlags, '--batch-size', '5', '--compile', compile] // 200 steps an epoch
  const endless = ['--epochs', '100000'] // so that it cannot end before the signal arrives
  const { status, stderr } = await interrupted(/epoch +1\//, 'train', '--run', 'stopped', ...endless, ...settings)
  expect(status).toBe(130)
  expect(stderr).toContain('continue with: elbo train --run stopped --resume')
  const epochs = ['--epochs', String(readMetrics(runOf('stopped')).length + 1)]
  succeed('train', '--run', 'stopped', '--resume', ...epochs)
  succeed('train', '--run', 'whole', ...epochs, ...settings)
  expectSameState(runOf('stopped'), runOf('whole'))
})

test('a pipe that closes early ends the training in order', () => {
  const { stdout, stderr } = shell(`$ELBO train --run piped --epochs 50 ${smallFlags.join(' ')} | head -1`)
  expect(stdout.trim().split('\n')).toHaveLength(1)
  expect(stderr).not.toContain('EPIPE')
  expect(json('runs').find(({ name }: { name: string }) => name === 'piped').epoch).toBeGreaterThan(0)
})

test('a run keeps its number of threads, and says so when a resumed one has another', () => {
  const threads = () => readConfig(runOf('first')).threads
  expect(threads()).toBe(availableParallelism())
  const other = availableParallelism() + 1
  const { status, stderr } = elbo('train', '--run', 'first', '--resume', '--threads', String(other))
  expect(status, stderr).toBe(0)
  expect(stderr).toContain(
    `threads: ${availableParallelism()} so far, ${other} from now on: the last digits will differ`,
  )
  expect(threads()).toBe(other)
})

test('a GPU that cannot be used is an error with reason and fix, never a run on the CPU', () => {
  const { runs, reason, fix } = json('backends')[0]
  if (runs) return
  refused(1, `backend cuda cannot run: ${reason}. Fix: ${fix}`, 'train', '--run', 'gpu', '--backend', 'cuda')
  expect(existsSync(runOf('gpu'))).toBe(false)
  // Who has no such GPU is not told about it with every command.
  if (/no NVIDIA driver/.test(reason)) expect(elbo('sample', 'first').stderr).not.toContain('cuda')
})

test('a data file that is cut short is refused by name', () => {
  cpSync(join(home, 'small'), join(home, 'cut'), { recursive: true })
  const file = join(home, 'cut/train-images-idx3-ubyte')
  writeFileSync(file, readFileSync(file).subarray(0, 1000))
  refused(1, 'train-images-idx3-ubyte: the file is truncated', 'train', '--run', 'cut', '--data', 'cut')
})

test('a start that fails leaves other files alone and its own name free', () => {
  mkdirSync(runOf('mine'))
  writeFileSync(join(runOf('mine'), 'notes.txt'), 'mine')
  refused(2, 'already exists and is not a run', 'train', '--run', 'mine', '--data', 'small')
  expect(readFileSync(join(runOf('mine'), 'notes.txt'), 'utf8')).toBe('mine')
  mkdirSync(runOf('killed'))
  mkdirSync(join(home, 'empty'))
  writeFileSync(join(runOf('killed'), 'config.json.123.tmp'), '{') // of a start that was killed at once
  refused(1, 'no images in this folder', 'train', '--run', 'killed', '--data', join(home, 'empty'))
  refused(1, 'no images in this folder', 'train', '--run', 'fails', '--data', join(home, 'empty'))
  expect(existsSync(runOf('fails'))).toBe(false)
})
