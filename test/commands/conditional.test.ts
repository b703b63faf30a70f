// Runs of `train --condition label` as users look at them: every output says p(x|y), pictures by class, refusals, networks with two inputs.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { PNG } from 'pngjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { labelNumber } from '../../src/commands/label.js'
import { registerFileHandlers } from '../../src/libtensorflow/node-backend.js'
import type { TrainedRun } from '../../src/runs/trained-run.js'
import { useBackend } from '../support/backend.js'
import { commandLine } from '../support/command-line.js'
import { expectClose } from '../support/expectations.js'
import { smallMnist } from '../support/idx-file.js'
import { smallFlags } from './first-run.js'

const { home, json, succeed, refused } = commandLine()
const picture = (path: string) => PNG.sync.read(readFileSync(join(home, path)))
const CLASSES = 10
/** A compilation costs more than these small models. */
const plain = ['--compile', 'off'] as const

let said: string

beforeAll(() => {
  smallMnist(1200, 120, { folder: join(home, 'small'), labels: true })
  smallMnist(60, 12, { folder: join(home, 'unlabelled') })
  said = succeed('train', '--run', 'digits', '--condition', 'label', '--epochs', '2', ...plain, ...smallFlags)
})

test('every measurement says that it is one of log p(x|y)', () => {
  expect(said).toContain('validation ELBO of log p(x|y)')
  const evaluated = succeed('evaluate', 'digits', '--samples', '5', '--images', '20', '--reference', ...plain)
  expect(evaluated).toMatch(/images of small given their labels/)
  expect(evaluated).toMatch(/^log p\(x\|y\) +-\d/m)
  expect(evaluated).not.toMatch(/^\*/m) // no published number is comparable
  const few = ['--images', '20', '--reference', '20', '--samples', '5', ...plain]
  expect(succeed('score', 'digits', ...few)).toContain('log p(x|y)')
  const quadrature = ['--method', 'quadrature', '--grid', '81', '--images', '5', ...plain]
  expect(json('evaluate', 'digits', ...quadrature)).toMatchObject({ condition: 'label', images: 5 })
})

test('sample draws a column for each class, the same z in a row, or one class by name', () => {
  const all = json('sample', 'digits', '--count', '20')
  expect([all.count, all.classes.slice(0, 3), all.classes[13]]).toEqual([20, ['0', '1', '2'], '3'])
  expect(all.z[0]).toEqual(all.z[9])
  expect(all.z[0]).not.toEqual(all.z[10])
  const { width, height } = picture(all.path)
  expect(width / height).toBeGreaterThan(4)
  const threes = json('sample', 'digits', '--count', '4', '--label', '3', '--out', 'threes.png')
  expect(threes.classes).toEqual(['3', '3', '3', '3'])
  const epoch = picture(join('checkpoints', 'digits', 'images', 'samples-epoch-0002.png'))
  expect(epoch.width / epoch.height).toBeCloseTo(CLASSES / 8, 1)
})

test('traverse needs a class, posterior and encode take that of each image', () => {
  expect(picture(json('traverse', 'digits', '--label', '7', '--images', '20', ...plain).path).width).toBeGreaterThan(
    100,
  )
  refused(2, 'manifold: this run reads labels; choose a class with --label, one of 0, 1, 2', 'manifold', 'digits')
  expect(json('posterior', 'digits', '--images', '0,7', '--grid', '81', ...plain).images).toHaveLength(2)
  expect(json('encode', 'digits', '--images', '20', '--to', 'z.npz', ...plain).arrays.mean).toEqual([20, 2])
})

test('other labels, no labels and unknown classes are refused in one line', () => {
  refused(2, '--label 12: the classes of this run are 0, 1, 2', 'sample', 'digits', '--label', '12')
  const unlabelled = { snapshot: { data: {} } } as TrainedRun
  expect(() => labelNumber(unlabelled, '3')).toThrow('--label 3: this run reads no labels')
  refused(2, 'have no labels', 'evaluate', 'digits', '--data', 'unlabelled', '--samples', '5')
})

describe('an exported model', () => {
  test('has two inputs, which elbo.json describes, and plain tf.loadLayersModel gives the pixels of sample', async () => {
    const { z } = json('sample', 'digits', '--count', '6', '--label', '4', '--seed', '3', '--out', 'six.png')
    succeed('export', 'digits', '--to', 'exported')
    const about = JSON.parse(readFileSync(join(home, 'exported', 'elbo.json'), 'utf8'))
    expect(about).toMatchObject({ inputs: { encoder: ['image', 'label'], decoder: ['z', 'label'] } })
    expect(about.classes).toHaveLength(CLASSES)
    await useBackend()
    registerFileHandlers()
    const load = (name: string) => tf.loadLayersModel(`file://${join(home, 'exported', name, 'model.json')}`)
    const [encoder, decoder] = [await load('encoder'), await load('decoder')]
    const label = tf.oneHot(tf.fill([6], 4, 'int32'), CLASSES)
    const logits = decoder.predict([tf.tensor2d(z), label]) as tf.Tensor
    const pixels = tf.sigmoid(logits).mul(255).round().dataSync()
    const png = picture('six.png')
    const shown = Array.from(pixels, (_, i) => {
      const [image, row, column] = [Math.floor(i / 784), Math.floor((i % 784) / 28), i % 28]
      const [left, top] = [2 + (image % 3) * 58 + 2 * column, 2 + Math.floor(image / 3) * 58 + 2 * row] // 3 columns, scale 2, gap 2
      return png.data[4 * (top * png.width + left)] as number
    })
    expectClose(shown, pixels, 0)
    const [mu] = encoder.predict([tf.zeros([6, 784]), label]) as tf.Tensor[]
    expect(mu?.shape).toEqual([6, 2])
  })
})
