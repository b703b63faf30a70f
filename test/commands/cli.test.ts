// Commands as users run them: subprocesses of the built program, on a part of MNIST.
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { PNG } from 'pngjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodeSafetensors } from '../../src/files/safetensors.js'
import { registerFileHandlers } from '../../src/libtensorflow/node-backend.js'
import { useBackend } from '../backend.js'
import { smallMnist } from '../data/idx-file.js'

const ELBO = resolve(import.meta.dirname, '../../dist/cli.js')
const home = mkdtempSync(join(tmpdir(), 'elbo-cli-'))
const checkpoints = join(home, 'checkpoints')
const small = ['--batch-size', '50', '--hidden', '16', '--latent-dim', '2', '--learning-rate', '5e-3']

function elbo(...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [ELBO, ...args], {
    cwd: home,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
}

const json = (...args: string[]) => {
  const { stdout, stderr, status } = elbo(...args, '--json')
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

/** Exit code 1 or 2, one line on standard error that says `message`, nothing on standard output. */
function refused(status: number, message: string, ...args: string[]) {
  const result = elbo(...args)
  const lines = result.stderr
    .trim()
    .split('\n')
    .filter(line => line.startsWith('elbo: '))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(message)
  expect(result.stderr).not.toContain('    at ') // no stack
  expect(result.stdout).toBe('')
  expect(result.status).toBe(status)
}

beforeAll(() => {
  expect(existsSync(ELBO), 'dist/ is built by the set-up').toBe(true)
  smallMnist(join(home, 'small'), 1200, 120)
  const { status, stdout, stderr } = elbo('train', '--run', 'first', '--epochs', '2', '--data', 'small', ...small)
  expect(status, stderr).toBe(0)
  expect(stdout).toMatch(/epoch 2\/2 {2}validation ELBO -\d+\.\d\d ± \d/)
})

test('em, sample and evaluate agree on a run; a flag that is off is null in config.json', () => {
  const fit = [
    'em',
    'bernoulli-mixture',
    '--run',
    'mixture',
    '--components',
    '3',
    '--epochs',
    '3',
    '--tolerance',
    'off',
  ]
  const { status, stdout, stderr } = elbo(...fit, '--data', 'small', '--compile', 'off')
  expect(status, stderr).toBe(0)
  expect(stdout).toMatch(/epoch 3\/3 {2}validation log p\(x\) -\d+\.\d\d ± \d/)
  const run = join(checkpoints, 'mixture')
  expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))).toMatchObject({ tolerance: null, components: 3 })
  expect(existsSync(join(run, 'plots', 'half-steps.png'))).toBe(true)
  const { logPx, images } = json('evaluate', 'mixture', '--split', 'validation', '--compile', 'off')
  const last = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n').at(-1) as string
  expect(logPx.mean).toBeCloseTo(JSON.parse(last).validationElbo, 3)
  expect(images).toBe(200)
  expect(json('sample', 'mixture', '--count', '4').z).toHaveLength(4)
  rmSync(run, { recursive: true })
})

test('train leaves everything that a run directory promises', () => {
  const run = join(checkpoints, 'first')
  for (const file of [
    'config.json',
    'metrics.jsonl',
    ...['latest', 'best'].flatMap(name =>
      ['state.safetensors', 'encoder/model.json', 'decoder/model.json'].map(part => `${name}/${part}`),
    ),
    'plots/elbo.svg',
    'plots/elbo.png',
    'images/samples-epoch-0002.png',
    'images/reconstructions-epoch-0002.png',
  ]) {
    expect(existsSync(join(run, file)), file).toBe(true)
  }
  expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))).toMatchObject({
    epochs: 2,
    hidden: [16],
    seed: 1,
    binarize: 'dynamic',
  })
})

