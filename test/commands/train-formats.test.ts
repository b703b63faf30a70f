// One small epoch of `elbo train` and `elbo em` on images of each format; resuming after the images have changed.
import { cpSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resolveConfig } from '../../src/methods/vae.js'
import type { VaeConfig } from '../../src/methods/vae-settings.js'
import { train } from '../../src/runs/train.js'
import { fill, fixture as picture } from '../data/sources/reading.js'
import { useBackend } from '../support/backend.js'
import { commandLine } from '../support/command-line.js'
import { idxImages } from '../support/idx-file.js'
import { readMetrics } from '../support/runs.js'
import { fixture as array, bits, pictures } from '../support/sources.js'
import { temporaryFolder } from '../support/temporary-folder.js'

process.env.ELBO_CACHE = temporaryFolder()
const { home, checkpoints, elbo, succeed, refused, interrupted } = commandLine()
const small = ['--epochs', '1', '--batch-size', '1', '--backend', 'cpu', '--hidden', '4', '--latent-dim', '2']

function written(name: string, content: Uint8Array | string): string {
  const path = join(home, name)
  writeFileSync(path, content)
  return path
}

const colours = (count: number, extension: string) =>
  fill(
    join(home, extension),
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}.${extension}`, `colour.${extension}`])),
  )

function cifarFolder(): string {
  const folder = join(home, 'cifar')
  mkdirSync(folder)
  for (const [name, count] of [
    ['data_batch_1.bin', 8],
    ['test_batch.bin', 2],
  ] as const)
    writeFileSync(
      join(folder, name),
      Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(3073, i % 10))),
    )
  return folder
}

const idx = (count: number) => idxImages({ count, rows: 4, columns: 5, pixels: Uint8Array.from(pictures(count, 4, 5)) })
const binary = (count: number) => `${Array.from({ length: count }, () => bits(1, 4, 4).join(' ')).join('\n')}\n`

test('Ctrl-C ends a training that still reads its images: nothing of a run is left', async () => {
  const large = join(home, 'large.bin')
  writeFileSync(large, '')
  truncateSync(large, 2 ** 33) // without data, so without space on the disk
  const args = ['train', '--run', 'unread', '--data', large, '--raw-shape', '8192x1024x1024', ...small]
  const { status, stderr } = await interrupted(/backend/, ...args)
  expect(stderr).toContain(`elbo: interrupted while the images of ${large} were read; nothing was begun`)
  expect(status).toBe(130)
  expect(existsSync(join(checkpoints, 'unread'))).toBe(false)
})

test('bytes of 0 and 1, labels and shares are settings of a run, which is resumed and encoded with them', () => {
  const images = written('bits.bin', Uint8Array.from(bits(24, 4, 4)))
  const labels = written('labels.csv', Array.from({ length: 24 }, (_, i) => (i % 3 ? 'a' : 'b')).join('\n'))
  const options = [
    '--raw-shape',
    '24x4x4',
    '--levels',
    '0-1',
    '--labels',
    labels,
    '--validation',
    '0.25',
    '--test',
    '0.5',
  ]
  const { stderr } = elbo('train', '--run', 'bits', '--data', images, ...options, ...small)
  expect(stderr).toContain('9 training and 3 validation images of 4x4')
  expect(stderr).not.toContain('almost black')
  succeed('train', '--run', 'bits', '--resume', '--epochs', '2')
  succeed('encode', 'bits', '--to', 'codes.csv', '--split', 'test')
  expect(readFileSync(join(home, 'codes.csv'), 'utf8').split('\n')[0]).toContain('labelName')
  refused(2, '--validation 0.5: the run began with 0.25', 'train', '--run', 'bits', '--resume', '--validation', '0.5')
  refused(
    1,
    'labels.csv: 24 labels, but there are 12 images',
    'train',
    '--data',
    images,
    '--raw-shape',
    '12x4x8',
    '--labels',
    labels,
  )
})

interface Given extends Partial<VaeConfig> {
  data: string
}

const sources: Readonly<Record<string, () => Given>> = {
  idx: () => ({ data: `${written('train.idx', idx(8))},${written('test.idx', idx(2))}` }),
  npz: () => ({ data: array('keras.npz'), validation: 'none' }),
  npy: () => ({ data: `${array('colour-last.npy')},${array('colour-last.npy')}`, validation: 'none' }),
  mat: () => ({ data: array('chardata.mat'), validation: 'none' }),
  amat: () => ({ data: written('binary.amat', binary(40)) }),
  cifar: () => ({ data: cifarFolder(), resize: '4' }),
  png: () => ({ data: colours(40, 'png'), likelihood: 'discretized-logistic', binarize: 'none' }),
  webp: () => ({ data: colours(40, 'webp'), channels: 'grey' }),
  parquet: () => ({ data: `${picture('hub.parquet')},${picture('zstd.parquet')}`, validation: 'none' }),
  raw: () => ({ data: written('images.bin', Uint8Array.from(pictures(40, 4, 5, 3))), rawShape: '40x4x5x3' }),
}

test.each(Object.entries(sources))('%s: one epoch of a VAE', async (name, make) => {
  const folder = join(checkpoints, name)
  const tiny = { epochs: 1, batchSize: 1, hidden: [4], latentDim: 2 }
  await train({ folder, config: resolveConfig({ ...tiny, ...make() }, {}), backend: await useBackend('cpu') })
  const [{ epoch, trainElbo } = { epoch: 0, trainElbo: Number.NaN }] = readMetrics(folder)
  expect([epoch, Number.isFinite(trainElbo)]).toEqual([1, true])
})

test('mixtures and factor models of pictures in colour', () => {
  const data = fill(
    join(home, 'faces'),
    Object.fromEntries(Array.from({ length: 48 }, (_, i) => [`${i}.png`, i % 2 ? 'colour.png' : 'palette.png'])),
  )
  succeed(
    'em',
    'bernoulli-mixture',
    '--run',
    'em',
    '--components',
    '2',
    '--data',
    data,
    '--epochs',
    '1',
    '--backend',
    'cpu',
  )
  succeed(
    'em',
    'factor-analysis',
    '--run',
    'fa',
    '--latent-dim',
    '1',
    '--data',
    data,
    '--epochs',
    '1',
    '--backend',
    'cpu',
  )
})

test('a run whose images have changed is refused by name, and goes on once they are as they were', () => {
  const data = fill(
    join(home, 'changing'),
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i}.png`, 'colour.png'])),
  )
  succeed('train', '--run', 'changing', '--data', data, ...small)
  cpSync(picture('colour.webp'), join(data, '0.png')) // the same pixels, in another file
  succeed('train', '--run', 'changing', '--resume', '--epochs', '2')
  cpSync(picture('palette.png'), join(data, '0.png'))
  refused(1, data, 'train', '--run', 'changing', '--resume', '--epochs', '3')
  cpSync(picture('colour.png'), join(data, '0.png'))
  succeed('train', '--run', 'changing', '--resume', '--epochs', '3')
})
