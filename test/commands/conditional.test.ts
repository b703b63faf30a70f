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

test('sample --from codes fits a mixture to the codes of each class that is drawn', () => {
  const codes = ['sample', 'digits', '--from', 'codes', '--components', '2', '--out', 'codes.png'] as const
  const all = json(...codes, '--count', '30')
  expect(all.fits.map((fit: { class: string }) => fit.class)).toEqual(all.classes.slice(0, CLASSES))
  expect(all.fits.reduce((sum: number, { codes }: { codes: number }) => sum + codes, 0)).toBe(1000)
  expect(all.z[0]).not.toEqual(all.z[1])
  const threes = json(...codes, '--count', '3', '--label', '3')
  expect(threes.classes).toEqual(['3', '3', '3'])
  expect(threes.fits).toEqual([all.fits[3]])
  expect(threes.z[0]).toEqual(all.z[3]) // the draws of a class do not depend on the others
  refused(2, '--components 900: there are only', ...codes, '--components', '900', '--label', '3')
})

test('a learned mixture prior goes with classes; a VampPrior, whose pseudo-inputs have none, is refused', () => {
  const prior = ['--prior', 'mixture', '--prior-components', '5', '--kl', 'monte-carlo'] as const
  succeed('train', '--run', 'mixed', '--condition', 'label', '--epochs', '1', ...plain, ...smallFlags, ...prior)
  const few = ['--images', '20', '--compile', 'off'] as const
  const sampled = json('evaluate', 'mixed', '--samples', '500', ...few)
  const grid = json('evaluate', 'mixed', '--method', 'quadrature', '--grid', '201', ...few)
  expect([grid.condition, grid.prior]).toEqual(['label', 'a mixture of 5 Gaussians'])
  expect(Math.abs(grid.logPx.mean - sampled.logPx.mean)).toBeLessThan(0.3) // few draws: a little too low
  expect(json('sample', 'mixed', '--label', '3', '--count', '2', '--out', 'mixed.png').classes).toEqual(['3', '3'])
  refused(
    2,
    '--prior vamp: its pseudo-inputs have no class',
    ...['train', '--run', 'vamp', '--condition', 'label', '--prior', 'vamp', '--kl', 'monte-carlo', ...smallFlags],
  )
})

describe('an exported model', () => {
  test('has a card that names the classes and both inputs, in every format', () => {
    const flags = ['--model-card', '--saved-model', '--onnx', '--images', '100', '--samples', '20']
    const { files } = json('export', 'digits', '--to', 'published', ...flags)
    expect(files).toContain(join('published', 'saved_model/saved_model.pb'))
    expect(files).toContain(join('published', 'onnx/decoder.onnx'))
    const card = readFileSync(join(home, 'published/README.md'), 'utf8')
    const { logPx } = json('evaluate', 'digits', '--images', '100', '--samples', '20')
    expect(card).toContain(`| log p(x\\|y) | ${logPx.mean.toFixed(2)} | ${logPx.standardError.toFixed(2)} |`)
    expect(card).toContain('`label` [batch, 10]')
    expect(card).toContain("{'z': z, 'label': label}")
    const { z, label } = JSON.parse(readFileSync(join(home, 'published/samples.json'), 'utf8'))
    expect([z.length, label.slice(0, 11)]).toEqual([70, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]])
    expect(z[0]).toEqual(z[9])
    const { width, height } = picture('published/samples.png')
    expect(width).toBeGreaterThan(height) // a column for each class
  })

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