test('sample prints one JSON document, and plain tf.loadLayersModel gives its pixels for its z', async () => {
  const { z, path, count } = json('sample', 'first', '--count', '6', '--seed', '3', '--out', 'six.png')
  expect([z.length, z[0].length, count]).toEqual([6, 2, 6])
  expect(json('export', 'first', '--to', 'exported').files).toHaveLength(4)
  await useBackend()
  registerFileHandlers()
  const decoder = await tf.loadLayersModel(`file://${join(home, 'exported/decoder/model.json')}`)
  const pixels = tf
    .sigmoid(decoder.predict(tf.tensor2d(z)) as tf.Tensor)
    .mul(255)
    .round()
    .dataSync()
  const png = PNG.sync.read(readFileSync(join(home, path)))
  const found = [...pixels].filter((level, i) => {
    const [image, row, column] = [Math.floor(i / 784), Math.floor((i % 784) / 28), i % 28]
    const [left, top] = [2 + (image % 3) * 58 + 2 * column, 2 + Math.floor(image / 3) * 58 + 2 * row] // 3 columns, scale 2, gap 2
    return png.data[4 * (top * png.width + left)] === level
  })
  expect(found.length).toBe(6 * 784)
})

test('the pictures are made', () => {
  for (const [args, name] of [
    [['reconstruct', 'first', '--count', '5'], 'reconstructions'],
    [['interpolate', 'first', '--count', '2', '--steps', '4'], 'interpolations'],
    [['manifold', 'first', '--side', '5'], 'manifold'],
  ] as const) {
    const { path, z } = json(...args)
    expect(path).toBe(join('checkpoints', 'first', 'images', `${name}.png`))
    expect(PNG.sync.read(readFileSync(join(home, path))).width).toBeGreaterThan(100)
    expect(z.length).toBeGreaterThan(4)
  }
})

test('two layers of z: trained, measured by two methods, drawn, exported; what needs one layer is refused', () => {
  const layers = ['--upper-latent-dim', '3', '--upper-hidden', '4', '--objective', 'iwae', '--samples', '2']
  const { status, stderr } = elbo('train', '--run', 'layers', '--epochs', '1', '--data', 'small', ...small, ...layers)
  expect(status, stderr).toBe(0)
  const measured = json('evaluate', 'layers', '--samples', '20', '--images', '40')
  expect(measured.layers.map(({ latentDim }: { latentDim: number }) => latentDim)).toEqual([2, 3])
  expect(measured.logPx.mean).toBeGreaterThan(measured.elbo.mean)
  const chains = ['--method', 'ais', '--temperatures', '10', '--images', '3', '--compile', 'off']
  expect(json('evaluate', 'layers', ...chains).logPx.mean).toBeLessThan(0)
  const { z } = json('sample', 'layers', '--count', '4')
  expect([z.length, z[0].length]).toEqual([4, 5])
  expect(json('export', 'layers', '--to', 'exported-layers').files).toHaveLength(8)
  refused(2, 'manifold: needs one latent layer; this run has --upper-latent-dim 3', 'manifold', 'layers')
  const noise = ['gradients', 'layers', '--objectives', 'elbo', '--ks', '1', '--draws', '20', '--compile', 'off']
  expect(json(...noise, '--estimators', 'stl').rows).toHaveLength(1) // always samples its KL term
  refused(2, '--kl analytic: has no closed form for two layers of z; use --kl monte-carlo', ...noise)
  rmSync(join(checkpoints, 'layers'), { recursive: true })
})

test('evaluate states its samples and errors; elbo = reconstruction - kl; the bound is below log p(x)', () => {
  const result = json('evaluate', 'first', '--samples', '64', '--save', 'values.safetensors')
  expect(result).toMatchObject({
    run: 'first',
    split: 'test',
    images: 120,
    samples: 64,
    binarize: 'dynamic',
    latentDim: 2,
  })
  expect(result.elbo.mean).toBeCloseTo(result.reconstruction.mean - result.kl.mean, 3)
  expect(result.logPx.mean).toBeGreaterThan(result.elbo.mean)
  expect(result.logPx.standardError).toBeGreaterThan(result.logPxMonteCarloError)
  const { tensors, metadata } = decodeSafetensors(readFileSync(join(home, 'values.safetensors')), 'values.safetensors')
  const made = { run: 'first', snapshot: 'best', step: expect.stringMatching(/^[1-9]/), seed: '1' }
  expect(metadata).toMatchObject({ ...made, method: 'importance', samples: '64', defensive: '0' })
  expect(tensors.get('x')?.shape).toEqual([120, 28, 28])
  expect(new Set(tensors.get('x')?.data)).toEqual(new Set([0, 1]))
  const mean = (name: string) => [...(tensors.get(name)?.data ?? [])].reduce((sum, value) => sum + value, 0) / 120
  expect(mean('log_px')).toBeCloseTo(result.logPx.mean, 4)
  expect(mean('elbo')).toBeCloseTo(result.elbo.mean, 4)
})

