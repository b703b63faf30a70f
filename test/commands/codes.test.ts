// encode, score and traverse as users run them, on pictures of two classes.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { beforeAll, expect, test } from 'vitest'
import { blocksOf } from '../docs/blocks.js'
import { commandLine } from '../support/command-line.js'
import { smallMnistLabels } from '../support/idx-file.js'
import { trainFirst } from './first-run.js'

const line = commandLine()
const { home, json, succeed, refused, shell } = line

/** A grey PNG of 28 x 28 pixels: a bright square of `side` pixels. */
function picture(name: string, side: number): void {
  const png = new PNG({ width: 28, height: 28 })
  for (let i = 0; i < 784; i++) {
    const level = Math.max(Math.floor(i / 28), i % 28) < side ? 255 : 0
    png.data.set([level, level, level, 255], 4 * i)
  }
  writeFileSync(join(home, name), PNG.sync.write(png))
}

beforeAll(() => {
  trainFirst(line, '--compile', 'off')
  smallMnistLabels(1200, 120, join(home, 'small'))
  for (const [folder, sides] of [
    ['dark', [1, 2, 3]],
    ['light', [20, 22, 24, 26]],
  ] as const) {
    mkdirSync(join(home, 'pictures', folder), { recursive: true })
    for (const side of sides) picture(`pictures/${folder}/${side}.png`, side)
  }
})

