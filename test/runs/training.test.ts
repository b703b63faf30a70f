// The loop on a part of MNIST: exact resume, constant memory, divergence, early stopping, locking.
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/backend.js'
import { openBackend } from '../../src/backends/candidates.js'
import type { Choice } from '../../src/compile/step.js'
import { optimizers } from '../../src/inference/optimizer.js'
import { resolveConfig } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { snapshotFolder } from '../../src/runs/directory.js'
import { readReached } from '../../src/runs/reached.js'
import { readSnapshot } from '../../src/runs/snapshot.js'
import { train } from '../../src/runs/train.js'
import { loadTrainedVae, readRunSnapshot } from '../../src/runs/trained-run.js'
import type { TrainingObserver } from '../../src/runs/training.js'
import { smallMnist } from '../data/idx-file.js'
import { stopAfterFirstStep } from './stop.js'

let backend: Backend
let base: Partial<VaeConfig>

beforeAll(async () => {
  backend = (await openBackend('auto', { debug: false })).backend
  const data = smallMnist(mkdtempSync(join(tmpdir(), 'elbo-mnist-')), 1200, 100)
  const compile = backend.name === 'tensorflow' ? 'graph' : 'off'
  base = { data, batchSize: 50, hidden: [16], latentDim: 4, epochs: 4, learningRate: 5e-3, compile }
})

const folder = () => join(mkdtempSync(join(tmpdir(), 'elbo-run-')), 'run')

function run(
  to: string,
  changes: Partial<VaeConfig> = {},
  more: { resume?: boolean; observer?: Partial<TrainingObserver>; signal?: AbortSignal } = {},
) {
  return train({
    folder: to,
    config: resolveConfig(base, changes),
    resume: more.resume ?? false,
    backend,
    signal: more.signal,
    observer: more.observer ?? {},
  })
}

const readMetrics = (of: string) => readReached(of)?.history ?? []

const state = (of: string, name: 'latest' | 'best' = 'latest') => readFileSync(join(of, name, 'state.safetensors'))

test('without validation images every training image is learned from, and the best pass is the last', async () => {
  const to = folder()
  const { history, position } = await run(to, { validation: 'none', epochs: 2 })
  expect(history.map(({ step }) => step)).toEqual([24, 48]) // 1,200 images in batches of 50
  expect(history.every(line => line.trainElbo !== undefined && !('validationElbo' in line))).toBe(true)
  expect(position.best).toEqual({ epoch: 2, validationBound: null })
  expect(state(to, 'best')).toEqual(state(to, 'latest'))
})

test('the learning rate falls after every epoch, or only at its milestones', async () => {
  const rates = async (changes: Partial<VaeConfig>) =>
    (await run(folder(), { learningRateDecay: 0.5, ...tiny, ...changes })).history.map(
      ({ learningRate }) => learningRate,
    )
  const tiny = { trainImages: 50, hidden: [2], latentDim: 1, learningRate: 1e-3 }
  expect(await rates({})).toEqual([1e-3, 5e-4, 2.5e-4, 1.25e-4])
  expect(await rates({ learningRateMilestones: [1, 3] })).toEqual([1e-3, 5e-4, 5e-4, 2.5e-4])
})

test('the bound gets better and the metrics say what the contract promises', async () => {
  const to = folder()
  const { ended, history } = await run(to)
  expect(ended).toBe('finished')
  expect(history.at(-1)?.validationElbo).toBeGreaterThan((history[0]?.validationElbo ?? 0) + 5)
  const lines = readMetrics(to)
  expect(lines).toEqual(JSON.parse(JSON.stringify(history)))
  for (const line of lines) {
    expect(line).toMatchObject({ backend: backend.name, compile: base.compile, validationImages: 200 })
    expect(line.validationElbo).toBeCloseTo((line.reconstruction as number) - (line.kl as number), 3)
    for (const name of ['epoch', 'step', 'seconds', 'trainElbo', 'imagesPerSecond', 'learningRate'])
      expect(line).toHaveProperty(name, expect.any(Number))
  }
  expect(lines.map(line => line.step)).toEqual([20, 40, 60, 80])
})