test('evaluate --gaps splits log p(x) - ELBO in two, and says on how many images and samples', () => {
  const result = json('evaluate', 'first', '--gaps', '--gap-images', '20', '--gap-steps', '60', '--samples', '64')
  expect(result).toMatchObject({ run: 'first', split: 'test', images: 20, samples: 64, steps: 60 })
  const { elbo, meanFieldElbo, logPx, tighter, amortizationGap, approximationGap, gap } = result
  expect(amortizationGap.mean).toBeGreaterThan(4 * amortizationGap.standardError) // two epochs leave a poor encoder
  expect(amortizationGap.mean).toBeCloseTo(meanFieldElbo.mean - elbo.mean, 3)
  expect(approximationGap.mean).toBeCloseTo(logPx[tighter].mean - meanFieldElbo.mean, 3)
  expect(gap.mean).toBeCloseTo(amortizationGap.mean + approximationGap.mean, 3)
})

test('evaluate --gaps says what images it read: of a grey run no binarization, of a whole split not the first', () => {
  const grey = [
    '--likelihood',
    'gaussian',
    '--pixel-variance',
    '0.05',
    '--binarize',
    'none',
    '--data',
    'small',
    ...small,
  ]
  const { status, stderr } = elbo('train', '--run', 'grey', '--epochs', '1', ...grey)
  expect(status, stderr).toBe(0)
  const gaps = ['--gaps', '--gap-steps', '2', '--samples', '3', '--compile', 'off']
  const lines = (...args: string[]) => elbo('evaluate', 'grey', ...gaps, ...args).stdout.split('\n')
  const measured = 'test images of small, grey values in [0, 1], 3 samples of z each, best q(z) after 2 steps of ascent'
  expect(lines()[0]).toBe(`120 ${measured}`)
  expect(lines('--gap-images', '7')[0]).toBe(`the first 7 ${measured}`)
  const { bitsPerDimension } = json('evaluate', 'grey', '--samples', '3', '--compile', 'off')
  expect(bitsPerDimension.of).toBe('density times the width of a grey level')
  rmSync(join(checkpoints, 'grey'), { recursive: true })
})

test('every method of evaluate gives its log p(x), of as many images as were asked for', () => {
  const images = ['--images', '12', '--compile', 'off']
  const importance = json('evaluate', 'first', ...images, '--samples', '500', '--reference')
  expect(importance.bitsPerDimension.mean).toBeCloseTo(-importance.logPx.mean / 784 / Math.LN2, 9)
  expect(importance.distortion.mean).toBeCloseTo(-importance.elbo.mean - importance.rate.mean, 9)
  expect(importance.effectiveSamples.smallest).toBeGreaterThanOrEqual(1)
  for (const { incomparable } of importance.published) expect(incomparable).toBe('other data than small')
  const quadrature = json(
    'evaluate',
    'first',
    ...images,
    '--method',
    'quadrature',
    '--grid',
    '161',
    '--save',
    'q.safetensors',
  )
  expect(quadrature.logPx.mean).toBeCloseTo(quadrature.elbo.mean + quadrature.gap.mean, 9)
  expect(Math.abs(quadrature.half.logPx.mean)).toBeLessThan(0.01)
  expect(Math.abs(quadrature.logPx.mean - importance.logPx.mean)).toBeLessThan(
    5 * importance.logPxMonteCarloError + 0.02,
  )
  const mixture = json('evaluate', 'first', ...images, '--samples', '500', '--defensive', '0.5')
  expect([mixture.samples, mixture.fromPrior]).toEqual([500, 250])
  expect(Math.abs(quadrature.logPx.mean - mixture.logPx.mean)).toBeLessThan(5 * mixture.logPxMonteCarloError + 0.02)
  const { tensors } = decodeSafetensors(readFileSync(join(home, 'q.safetensors')), 'q.safetensors')
  expect(tensors.get('x')?.shape).toEqual([12, 28, 28])
  const chains = [
    '--method',
    'ais',
    '--temperatures',
    '20',
    '--chains',
    '4',
    '--leapfrog-steps',
    '2',
    '--compile',
    'off',
  ]
  const ais = json('evaluate', 'first', '--images', '12', ...chains)
  expect(ais).toMatchObject({ images: 12, temperatures: 20, chains: 4, leapfrogSteps: 2 })
  expect(ais.logPx.mean).toBeGreaterThan(ais.elbo.mean)
  expect(ais.logPx.mean).toBeLessThan(quadrature.logPx.mean + 4 * ais.logPxMonteCarloError)
  const { forward, reverse, gap } = json('evaluate', 'first', '--simulated', '12', ...chains)
  expect(gap.mean).toBeCloseTo(reverse.logPx.mean - forward.logPx.mean, 4)
  expect(forward.logPxMonteCarloError).toBeGreaterThan(0)
  expect(reverse).not.toHaveProperty('logPxMonteCarloError') // its chains are dependent
})

