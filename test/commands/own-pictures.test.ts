// Pictures of one's own as --data of a trained run: one file, several sizes, colour.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { beforeAll, expect, test } from 'vitest'
import { commandLine } from '../support/command-line.js'
import { smallMnist } from '../support/idx-file.js'

const { home, succeed, refused, elbo } = commandLine()
const small = ['--hidden', '8', '--latent-dim', '2', '--epochs', '1', '--batch-size', '8', '--backend', 'cpu']

/** A PNG in colour of this size. */
function picture(name: string, width: number, height: number): string {
  const png = new PNG({ width, height })
  for (let i = 0; i < width * height; i++) png.data.set([(i * 7) % 256, (i * 3) % 256, i % 256, 255], 4 * i)
  const path = join(home, name)
  writeFileSync(path, PNG.sync.write(png))
  return path
}

beforeAll(() => {
  succeed('train', '--run', 'grey', '--data', smallMnist(60, 12), ...small)
})

test('a single picture is enough, and is resized and made grey as the run was trained', () => {
  const path = picture('face.png', 40, 30)
  const out = join(home, 'out.png')
  const { stderr, status } = elbo('reconstruct', 'grey', '--data', path, '--out', out, '--backend', 'cpu')
  expect(status, stderr).toBe(0)
  expect(stderr).toContain(`--data ${path}: images are resized to the run's 28x28`)
  refused(
    1,
    `--data ${path}: images of 30x40, but the run was trained on 28x28`,
    'evaluate',
    'grey',
    '--data',
    path,
    '--backend',
    'cpu',
  )
})

test('pictures of several sizes are interpolated and measured once they have one size', () => {
  mkdirSync(join(home, 'faces'))
  picture('faces/a.png', 40, 30)
  picture('faces/b.png', 28, 28)
  succeed('interpolate', 'grey', '--data', 'faces', '--count', '1', '--backend', 'cpu')
  succeed('train', '--run', 'resized', '--data', smallMnist(60, 12), '--resize', '28', ...small)
  const { images } = JSON.parse(
    succeed('evaluate', 'resized', '--data', 'faces', '--samples', '5', '--backend', 'cpu', '--json'),
  )
  expect(images).toBe(2)
})

test('colour is trained by a code length: bits per dimension, samples and reconstructions in colour', () => {
  mkdirSync(join(home, 'colours'))
  for (let i = 0; i < 24; i++) picture(`colours/${i}.png`, 9 + (i % 2), 9)
  refused(1, 'colours', 'train', '--run', 'x', '--data', 'colours', ...small)
  const settings = [
    '--resize',
    '9',
    '--likelihood',
    'discretized-logistic',
    '--binarize',
    'none',
    '--filters',
    '4',
    '--residual-blocks',
    '1',
  ]
  succeed('train', '--run', 'colour', '--data', 'colours', ...settings, ...small)
  const result = JSON.parse(succeed('evaluate', 'colour', '--samples', '10', '--backend', 'cpu', '--json'))
  expect(result.bitsPerDimension.of).toBe('levels 0 to 255')
  expect(result.bitsPerDimension.mean).toBeCloseTo(-result.logPx.mean / (9 * 9 * 3) / Math.LN2, 9)
  succeed('sample', 'colour', '--count', '4', '--out', 'samples.png', '--backend', 'cpu')
  succeed('train', '--run', 'colour', '--resume', '--epochs', '2', '--backend', 'cpu')
  succeed(
    'em',
    'gaussian-mixture',
    '--run',
    'mixture',
    '--data',
    'colours',
    '--resize',
    '9',
    '--components',
    '2',
    '--epochs',
    '2',
    '--backend',
    'cpu',
  )
  succeed('export', 'colour', '--to', 'exported', '--backend', 'cpu')
})
