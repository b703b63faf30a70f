// The training loop on a part of MNIST: metrics, learning rates, snapshots, constant memory, divergence, early stopping, locking.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { expect, test } from 'vitest'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { snapshotFolder } from '../../src/runs/directory.js'
import { readSnapshot } from '../../src/runs/snapshot.js'
import { readRunSnapshot } from '../../src/runs/trained-run.js'
import { useBackend } from '../support/backend.js'
import { expectClose } from '../support/expectations.js'
import { newRun, readConfig, readMetrics, readState, trainSmall } from '../support/runs.js'

test('without validation images every training image is learned from, and the best pass is the last', async () => {
  const run = newRun()
  const { history, position } = await trainSmall(run, { validation: 'none', epochs: 2 })
  expect(history.map(({ step }) => step)).toEqual([24, 48]) // 1,200 images in batches of 50
  expect(history.every(line => line.trainElbo !== undefined && !('validationElbo' in line))).toBe(true)
  expect(position.best).toEqual({ epoch: 2, validationBound: null })
  expect(readState(run, 'best')).toEqual(readState(run, 'latest'))
})

test('the best pass and patience begin when the KL warm-up ends', async () => {
  const warm = { trainImages: 200, klWarmup: 3, patience: 1, epochs: 6, learningRate: 1e-12 }
  const { position, history, ended } = await trainSmall(newRun(), warm)
  expect(history.slice(0, 3).map(({ beta }) => (beta as number) < 1)).toEqual([true, true, true])
  expect(position.best?.epoch).toBeGreaterThanOrEqual(3)
  expect(history.length).toBeGreaterThanOrEqual(4)
  expect(ended).toBe('early')
})

test('a mean of one value has no error: a pass of one step, a single validation image', async () => {
  const { history } = await trainSmall(newRun(), { trainImages: 50, validationImages: 1, epochs: 1 })
  expect(history[0]).toMatchObject({ validationImages: 1, trainElbo: expect.any(Number) })
  for (const name of ['trainElboError', 'validationElboError'])
    expect(Object.keys(history[0] as object)).not.toContain(name)
})

test('the learning rate falls after every epoch, or only at its milestones', async () => {
  const tiny = { trainImages: 50, hidden: [2], latentDim: 1, learningRate: 1e-3, learningRateDecay: 0.5 }
  const rates = async (changes: Partial<VaeConfig>) => {
    const { history } = await trainSmall(newRun(), { ...tiny, ...changes })
    return history.map(({ learningRate }) => learningRate)
  }
  expect(await rates({})).toEqual([1e-3, 5e-4, 2.5e-4, 1.25e-4])
  expect(await rates({ learningRateMilestones: [1, 3] })).toEqual([1e-3, 5e-4, 5e-4, 2.5e-4])
})

test('the number of draws grows at its milestones, and with it the importance-weighted bound; the best pass is one after the last', async () => {
  const still = { trainImages: 200, learningRate: 1e-12, objective: 'iwae' } as const
  const bounds = async (changes: Partial<VaeConfig>) => {
    const { history, position } = await trainSmall(newRun(), { ...still, ...changes })
    return { bounds: history.map(({ validationIwae, trainIwae }) => [validationIwae, trainIwae]), position }
  }
  const milestones: VaeConfig['samplesMilestones'] = [
    [1, 10],
    [3, 100],
  ]
  const [grown, ...fixed] = [
    await bounds({ samplesMilestones: milestones }),
    await bounds({}),
    await bounds({ samples: 10 }),
    await bounds({ samples: 100 }),
  ] as const
  const asFixed = [0, 1, 1, 2].map((k, epoch) => fixed[k]?.bounds[epoch])
  for (const [epoch, pair] of grown.bounds.entries()) expectClose(pair as number[], asFixed[epoch] as number[], 1e-2)
  expect((grown.bounds[3]?.[0] as number) - (grown.bounds[0]?.[0] as number)).toBeGreaterThan(1)
  expect(grown.position.best?.epoch).toBe(4)
  expect((await bounds({ samplesMilestones: milestones, epochs: 3 })).position.best?.epoch).toBe(3) // the latest
})