test('posterior draws a row an image, and its ELBO and KL add up to log p(x)', () => {
  const { images, path } = json('posterior', 'first', '--images', '0,7', '--grid', '81', '--compile', 'off')
  expect(images.map(({ image }: { image: number }) => image)).toEqual([0, 7])
  for (const { elbo, gap, logPx } of images) {
    expect(gap).toBeGreaterThan(0)
    expect(elbo + gap).toBeCloseTo(logPx, 9)
  }
  expect(PNG.sync.read(readFileSync(join(home, path))).height).toBeGreaterThan(600)
})

test('gradients measures each estimator against the pathwise one, and draws a chart', () => {
  const asked = ['--ks', '1,2', '--draws', '20', '--batch-size', '5', '--compile', 'off']
  const { rows, interrupted, images } = json('gradients', 'first', '--objectives', 'elbo', ...asked)
  const found = rows.map(({ estimate, samples }: { estimate: string; samples: number }) => `${estimate} ${samples}`)
  expect([images, interrupted]).toEqual([5, false])
  expect(found).toEqual([
    ...['pathwise 1', 'score:running-mean 1', 'score:none 1'],
    ...['pathwise 2', 'score:leave-one-out 2', 'score:running-mean 2', 'score:none 2'],
  ])
  expect(rows[2].encoder.varianceRatio).toBeGreaterThan(10)
  expect(rows[2].decoder.agreement.squaredZ).toBeLessThan(3)
  for (const file of ['gradients.svg', 'gradients.png'])
    expect(existsSync(join(checkpoints, 'first', 'plots', file)), file).toBe(true)
})

test('the same evaluation twice gives the same numbers', () => {
  expect(json('evaluate', 'first', '--samples', '8')).toEqual(json('evaluate', 'first', '--samples', '8'))
})

test('a run keeps its number of threads, and says so when a resumed one has another', () => {
  const threads = () => JSON.parse(readFileSync(join(checkpoints, 'first/config.json'), 'utf8')).threads
  expect(threads()).toBe(availableParallelism())
  const other = availableParallelism() + 1
  const { status, stderr } = elbo('train', '--run', 'first', '--resume', '--threads', String(other))
  expect(status, stderr).toBe(0)
  expect(stderr).toContain(
    `threads: ${availableParallelism()} so far, ${other} from now on: the last digits will differ`,
  )
  expect(threads()).toBe(other)
})

test('a GPU that cannot be used is an error with reason and fix, never a run on the CPU', () => {
  const { runs, reason, fix } = json('backends')[0]
  if (runs) return
  refused(1, `backend cuda cannot run: ${reason}. Fix: ${fix}`, 'train', '--run', 'gpu', '--backend', 'cuda')
  expect(existsSync(join(checkpoints, 'gpu'))).toBe(false)
  // Who has no such GPU is not told about it with every command.
  if (/no NVIDIA driver/.test(reason)) expect(elbo('sample', 'first').stderr).not.toContain('cuda')
})