const ofPictures = ['--data', 'pictures', '--compile', 'off'] as const
const rowsOf = (file: string) =>
  readFileSync(join(home, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map(row => row.split(','))

test('encode writes codes with labels and names, the same in every format', () => {
  const { arrays, images, activeUnits } = json('encode', 'first', ...ofPictures, '--to', 'codes.safetensors')
  expect([images, arrays.mean, arrays.image]).toEqual([7, [7, 2], [7, 28, 28]])
  expect(activeUnits).toBeGreaterThanOrEqual(0)
  const left = succeed('encode', 'first', ...ofPictures, '--to', 'codes.csv')
  expect(left).toContain('no place for it: image')
  const [header = [], ...rows] = rowsOf('codes.csv')
  expect(header).toEqual([
    ...['index', 'name', 'label', 'labelName', 'elbo'],
    ...['mean_0', 'mean_1', 'logVar_0', 'logVar_1', 'kl_0', 'kl_1'],
  ])
  for (const [, name = '', label, labelName = ''] of rows) {
    expect(name).toContain(`${labelName}/`)
    expect(label).toBe(labelName === 'dark' ? '0' : '1')
  }
  const means = Float32Array.from(rows.flatMap(row => row.slice(5, 7).map(Number)))
  const sides = rows.map(([, name = '']) => Number(/(\d+)\.png/.exec(name)?.[1]))
  expect(new Float32Array(storedTensor('codes.safetensors', 'mean').buffer)).toEqual(means)
  const labels = new Int32Array(storedTensor('codes.safetensors', 'label').buffer)
  expect([...labels]).toEqual(rows.map(([, , label]) => Number(label)))
  const image = storedTensor('codes.safetensors', 'image')
  const white = sides.map((_, i) => image.subarray(784 * i, 784 * (i + 1)).reduce((sum, pixel) => sum + pixel, 0))
  expect(white).toEqual(sides.map(side => side ** 2)) // the rows of all arrays are of the same images
})

/** The bytes of a tensor of a safetensors file. */
function storedTensor(file: string, name: string): Uint8Array {
  const bytes = readFileSync(join(home, file))
  const start = 8 + Number(bytes.readBigUInt64LE())
  const [from, to] = JSON.parse(bytes.toString('utf8', 8, start))[name].data_offsets
  return Uint8Array.from(bytes.subarray(start + from, start + to))
}

test('encode without an output says what is missing, and names the endings of files', () => {
  refused(2, 'encode: --to FILE is missing', 'encode', 'first')
  const expected = '--to codes.txt: a file that ends in .npz, .npy, .csv, .parquet, .safetensors was expected'
  refused(2, expected, 'encode', 'first', '--to', 'codes.txt')
})

test('encode --probe measures labels on test codes, and needs training images apart from them', () => {
  const { probes } = json('encode', 'first', '--probe', '--compile', 'off')
  const { nearestNeighbours, linear, guessing } = probes
  for (const { mean, standardError, count } of [nearestNeighbours, linear, guessing]) {
    expect(count).toBe(120)
    expect(standardError).toBeCloseTo(Math.sqrt((mean * (1 - mean)) / count), 12)
  }
  expect(nearestNeighbours.mean).toBeGreaterThan(guessing.mean)
  refused(2, '--probe: pictures has no training images apart', 'encode', 'first', '--data', 'pictures', '--probe')
  refused(2, '--probe: it is fitted on training images', 'encode', 'first', '--split', 'train', '--probe')
})

test('score ranks images, with percentiles among training images and the AUC of a label', () => {
  const common = [...ofPictures, '--samples', '20', '--reference', '100'] as const
  const { lowest, auc, belowThreshold, measure } = json(
    ...(['score', 'first', ...common, '--normal', 'dark', '--threshold', '50', '--to', 'scores.csv'] as const),
  )
  expect(measure).toBe('logPx')
  const scores = lowest.map(({ score }: { score: number }) => score)
  expect(scores).toEqual([...scores].sort((a, b) => a - b))
  const isDark = lowest.map(({ label }: { label: string }) => label === 'dark')
  const pairs = scores.flatMap((a: number, i: number) =>
    scores.flatMap((b: number, j: number) => (isDark[i] && !isDark[j] ? [a > b ? 1 : 0] : [])),
  )
  expect(auc.area).toBeCloseTo(pairs.reduce((sum: number, one: number) => sum + one, 0) / pairs.length, 9)
  expect([auc.normalImages, auc.otherImages]).toEqual([3, 4])
  const [header = [], ...rows] = rowsOf('scores.csv')
  expect(header).toEqual(['index', 'name', 'label', 'logPx', 'standardError', 'elbo', 'percentile', 'belowThreshold'])
  expect(rows.map(row => Number(row[3]))).toEqual(scores.map((score: number) => Number(score.toPrecision(9))))
  expect(rows.filter(row => row[7] === '1')).toHaveLength(belowThreshold)
  for (const row of rows) expect(row[7]).toBe(Number(row[6]) < 50 ? '1' : '0')
})

test('score --samples 1 is the ELBO; its text says what a likelihood cannot tell; labels that are not there are refused', () => {
  const elbo = ['--samples', '1', '--reference', '50', '--images', '5', '--compile', 'off'] as const
  const said = succeed('score', 'first', ...elbo)
  expect(said).toContain('ELBO in nats, lowest first, with percentiles among 50 training images')
  expect(said).toContain('Nalisnick')
  refused(
    2,
    '--normal red: no image has this label; the labels are dark, light',
    'score',
    'first',
    ...ofPictures,
    '--normal',
    'red',
  )
})

test('traverse draws a row for each dimension, which alone changes', () => {
  const { path, z, dimensions } = json('traverse', 'first', '--steps', '5', '--extent', '2', '--start', '1')
  expect(PNG.sync.read(readFileSync(join(home, path))).width).toBe(5 * 56 + 6 * 2)
  const [first, second] = dimensions.map(({ dimension }: { dimension: number }) => dimension)
  expect(z.slice(0, 5).map((point: number[]) => point[first])).toEqual([-2, -1, 0, 1, 2])
  expect(new Set(z.slice(0, 5).map((point: number[]) => point[second])).size).toBe(1)
  expect(dimensions[0].kl).toBeGreaterThanOrEqual(dimensions[1].kl)
})

test('mixtures have responsibilities as codes and exact scores, and no dimensions to traverse', () => {
  const small = ['--data', 'small', '--components', '3', '--epochs', '2', '--compile', 'off']
  succeed('em', 'bernoulli-mixture', '--run', 'mixture', ...small)
  const { mean, arrays } = json('encode', 'mixture', '--images', '5', '--to', 'shares.npz')
  expect(mean).toBe('the responsibilities p(k|x)')
  expect(arrays).toMatchObject({ mean: [5, 3], elbo: [5] })
  expect(json('score', 'mixture', '--images', '5', '--reference', '50').measure).toBe('logPx')
  refused(2, 'this needs a VAE', 'traverse', 'mixture')
  refused(2, '--plot: the codes of this run are the responsibilities p(k|x)', 'encode', 'mixture', '--plot')
})

test('the examples of docs/commands.md run as they stand, and draw the charts', () => {
  const block = blocksOf('docs/commands.md').find(({ heading }) => heading.startsWith('Codes'))
  const lines = block?.code.trim().split('\n') ?? []
  expect(lines.length).toBeGreaterThan(3)
  for (const one of lines) {
    const { status, stderr } = shell(one.replace('npx elbo', '$ELBO'))
    expect(status, `${one}\n${stderr}`).toBe(0)
  }
  for (const name of ['codes.svg', 'codes.png', 'kl.svg', 'kl.png'])
    expect(existsSync(join(home, 'checkpoints/first/plots', name)), name).toBe(true)
})