test('the bound gets better, and every pass writes a line of metrics', async () => {
  const run = newRun()
  const { ended, history } = await trainSmall(run)
  expect(ended).toBe('finished')
  expect(history.at(-1)?.validationElbo).toBeGreaterThan((history[0]?.validationElbo ?? 0) + 5)
  const lines = readMetrics(run)
  expect(lines).toEqual(JSON.parse(JSON.stringify(history)))
  const { compile } = readConfig(run)
  const backend = (await useBackend()).name
  for (const line of lines) {
    expect(line).toMatchObject({ backend, compile, validationImages: 200 })
    expect(line.validationElbo).toBeCloseTo((line.reconstruction as number) - (line.kl as number), 3)
    for (const name of ['epoch', 'step', 'seconds', 'trainElbo', 'imagesPerSecond', 'learningRate'])
      expect(line).toHaveProperty(name, expect.any(Number))
  }
  expect(lines.map(line => line.step)).toEqual([20, 40, 60, 80])
})

test('the number of tensors is the same after every epoch, and after the training as before it', async () => {
  await trainSmall(newRun(), { epochs: 1 }) // the backend's own one-time tensors
  const before = tf.memory().numTensors
  const counts: number[] = []
  await trainSmall(newRun(), {}, { observer: { epoch: () => void counts.push(tf.memory().numTensors) } })
  expect(new Set(counts).size).toBe(1)
  expect(counts).toHaveLength(4)
  expect(tf.memory().numTensors).toBe(before)
})

test('a snapshot holds all weights, the optimizer, the position and the settings, and older snapshots are removed', async () => {
  const run = newRun()
  await trainSmall(run, { epochs: 1 })
  const { tensors, position, settings } = readSnapshot(snapshotFolder(run, 'latest') as string)
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
  expect(readdirSync(join(run, 'snapshots'))).toEqual(['step-00000020'])
})

test('divergence stops the training, names step and cause, and keeps the last good snapshot', async () => {
  const run = newRun()
  await expect(trainSmall(run, { learningRate: 1e15 })).rejects.toThrow(
    /^step \d+ \(epoch 1\): the ELBO is (NaN|-?Infinity) nats: .*--learning-rate.* The last good snapshot is in .*latest$/,
  )
  expect(readRunSnapshot(run, 'latest').snapshot.position.step).toBe(0)
})

test('divergence in the last step of an epoch is found by the validation, before anything is saved', async () => {
  const run = newRun()
  const broken = trainSmall(run, { epochs: 1, batchSize: 1000, optimizer: 'sgd', learningRate: 1e30 }) // one step
  await expect(broken).rejects.toThrow(/^step 1 \(epoch 1\): the ELBO is NaN nats: the last update broke the weights/)
  expect(readRunSnapshot(run, 'latest').snapshot.position.step).toBe(0)
  expect(readMetrics(run)).toEqual([])
})

test('training stops early after as many epochs without a better bound as the patience allows', async () => {
  const still = { epochs: 50, patience: 2, optimizer: 'sgd', learningRate: 1e-30 } as const
  const { ended, position } = await trainSmall(newRun(), still)
  expect(ended).toBe('early')
  expect(position.epoch).toBe((position.best?.epoch ?? 0) + 2)
})

test('a run that another process trains is refused', async () => {
  const run = newRun()
  const observer = {
    async saved() {
      await expect(trainSmall(run, {}, { resume: true })).rejects.toThrow(
        `another process (pid ${process.pid}) is training this run`,
      )
    },
  }
  await trainSmall(run, { epochs: 1 }, { observer })
})

test('a batch larger than the training set is refused before anything is written', async () => {
  const run = newRun()
  await expect(trainSmall(run, { batchSize: 1001 })).rejects.toThrow(
    '--batch-size 1001: there are only 1000 training images',
  )
  expect(existsSync(run)).toBe(false)
})