test('runs and backends list what there is', () => {
  expect(json('runs')).toMatchObject([{ name: 'first', epoch: 2, best: { validationBound: expect.any(Number) } }])
  const names = json('backends').map(({ name }: { name: string }) => name)
  expect(names).toEqual(['cuda', 'tensorflow', 'webgpu', 'wasm', 'cpu'])
})

test('runs reads headers alone, and says what is missing; check reads everything', () => {
  const folder = join(home, 'lost')
  cpSync(join(checkpoints, 'first'), join(folder, 'first'), { recursive: true, verbatimSymlinks: true })
  rmSync(join(folder, 'first', 'best'))
  const state = readFileSync(join(folder, 'first', 'latest', 'state.safetensors'))
  state.fill(0xff, state.length - 100)
  writeFileSync(join(folder, 'first', 'latest', 'state.safetensors'), state)
  const listed = json('runs', '--checkpoints', folder)
  expect(listed).toMatchObject([{ name: 'first', epoch: 2, missing: ['best'] }])
  refused(1, 'first/best: the snapshot is missing', 'evaluate', 'first', '--checkpoints', folder)
  const { status, stdout } = elbo('check', 'first', '--checkpoints', folder)
  expect(stdout).toContain("state.safetensors: tensor 'optimizer/adam/v/decoder/logits/bias'")
  expect(stdout).toContain('--resume would be refused: first/snapshots/')
  expect(status).toBe(1)
  expect(json('check', 'first')).toMatchObject({ whole: true, checked: [{ name: 'first', locked: false }] })
})

test('what a run says is never printed as it stands, and long values are cut', () => {
  const config = JSON.parse(readFileSync(join(checkpoints, 'first', 'config.json'), 'utf8'))
  const folder = join(home, 'foreign')
  cpSync(join(checkpoints, 'first'), join(folder, 'first'), { recursive: true, verbatimSymlinks: true })
  writeFileSync(join(folder, 'first', 'config.json'), JSON.stringify({ ...config, data: '\x1b]0;title\x07\u009b' }))
  expect(elbo('runs', '--checkpoints', folder).stdout).toContain('\\x1b]0;title\\x07\\x9b')
  expect(elbo('evaluate', 'first', '--checkpoints', folder).stderr).toContain(
    '--data \\x1b]0;title\\x07\\x9b: no such file',
  )
  expect(json('runs', '--checkpoints', folder)[0].config.data).toBe('\x1b]0;title\x07\u009b')
  refused(
    2,
    `--epochs ${'9'.repeat(40)}… (5001 characters) …${'9'.repeat(19)}x: a whole`,
    'train',
    '--epochs',
    `${'9'.repeat(5000)}x`,
  )
  writeFileSync(join(home, 'deep.json'), '['.repeat(100_000))
  refused(2, 'deep.json: JSON nested deeper than 64 levels', 'train', '--config', 'deep.json')
})

test('every command has help with examples', () => {
  for (const name of [
    'train',
    'sample',
    'reconstruct',
    'interpolate',
    'manifold',
    'posterior',
    'evaluate',
    'gradients',
    'compare',
    'runs',
    'check',
    'backends',
    'export',
  ]) {
    const { status, stdout } = elbo(name, '--help')
    expect(status).toBe(0)
    expect(stdout).toContain(`Examples:\n  elbo ${name}`)
  }
})

