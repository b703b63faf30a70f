// A convolutional model through the training loop: compiled as eager, and resumed bit for bit.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/backends/backend.js'
import { openBackend } from '../../src/backends/candidates.js'
import { loadDataset } from '../../src/data/dataset.js'
import { resolveConfig, vae } from '../../src/methods/vae.js'
import { presets } from '../../src/methods/vae-presets.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { train } from '../../src/runs/train.js'
import { smallMnist } from '../support/idx-file.js'
import { skipped } from '../support/native.js'
import { stopAfterFirstStep } from '../support/runs.js'
import { byteBatches, expectSameAsEager } from '../support/steps.js'

const data = smallMnist(mkdtempSync(join(tmpdir(), 'elbo-mnist-')), 240, 20)
const small: Partial<VaeConfig> = { data, filters: [4, 6], hidden: [16], latentDim: 3, batchSize: 20, epochs: 2 }
const config = resolveConfig(presets.conv.config, small)

describe.skipIf(skipped !== '')(`a compiled convolutional step${skipped}`, () => {
  beforeAll(() => openBackend('tensorflow', { debug: false }))

  test.each(['xla', 'graph'] as const)('by %s gives what eager TF.js gives', async mode => {
    const images = loadDataset(data)
    // Adam divides by the size of a gradient, which makes the rounding of one near zero as large as a step.
    const learner = vae.create({ ...config, optimizer: 'momentum' }, { ...images, images: 0 })
    void learner.initialize(images, () => images.train)
    const schedules = Array.from({ length: 10 }, () => ({ learningRate: 1e-4, beta: 1, used: 20, first: 0 }))
    await expectSameAsEager(learner.step, byteBatches(10, [20, 784]), schedules, mode)
    learner.dispose()
    tf.disposeVariables()
  })
})

describe('a convolutional run', () => {
  let backend: Backend
  beforeAll(async () => {
    backend = (await openBackend('auto', { debug: false })).backend
  })
  const folder = () => join(mkdtempSync(join(tmpdir(), 'elbo-run-')), 'run')
  const state = (of: string) => readFileSync(join(of, 'latest', 'state.safetensors'))

  type More = { resume?: boolean; signal?: AbortSignal; progress?: () => void }

  function run(to: string, changes: Partial<VaeConfig> = {}, more: More = {}) {
    const compile = backend.name === 'tensorflow' ? 'graph' : 'off'
    const { resume = false, signal = new AbortController().signal, progress = () => {} } = more
    const job = { folder: to, config: { ...config, compile, ...changes }, resume, backend, signal } as const
    return train({ ...job, observer: { progress } })
  }

  test('that is stopped, between two epochs and within one, ends as the one that was never stopped', async () => {
    const [whole, parts] = [folder(), folder()]
    const { history } = await run(whole)
    expect(history[1]?.validationElbo).toBeGreaterThan(history[0]?.validationElbo ?? 0)
    expect(await run(parts, {}, stopAfterFirstStep())).toMatchObject({ position: { epoch: 0, stepInEpoch: 1 } })
    await run(parts, { epochs: 1 }, { resume: true })
    await run(parts, {}, { resume: true })
    expect(state(parts).equals(state(whole))).toBe(true)
  })

  test('whose convolutions do not fit the images is refused with sizes that would', async () => {
    await expect(run(folder(), { filters: [4, 4, 4] })).rejects.toThrow('multiples of 8, such as 32x32')
  })
})
