// Commands that look at a run without measuring it, as users run them: pictures, export, and lists of what there is.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { PNG } from 'pngjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { registerFileHandlers } from '../../src/libtensorflow/node-backend.js'
import { useBackend } from '../support/backend.js'
import { commandLine } from '../support/command-line.js'
import { idxImages } from '../support/idx-file.js'
import { smallFlags, trainFirst } from './first-run.js'

const line = commandLine()
const { home, checkpoints, elbo, json, succeed, refused } = line
const readPicture = (path: string) => PNG.sync.read(readFileSync(join(home, path)))

beforeAll(() => void trainFirst(line, '--compile', 'off'))

test('runs and backends list what there is', () => {
  expect(json('runs')).toMatchObject([{ name: 'first', epoch: 2, best: { validationBound: expect.any(Number) } }])
  const names = json('backends').map(({ name }: { name: string }) => name)
  expect(names).toEqual(['cuda', 'tensorflow', 'webgpu', 'wasm', 'cpu'])
})

test('sample prints one JSON document, and plain tf.loadLayersModel gives its pixels for its z', async () => {
  const { z, path, count } = json('sample', 'first', '--count', '6', '--seed', '3', '--out', 'six.png')
  expect([z.length, z[0].length, count]).toEqual([6, 2, 6])
  expect(json('export', 'first', '--to', 'exported').files).toHaveLength(5)
  await useBackend()
  registerFileHandlers()
  const decoder = await tf.loadLayersModel(`file://${join(home, 'exported/decoder/model.json')}`)
  const pixels = tf
    .sigmoid(decoder.predict(tf.tensor2d(z)) as tf.Tensor)
    .mul(255)
    .round()
    .dataSync()
  const png = readPicture(path)
  const found = [...pixels].filter((level, i) => {
    const [image, row, column] = [Math.floor(i / 784), Math.floor((i % 784) / 28), i % 28]
    const [left, top] = [2 + (image % 3) * 58 + 2 * column, 2 + Math.floor(image / 3) * 58 + 2 * row] // 3 columns, scale 2, gap 2
    return png.data[4 * (top * png.width + left)] === level
  })
  expect(found.length).toBe(6 * 784)
})

test('export --model-card writes every format, a card with the numbers of evaluate, and the z of its pictures', () => {
  const flags = ['--model-card', '--saved-model', '--onnx', '--images', '100', '--samples', '20']
  const { files } = json('export', 'first', '--to', 'published', ...flags)
  const names = files.map((path: string) => path.replace('published/', ''))
  expect(names.filter((name: string) => !/^(en|de)coder\//.test(name))).toEqual([
    ...['elbo.json', 'saved_model/saved_model.pb', 'onnx/decoder.onnx', 'onnx/encoder.onnx'],
    ...['README.md', 'samples.png', 'samples.json', 'reconstructions.png', 'weights.safetensors'],
  ])
  const card = readFileSync(join(home, 'published/README.md'), 'utf8')
  const { elbo, logPx } = json('evaluate', 'first', '--images', '100', '--samples', '20')
  for (const { mean, standardError } of [elbo, logPx])
    expect(card).toContain(`| ${mean.toFixed(2)} | ${standardError.toFixed(2)} | nats/image |`)
  expect(card).toContain('On 100 test images of `small`; ± is one standard error')
  expect(card).toContain('The prior of z is N(0, I)')
  expect(JSON.parse(readFileSync(join(home, 'published/samples.json'), 'utf8')).z).toEqual(
    json('sample', 'first', '--out', 'published.png').z,
  )
  expect(readFileSync(join(home, 'published/samples.png')).equals(readFileSync(join(home, 'published.png')))).toBe(true)
  refused(
    2,
    '--samples: only a model card has numbers; add --model-card',
    'export',
    'first',
    '--to',
    'x',
    '--samples',
    '5',
  )
})