describe('a resumed run is byte for byte the run that was never stopped', () => {
  test.each([...optimizers])('with %s, stopped between two epochs', async optimizer => {
    const changes = { optimizer, clipNorm: 50, klWarmup: 3 }
    const [whole, parts] = [folder(), folder()]
    await run(whole, changes)
    await run(parts, { ...changes, epochs: 2 })
    await run(parts, changes, { resume: true })
    expect(state(parts).equals(state(whole))).toBe(true)
    expect(state(parts, 'best').equals(state(whole, 'best'))).toBe(true)
    const withoutClock = (of: string) => readMetrics(of).map(({ seconds, imagesPerSecond, ...rest }) => rest)
    expect(withoutClock(parts)).toEqual(withoutClock(whole))
  })

  test.each(['xla', 'graph', 'off'] as const)(
    'stopped in the middle of an epoch, twice, with steps run by %s',
    async mode => {
      const compile = backend.name === 'tensorflow' ? mode : 'off'
      const [whole, parts] = [folder(), folder()]
      await run(whole, { compile })
      const stopped = (resume: boolean) => {
        const { signal, progress } = stopAfterFirstStep()
        return run(parts, { compile }, { resume, signal, observer: { progress } })
      }
      const first = await stopped(false)
      expect(first).toMatchObject({ ended: 'interrupted', position: { epoch: 0, stepInEpoch: 1, compile } })
      const second = await stopped(true)
      expect(second).toMatchObject({ ended: 'interrupted', position: { epoch: 0, stepInEpoch: 2 } })
      await run(parts, { compile }, { resume: true })
      expect(state(parts).equals(state(whole))).toBe(true)
    },
  )

  test('with steps run in the mode that is fastest, which a resumed run does not choose again', async () => {
    const [whole, parts] = [folder(), folder()]
    const choices: Choice[] = []
    const observer = { compiled: (choice: Choice) => void choices.push(choice) }
    await run(parts, { compile: 'auto', epochs: 2 }, { observer })
    const compile = choices[0]?.mode ?? 'off'
    await run(parts, { compile: 'auto' }, { resume: true, observer })
    await run(whole, { compile })
    expect(choices.map(({ mode }) => mode)).toEqual([compile, compile])
    if (compile !== 'off') expect(choices[1]?.reason).toBe('as before the run was stopped')
    expect(state(parts).equals(state(whole))).toBe(true)
  })

  test('killed after the metrics were written and before the snapshot was', async () => {
    const [whole, parts] = [folder(), folder()]
    await run(whole)
    await run(parts, { epochs: 3 })
    const earlier = folder()
    await run(earlier, { epochs: 2 })
    cpSync(join(parts, 'metrics.jsonl'), join(earlier, 'metrics.jsonl'))
    writeFileSync(
      join(earlier, 'metrics.jsonl'),
      `${readFileSync(join(earlier, 'metrics.jsonl'), 'utf8')}{"epoch":4,"st`,
    )
    await run(earlier, {}, { resume: true })
    expect(state(earlier).equals(state(whole))).toBe(true)
    expect(readMetrics(earlier).map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
  })

  test('killed before its first snapshot', async () => {
    const [whole, parts] = [folder(), folder()]
    await run(whole, { epochs: 1 })
    await run(parts, { epochs: 1 }, { resume: true })
    expect(state(parts).equals(state(whole))).toBe(true)
  })
})

test('the tensor count is the same at every epoch, and afterwards that of before', async () => {
  await run(folder(), { epochs: 1 }) // the backend's own one-time tensors
  const before = tf.memory().numTensors
  const counts: number[] = []
  await run(folder(), {}, { observer: { epoch: () => void counts.push(tf.memory().numTensors) } })
  expect(new Set(counts).size).toBe(1)
  expect(counts).toHaveLength(4)
  expect(tf.memory().numTensors).toBe(before)
})

test('every snapshot holds all that config.json describes, with finite values, and nothing is left beside it', async () => {
  const to = folder()
  await run(to, { epochs: 1 })
  const { tensors, position, settings } = readSnapshot(snapshotFolder(to, 'latest') as string)
  expect([...tensors.keys()].filter(name => !name.startsWith('optimizer/'))).toEqual([
    'encoder/hidden_1/kernel',
    'encoder/hidden_1/bias',
    'encoder/mu/kernel',
    'encoder/mu/bias',
    'encoder/log_var/kernel',
    'encoder/log_var/bias',
    'decoder/hidden_1/kernel',
    'decoder/hidden_1/bias',
    'decoder/logits/kernel',
    'decoder/logits/bias',
  ])
  expect(tensors.get('optimizer/adam/m/encoder/hidden_1/kernel')?.shape).toEqual([784, 16])
  expect(tensors.get('optimizer/adam/beta1_power')?.data[0]).toBeCloseTo(0.9 ** 21, 6)
  expect(position).toMatchObject({ epoch: 1, step: 20, stepInEpoch: 0, sums: {} })
  expect(settings).toMatchObject({ seed: 1, hidden: [16], binarize: 'dynamic' })
  expect(readdirSync(join(to, 'snapshots'))).toEqual(['step-00000020'])
})

test('divergence stops the training, names step and cause, and keeps the last good snapshot', async () => {
  const to = folder()
  await expect(run(to, { learningRate: 1e15 })).rejects.toThrow(
    /^step \d+ \(epoch 1\): the ELBO is (NaN|-?Infinity) nats: .* The last good snapshot stays in .*latest; .*--learning-rate/,
  )
  expect(readRunSnapshot(to, 'latest').snapshot.position.step).toBe(0)
})

test('divergence in the last step of an epoch is seen by the validation, before anything is saved', async () => {
  const to = folder()
  const broken = run(to, { epochs: 1, batchSize: 1000, optimizer: 'sgd', learningRate: 1e30 }) // one step
  await expect(broken).rejects.toThrow(/^step 1 \(epoch 1\): the ELBO is NaN nats: the last update broke the weights/)
  expect(readRunSnapshot(to, 'latest').snapshot.position.step).toBe(0)
  expect(readMetrics(to)).toEqual([])
})

test('patience ends the training early', async () => {
  const to = folder()
  const { ended, position } = await run(to, { epochs: 50, patience: 2, optimizer: 'sgd', learningRate: 1e-30 })
  expect(ended).toBe('early')
  expect(position.epoch).toBe((position.best?.epoch ?? 0) + 2)
})

test('a run that another process trains is refused', async () => {
  const to = folder()
  const observer = {
    async saved() {
      await expect(run(to, {}, { resume: true })).rejects.toThrow(
        `another process (pid ${process.pid}) is training this run`,
      )
    },
  }
  await run(to, { epochs: 1 }, { observer })
})

test('a run goes on only with the images that it began with', async () => {
  const to = folder()
  await run(to, { epochs: 1 })
  const data = smallMnist(mkdtempSync(join(tmpdir(), 'elbo-mnist-')), 1300, 100)
  await expect(run(to, { data }, { resume: true })).rejects.toThrow('this run was trained on other images')
})

test('a batch larger than the training set is refused before anything is written', async () => {
  const to = folder()
  await expect(run(to, { batchSize: 1001 })).rejects.toThrow('--batch-size 1001: there are only 1000 training images')
  expect(existsSync(to)).toBe(false)
})

describe('a damaged snapshot is named', () => {
  let good: string
  beforeAll(async () => {
    good = folder()
    await run(good, { epochs: 1 })
  })
  const damaged = (damage: (snapshot: string) => void) => {
    const copy = folder()
    cpSync(good, copy, { recursive: true, verbatimSymlinks: true })
    damage(join(copy, 'latest'))
    return () => readRunSnapshot(copy, 'latest')
  }

  test.each([
    'state.safetensors',
    'encoder/model.json',
    'encoder/weights.bin',
    'decoder/model.json',
    'decoder/weights.bin',
  ])('when a byte of %s is flipped, when it is cut short, when it is missing', file => {
    const flip = damaged(at => {
      const bytes = readFileSync(join(at, file))
      const middle = bytes.length >> 1
      bytes[middle] = (bytes[middle] as number) ^ 1
      writeFileSync(join(at, file), bytes)
    })
    expect(flip).toThrow(`${file}: `)
    const cut = damaged(at => writeFileSync(join(at, file), readFileSync(join(at, file)).subarray(0, -1)))
    expect(cut).toThrow(`${file}: `)
    const missing = damaged(at => rmSync(join(at, file)))
    expect(missing).toThrow(`${file}: the file is missing`)
  })

  test('when config.json describes another model', () => {
    const copy = folder()
    cpSync(good, copy, { recursive: true, verbatimSymlinks: true })
    writeFileSync(join(copy, 'config.json'), JSON.stringify(resolveConfig(base, { hidden: [17] })))
    expect(() => loadTrainedVae(copy, 'latest')).toThrow(
      'latest/state.safetensors: was trained with hidden = [16], but config.json says [17]',
    )
  })
})

describe('a resumed run never starts over what was trained', () => {
  let good: string
  beforeAll(async () => {
    good = folder()
    await run(good, { epochs: 1 })
  })
  const resumeOf = (damage: (copy: string) => void, changes: Partial<VaeConfig> = {}) => {
    const copy = folder()
    cpSync(good, copy, { recursive: true, verbatimSymlinks: true })
    damage(copy)
    return run(copy, changes, { resume: true })
  }

  test.each<[string, (copy: string) => void, string]>([
    ['latest is missing', copy => rmSync(join(copy, 'latest')), 'latest: the link is missing or leads nowhere'],
    [
      'latest leads nowhere',
      copy => rmSync(join(copy, 'snapshots'), { recursive: true }),
      'latest: the link is missing or leads nowhere',
    ],
    ['the copy did not keep links', dereference, 'a folder, but a link into snapshots/ was expected'],
    ['metrics.jsonl is missing', copy => rmSync(join(copy, 'metrics.jsonl')), 'metrics.jsonl: has epochs none'],
    [
      'metrics.jsonl has garbage',
      copy => writeFileSync(join(copy, 'metrics.jsonl'), 'null\n'),
      'metrics.jsonl: line 1 is not a JSON object',
    ],
  ])('when %s', async (_name, damage, message) => {
    await expect(resumeOf(damage)).rejects.toThrow(message)
  })

  test('when config.json has other settings than the snapshot was made with', async () => {
    for (const changes of [
      { seed: 2 },
      { batchSize: 25 },
      { activation: 'tanh' },
      { optimizer: 'sgd' },
    ] as Partial<VaeConfig>[]) {
      const [[name, value]] = Object.entries(changes) as [[string, unknown]]
      await expect(resumeOf(() => {}, changes)).rejects.toThrow(`but config.json says ${JSON.stringify(value)}`)
      await expect(resumeOf(() => {}, changes)).rejects.toThrow(`was trained with ${name} = `)
    }
  })
})

/** What `cp -rL` makes of a run. */
function dereference(copy: string): void {
  for (const name of ['latest', 'best']) {
    const target = realpathSync(join(copy, name))
    rmSync(join(copy, name))
    cpSync(target, join(copy, name), { recursive: true })
  }
}
