// Runs of a convolutional model: compiled steps equal eager ones, and a stopped run is resumed byte for byte.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadDataset } from '../../src/data/dataset.js'
import { vae } from '../../src/methods/vae.js'
import { presets } from '../../src/methods/vae-presets.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { useBackend } from '../support/backend.js'
import { smallMnist } from '../support/idx-file.js'
import { skipped } from '../support/native.js'
import { expectSameState, newRun, smallConfig, stopAfterFirstStep, trainSmall } from '../support/runs.js'
import { byteBatches, expectSameAsEager } from '../support/steps.js'

const data = smallMnist(240, 20)
const sizes = { filters: [4, 6], hidden: [16], latentDim: 3, batchSize: 20, epochs: 2 }
const convolutional: Partial<VaeConfig> = { ...presets.conv.config, data, ...sizes }

describe.skipIf(skipped !== '')(`a compiled convolutional step${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))

  test.each(['xla', 'graph'] as const)('by %s gives the same as eager TF.js', async mode => {
    const images = await loadDataset(data)
    // Adam divides by the size of a gradient, which makes the rounding of one near zero as large as a step.
    const config = await smallConfig({ ...convolutional, optimizer: 'momentum' })
    const learner = vae.create(config, { ...images, images: 0 })
    void learner.initialize(images, () => images.train)
    const schedules = Array.from({ length: 10 }, () => ({ learningRate: 1e-4, beta: 1, used: 20, first: 0 }))
    await expectSameAsEager(learner.step, byteBatches(10, [20, 784]), schedules, mode)
    learner.dispose()
    tf.disposeVariables()
  })
})

describe('a convolutional run', () => {
  test('that is stopped, between two epochs and within one, ends as the one that was never stopped', async () => {
    const [whole, parts] = [newRun(), newRun()]
    const { history } = await trainSmall(whole, convolutional)
    expect(history[1]?.validationElbo).toBeGreaterThan(history[0]?.validationElbo ?? 0)
    const stopped = await trainSmall(parts, convolutional, stopAfterFirstStep())
    expect(stopped).toMatchObject({ position: { epoch: 0, stepInEpoch: 1 } })
    await trainSmall(parts, { ...convolutional, epochs: 1 }, { resume: true })
    await trainSmall(parts, convolutional, { resume: true })
    expectSameState(parts, whole)
  })

  test('with more convolutions than its images can be halved is refused with the number that fits', async () => {
    const filters = [4, 4, 4, 4, 4, 4]
    await expect(trainSmall(newRun(), { ...convolutional, filters })).rejects.toThrow('images of 28x28 allow at most 5')
  })
})