test('reconstruct, interpolate and manifold each write a picture and print the z that it shows', () => {
  for (const [args, name] of [
    [['reconstruct', 'first', '--count', '5'], 'reconstructions'],
    [['interpolate', 'first', '--count', '2', '--steps', '4'], 'interpolations'],
    [['manifold', 'first', '--side', '5'], 'manifold'],
  ] as const) {
    const { path, z } = json(...args)
    expect(path).toBe(join('checkpoints', 'first', 'images', `${name}.png`))
    expect(readPicture(path).width).toBeGreaterThan(100)
    expect(z.length).toBeGreaterThan(4)
  }
})

test('interpolate walks between numbered images and files, straight or along an arc', () => {
  const { z, ends } = json('interpolate', 'first', '--between', '3,8,0,3', '--steps', '3')
  expect(ends).toEqual([3, 8, 0, 3])
  expect(z).toHaveLength(6)
  expect(z[0]).toEqual(z[5]) // the code of image 3
  for (const [j, value] of z[1].entries()) expect(value).toBeCloseTo((z[0][j] + z[2][j]) / 2, 6)
  const arc = json('interpolate', 'first', '--between', '3,8', '--steps', '3', '--path', 'spherical')
  expect([arc.z[0], arc.z[2]]).toEqual([z[0], expect.anything()])
  expect(arc.z[1]).not.toEqual(z[1])
  const file = picture('dot.png')
  expect(json('interpolate', 'first', '--between', `${file},8`, '--steps', '2').ends).toEqual([file, 8])
})

test('interpolate refuses what is no pair of images', () => {
  const refuse = (message: string, ...args: string[]) => refused(2, message, 'interpolate', 'first', ...args)
  refuse('--between 3,8,0: pairs of images were expected', '--between', '3,8,0')
  refuse('--between 999: there are 120 test images, numbered from 0', '--between', '3,999')
  refuse('--count: --between names the images', '--between', '3,8', '--count', '2')
})

/** A PNG of 28 x 28 pixels with one bright row. */
function picture(name: string): string {
  const png = new PNG({ width: 28, height: 28 })
  for (let i = 0; i < 784; i++) png.data.set([...Array(3).fill(i < 28 ? 255 : 0), 255], 4 * i)
  writeFileSync(join(home, name), PNG.sync.write(png))
  return name
}

test('posterior draws a row an image, and its ELBO and KL add up to log p(x)', () => {
  const { images, path } = json('posterior', 'first', '--images', '0,7', '--grid', '81', '--compile', 'off')
  expect(images.map(({ image }: { image: number }) => image)).toEqual([0, 7])
  for (const { elbo, gap, logPx } of images) {
    expect(gap).toBeGreaterThan(0)
    expect(elbo + gap).toBeCloseTo(logPx, 9)
  }
  expect(readPicture(path).height).toBeGreaterThan(600)
})

test('the manifold of a model without two latent dimensions is refused', () => {
  const few = ['--train-images', '100', '--validation-images', '50']
  succeed('train', '--run', 'three', '--epochs', '1', ...smallFlags, ...few, '--latent-dim', '3')
  refused(1, 'run three has 3 latent dimensions; manifold needs 2', 'manifold', 'three')
})

test('a checkpoint with a flipped byte is refused by name', () => {
  const copy = join(checkpoints, 'flipped')
  cpSync(join(checkpoints, 'first'), copy, { recursive: true, verbatimSymlinks: true })
  const file = join(copy, 'best/state.safetensors')
  const bytes = readFileSync(file)
  bytes[bytes.length - 2] = (bytes[bytes.length - 2] as number) ^ 1
  writeFileSync(file, bytes)
  refused(1, 'best/state.safetensors: ', 'sample', 'flipped')
})

describe('images of another size than the run was trained on', () => {
  const evaluate = ['evaluate', 'first', '--data', 'tiny.idx,tiny.idx']
  beforeAll(() => {
    const tiny = idxImages({ count: 6, rows: 2, columns: 2, pixels: new Uint8Array(24) })
    writeFileSync(join(home, 'tiny.idx'), tiny)
  })

  test('are refused', () => {
    refused(1, 'images of 2x2, but the run was trained on 28x28', ...evaluate)
  })

  test('are refused under --json by a JSON document, with exit code 1', () => {
    const { stdout, status } = elbo(...evaluate, '--json')
    expect(JSON.parse(stdout).error).toContain('images of 2x2')
    expect(status).toBe(1)
  })
})
