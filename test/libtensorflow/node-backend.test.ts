// The TF.js backend on libtensorflow: tensors, gradients, training, files, images, summaries.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { createNodeBackend, type NodeBackend, nodeNamespace } from '../../src/libtensorflow/node-backend.js'
import { openBinding, skipped } from '../support/native.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { writeSavedModel } from './saved-model-bytes.js'

describe.skipIf(skipped !== '')(`the TF.js backend on libtensorflow${skipped}`, () => {
  let backend: NodeBackend
  let directory = ''
  beforeAll(async () => {
    backend = createNodeBackend(openBinding())
    tf.registerBackend('tensorflow', () => backend, 3)
    await tf.setBackend('tensorflow')
    directory = temporaryFolder()
  })

  test('computes, and reads tensors synchronously and asynchronously', async () => {
    const sum = tf.tensor([1, 2]).add(tf.tensor([10, 20]))
    expect(sum.dataSync()).toEqual(new Float32Array([11, 22]))
    expect(await sum.data()).toEqual(new Float32Array([11, 22]))
    expect(await tf.tensor([3, 4]).data()).toEqual(new Float32Array([3, 4]))
    expect(await tf.tensor(['a', 'ü'], [2], 'string').data()).toEqual(['a', 'ü'])
  })

  test('reads a tensor in full that is disposed while it is read', async () => {
    const tensor = tf.range(0, 1000).square()
    const pending = tensor.data()
    tensor.dispose()
    expect((await pending)[999]).toBe(999 ** 2)
  })

  test('refuses to read a tensor that is gone', async () => {
    const tensor = tf.range(0, 2).square()
    const { dataId } = tensor
    tensor.dispose()
    await expect(backend.read(dataId)).rejects.toThrow()
  })

  test('computes gradients', () => {
    const gradient = tf.grad(x => x.square().mul(3).sum())(tf.tensor([1, -2]))
    expect(gradient.dataSync()).toEqual(new Float32Array([6, -12]))
  })

  test('trains a layers model, saves it under file:// and loads it again', async () => {
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1] })] })
    model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' })
    const x = tf.tensor([[0], [1], [2]])
    const y = tf.tensor([[1], [3], [5]])
    await model.fit(x, y, { epochs: 200, verbose: 0 })
    await model.save(`file://${join(directory, 'model')}`)
    const loaded = await tf.loadLayersModel(`file://${join(directory, 'model')}/model.json`)
    const prediction = loaded.predict(tf.tensor([[3]])) as tf.Tensor
    expect(prediction.dataSync()[0]).toBeCloseTo(7, 1)
    expect(prediction.dataSync()).toEqual((model.predict(tf.tensor([[3]])) as tf.Tensor).dataSync())
  })

  test('encodes and decodes images', async () => {
    const pixels = tf.tensor3d([0, 50, 100, 150, 200, 250], [1, 2, 3], 'int32')
    const png = await nodeNamespace().encodePng(pixels)
    expect([...png.subarray(1, 4)]).toEqual([...Buffer.from('PNG')])
    expect(nodeNamespace().decodeImage(png).dataSync()).toEqual(pixels.dataSync())
  })

  test('writes summaries for TensorBoard and keeps none of the tensors made for them', () => {
    const writer = nodeNamespace().summaryFileWriter(directory)
    writer.scalar('elbo', -90, 0)
    const before = backend.binding.getNumOfTensors()
    for (let step = 1; step <= 10; step++) writer.scalar('elbo', -90 + step, step)
    expect(backend.binding.getNumOfTensors()).toBe(before)
    writer.flush()
    const file = readdirSync(directory).find(name => name.includes('tfevents')) ?? 'no events'
    expect(readFileSync(join(directory, file), 'latin1')).toContain('elbo')
  })

  test('loads and runs a SavedModel', async () => {
    writeSavedModel(join(directory, 'saved'))
    const model = await nodeNamespace().loadSavedModel(join(directory, 'saved'))
    const y = model.predict({ x: tf.tensor([1, 2]), b: tf.tensor([10, 20]) })
    expect(y.y?.dataSync()).toEqual(new Float32Array([12, 24]))
    model.dispose()
    expect(nodeNamespace().getNumOfSavedModels()).toBe(0)
  })

  test('frees the tensors of TensorFlow that TF.js disposes', () => {
    const before = backend.binding.getNumOfTensors()
    tf.tidy(() =>
      tf
        .randomNormal([10, 10])
        .matMul(tf.ones([10, 10]))
        .sum(),
    ).dispose()
    expect(backend.binding.getNumOfTensors()).toBe(before)
  })
})