describe('wrong usage is one line and exit code 2', () => {
  test.each([
    [['train', '--epoch', '3'], '--epochs'],
    [['trian'], 'train'],
    [['train', '--epochs', '-1'], '--epochs -1: a whole number from 1 to '],
    [['train', '--latent-dim', '0'], '--latent-dim 0'],
    [['train', '--run', '../out'], "run name '../out'"],
    [['train', '--run', 'first'], 'has a run already'],
    [['train', '--resume'], 'name the run with --run'],
    [['train', '--run', 'first', '--resume', '--hidden', '17'], '--hidden [17]: the run began with [16]'],
    [['train', '--config', 'nothing.json'], 'there is no such file'],
    [['train', '--objective', 'wake-sleep', '--beta', '2'], '--beta 2: has no effect with --objective wake-sleep'],
    [
      ['evaluate', 'first', '--gap-steps', '9'],
      '--gap-steps: has no effect with --method importance; leave it out, or use --gaps',
    ],
    [
      ['evaluate', 'first', '--chains', '9'],
      '--chains: has no effect with --method importance; leave it out, or use --method ais',
    ],
    [
      ['evaluate', 'first', '--method', 'importance', '--simulated', '9'],
      '--method importance: has no effect with --simulated; leave one of the two out',
    ],
    [
      ['evaluate', 'first', '--method', 'ais', '--grid', '9'],
      '--grid: has no effect with --method ais; leave it out, or use --method quadrature',
    ],
    [
      ['evaluate', 'first', '--method', 'quadrature', '--grid', '10'],
      '--grid 10: an odd number from 3 to 9999 was expected',
    ],
    [
      ['evaluate', 'first', '--method', 'quadrature', '--grid', '9999'],
      '--grid 9999: 9999^2 points are more than can be computed; an odd number up to 3161 was expected',
    ],
    [
      ['evaluate', 'first', '--method', 'quadrature', '--extent', '1e30'],
      '--extent 1e30: a number from 0.001 to 1000 was expected',
    ],
    [['posterior', 'first', '--grid', '100'], '--grid 100: an odd number from 3 to 9999 was expected'],
    [
      ['evaluate', 'first', '--method', 'ais', '--defensive', '0.5'],
      '--defensive: has no effect with --method ais; leave it out, or use --method importance',
    ],
    [
      ['evaluate', 'first', '--samples', '9', '--defensive', '0.1'],
      '--defensive 0.1: of 9 samples 8 would come from q(z|x) and 1 from the prior; two of each are needed',
    ],
    [['evaluate', 'first', '--save', 'small'], '--save small: this is a folder; a file was expected'],
    [['evaluate', 'first', '--save', 'none/v.safetensors'], '--save none/v.safetensors: its folder does not exist'],
    [['evaluate', 'first', '--images', '121'], '--images 121: there are only 120 test images'],
    [['posterior', 'first', '--images', '120'], '--images 120: there are only 120 test images'],
    [['evaluate', 'first', '--gaps', '--save', 'v.safetensors'], '--save: has no effect with --gaps'],
    [['gradients', 'first', '--estimators', 'vimco'], '--estimators vimco: one or more of pathwise, '],
    [
      ['gradients', 'first', '--objectives', 'elbo', '--estimators', 'pathwise,dreg'],
      '--estimators dreg: is for iwae; for elbo use stl',
    ],
    [['sample', 'second'], "there is no run 'second' in checkpoints (runs there: first)"],
    [['train', '--init-from', 'second'], "there is no run 'second' in checkpoints (runs there: first)"],
    [
      ['train', '--init-from', 'first', '--output-bias', 'zero'],
      '--output-bias zero: has no effect with --init-from first, which sets every bias',
    ],
    [['sample'], "missing required argument 'run'"],
    [['sample', 'first', '--count', 'many'], '--count many: a whole number from 1 to '],
    [['export', 'first'], '--to DIR is missing'],
  ])('%s', (args, message) => {
    refused(2, message, ...args)
  })
})

describe('what cannot be done is one line and exit code 1', () => {
  test('images of another size than the run was trained on', () => {
    const header = Buffer.from([0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 2])
    writeFileSync(join(home, 'tiny.idx'), Buffer.concat([header, Buffer.alloc(24)]))
    refused(
      1,
      'images of 2x2 pixels, but the run was trained on 28x28',
      'evaluate',
      'first',
      '--data',
      'tiny.idx,tiny.idx',
    )
  })

  test('a truncated data file', () => {
    mkdirSync(join(home, 'cut'))
    cpSync(join(home, 'small'), join(home, 'cut'), { recursive: true })
    const file = join(home, 'cut/train-images-idx3-ubyte')
    writeFileSync(file, readFileSync(file).subarray(0, 1000))
    refused(1, 'train-images-idx3-ubyte: is cut short', 'train', '--run', 'cut', '--data', 'cut')
  })

  test('a checkpoint with a flipped byte', () => {
    cpSync(join(checkpoints, 'first'), join(checkpoints, 'flipped'), { recursive: true, verbatimSymlinks: true })
    const file = join(checkpoints, 'flipped/best/state.safetensors')
    const bytes = readFileSync(file)
    bytes[bytes.length - 2] = (bytes[bytes.length - 2] as number) ^ 1
    writeFileSync(file, bytes)
    refused(1, 'best/state.safetensors: ', 'sample', 'flipped')
    rmSync(join(checkpoints, 'flipped'), { recursive: true })
  })

  test('manifold of a model that has no plane', () => {
    elbo('train', '--run', 'three', '--epochs', '1', '--data', 'small', ...small.with(5, '3'))
    refused(1, 'run three has 3 latent dimensions; manifold needs 2', 'manifold', 'three')
    rmSync(join(checkpoints, 'three'), { recursive: true })
  })

  test('a start that fails leaves other files alone and its own name free', () => {
    mkdirSync(join(checkpoints, 'mine'))
    writeFileSync(join(checkpoints, 'mine/notes.txt'), 'mine')
    refused(2, 'is there already and holds no run', 'train', '--run', 'mine', '--data', 'small')
    expect(readFileSync(join(checkpoints, 'mine/notes.txt'), 'utf8')).toBe('mine')
    rmSync(join(checkpoints, 'mine'), { recursive: true })
    mkdirSync(join(checkpoints, 'killed'))
    writeFileSync(join(checkpoints, 'killed/config.json.123.tmp'), '{') // of a start that was killed at once
    refused(1, 'no train-images-idx3-ubyte', 'train', '--run', 'killed', '--data', checkpoints)
    rmSync(join(checkpoints, 'killed'), { recursive: true })
    refused(1, 'no train-images-idx3-ubyte', 'train', '--run', 'fails', '--data', checkpoints)
    expect(existsSync(join(checkpoints, 'fails'))).toBe(false)
  })

  test('wrong usage under --json is a JSON document too', () => {
    const { stdout, status } = elbo('train', '--json', '--bogus')
    expect(JSON.parse(stdout).error).toContain("unknown option '--bogus'")
    expect(status).toBe(2)
  })

  test('output that cannot be written', () => {
    const command = `"${process.execPath}" "${ELBO}" runs > /dev/full`
    const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: home, encoding: 'utf8' })
    expect(stderr).toMatch(/^elbo: cannot write the output: .*\n$/)
    expect(status).toBe(1)
  })

  test('under --json the failure is a JSON document too', () => {
    const { stdout, status } = elbo('evaluate', 'first', '--data', 'tiny.idx,tiny.idx', '--json')
    expect(JSON.parse(stdout).error).toContain('images of 2x2 pixels')
    expect(status).toBe(1)
  })
})

test('Ctrl-C saves, says how to go on and exits 130; the resumed run ends as if nothing had happened', async () => {
  const compile = (await useBackend()) === 'tensorflow' ? 'graph' : 'off' // two runs: the fastest mode of one may not be that of the other
  const args = ['--epochs', '3', '--data', 'small', '--compile', compile, ...small.with(1, '5')] // 200 steps an epoch
  const child = spawn(process.execPath, [ELBO, 'train', '--run', 'stopped', ...args], { cwd: home })
  let [out, err] = ['', '']
  child.stderr.on('data', chunk => {
    err += chunk
  })
  child.stdout.on('data', chunk => {
    out += chunk
    if (/epoch 1\/3/.test(out)) child.kill('SIGINT')
  })
  const status = await new Promise(done => child.on('exit', done))
  expect(status).toBe(130)
  expect(err).toContain('continue with: elbo train --run stopped --resume')
  expect(elbo('train', '--run', 'stopped', '--resume').status).toBe(0)
  expect(elbo('train', '--run', 'whole', ...args).status).toBe(0)
  const state = (run: string) => readFileSync(join(checkpoints, run, 'latest/state.safetensors'))
  expect(state('stopped').equals(state('whole'))).toBe(true)
})

test('output into a pipe that closes early is an orderly end', () => {
  const command = `"${process.execPath}" "${ELBO}" train --run piped --epochs 50 --data small ${small.join(' ')} | head -1`
  const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: home, encoding: 'utf8' })
  expect(stdout.trim().split('\n')).toHaveLength(1)
  expect(stderr).not.toContain('EPIPE')
  expect(json('runs').find(({ name }: { name: string }) => name === 'piped').epoch).toBeGreaterThan(0)
})
