/**
 * log p(x) by quadrature, for z of one or two dimensions: log p(x) = log ∫ p(z) p(x|z) dz by the trapezoid rule on [-R, R]^d, in
 * standard deviations of p(z) around its mean. Its error decreases faster than any power of the cell size once cells are as narrow as the posterior. The same points give the ELBO and the gap:
 * log p(x) = ELBO + KL(q(z|x) || p(z|x)).
 */
import * as tf from '#tfjs'
import { chunks, type Feed, type Scan, scan } from '../compile/scan.js'
import { type Choice, eachStep, type ScanOptions } from '../compile/step.js'
import { gatherImages, type ImageSet, imagesFrom } from '../data/images.js'
import { toUnit } from '../data/levels.js'
import { givenClass, requireImages } from '../models/conditional.js'
import { decode, encode, type Vae } from '../models/vae.js'
import { type HostKey, keyAt, streamKey } from '../random.js'
import { borderShare, halfIntegrals, type Integrals, integrals, qMasses, type RowSums } from './grid-sums.js'
import { type PriorAxes, priorAxes } from './prior-axes.js'
import { sumRow } from './row-sums.js'

export interface QuadratureOptions extends ScanOptions {
  /** Points along each axis; an odd number, so that every second point forms a grid too. */
  side: number
  /** R, in standard deviations of p(z): the posterior must be negligible beyond ±R. */
  extent: number
  /** Called with the number of images done; for the current group of images, in proportion to its rows. */
  onProgress?: (done: number) => void
  /** Stops after the chunk in flight; the integrals of complete groups of images are returned. */
  signal?: AbortSignal | undefined
}

/** Covers fewer images than requested if the run was stopped. */
export interface Quadrature extends Integrals {
  /** KL(q(z|x) || p(z)): in closed form, or from draws of z if the prior is learned. */
  kl: Float64Array
  /** The integrals from every second point along each axis. Their difference from the full grid is a very cautious bound on its error. */
  half: Integrals
  /** The largest fraction of any image's posterior on the border of the grid. If it is not negligible, R is too small. */
  border: number
  /**
   * The integral of q(z|x) over the grid, for each image. It differs from 1 if q extends beyond the grid or is narrower than a cell; elbo
   * and gap are then meaningless. logPx does not depend on q.
   */
  qMass: Float64Array
  compile: Choice | undefined
}

/** Maximum number of latent dimensions; grids in more are too large. */
export const MOST_DIMENSIONS = 2

/** Limits on images and on pairs of point and image per step, for likelihoods linear in x (one matrix product) and for others. */
const MOST_AT_ONCE = { linear: { images: 1000, pairs: 1e6 }, other: { images: 50, pairs: 5e4 } }

/** Point i = 0 … side - 1 of an axis. */
const axisPoint = (i: number, side: number, extent: number): number => extent * ((2 * i) / (side - 1) - 1)

/**
 * Integrates over z for every image; z must be Gaussian and have at most `MOST_DIMENSIONS`. For a conditional model log p(x) is log p(x|y).
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh' })
 * initialize(vae, streamKey(1, 'weights'))
 * const images = { rows: 2, columns: 2, channels: 1, count: 2, pixels: Uint8Array.of(0, 255, 255, 0, 255, 255, 0, 0) }
 * const { logPx, border } = await quadrature(vae, images, { side: 41, extent: 6 })
 * console.log(logPx.length, border < 1e-6) // 2 true
 */
export async function quadrature(vae: Vae, images: ImageSet, options: QuadratureOptions): Promise<Quadrature> {
  requireImages(vae, images)
  return images.classes ? ofEachClass(vae, images, images.classes, options) : integrate(vae, images, options)
}

/** The images of one class after the other: p(x|z, y) at the points of the grid is then the same for all of them. */
async function ofEachClass(
  vae: Vae,
  images: ImageSet,
  classes: Uint8Array,
  options: QuadratureOptions,
): Promise<Quadrature> {
  const parts: { places: number[]; found: Quadrature }[] = []
  let done = 0
  for (const number of new Set(classes)) {
    const places = [...classes.keys()].filter(i => classes[i] === number)
    const { classes: _, ...ofClass } = gatherImages(images, places)
    const y = tf.tidy(() => givenClass(vae, number).y as tf.Tensor)
    const before = done
    const onProgress = (count: number) => options.onProgress?.(before + count)
    const found = await integrate({ ...vae, y }, ofClass, { ...options, onProgress }).finally(() => y.dispose())
    if (found.logPx.length < places.length) return { ...join([]), compile: found.compile } // stopped
    parts.push({ places, found })
    done += places.length
  }
  const all = join(parts.map(({ found }) => found))
  const order = Int32Array.from(parts.flatMap(({ places }) => places))
  return { ...inOrder(all, order), compile: parts[0]?.found.compile }
}

/** Value i of each array goes to place `order[i]`. */
function inOrder<T extends object>(values: T, order: Int32Array): T {
  const sorted = (array: Float64Array) => {
    const moved = new Float64Array(array.length)
    for (const [i, to] of order.entries()) moved[to] = array[i] as number
    return moved
  }
  const entries = Object.entries(values).map(([name, value]) => {
    if (value instanceof Float64Array) return [name, sorted(value)]
    return [name, typeof value === 'object' ? inOrder(value, order) : value]
  })
  return Object.fromEntries(entries) as T
}

async function integrate(vae: Vae, images: ImageSet, options: QuadratureOptions): Promise<Quadrature> {
  const most = MOST_AT_ONCE[vae.likelihood.linear ? 'linear' : 'other']
  const size = Math.min(most.images, Math.ceil(most.pairs / options.side), images.count)
  const group = imageGroup(vae, size)
  const steps = scan(points => group.sumsOver(points), options)
  const rows = vae.latentDim === 2 ? options.side : 1
  const axes = await priorAxes(vae)
  const cell = cellOf(options, axes)
  const groups: Group[] = []
  try {
    for (let from = 0; from < images.count; from += size) {
      const used = Math.min(size, images.count - from)
      const kl = (await group.take(images, from, keyAt(KL_STREAM, from / size))).subarray(0, used)
      const onRows = (done: number) => options.onProgress?.(from + Math.floor((used * done) / rows))
      const sums = await rowSums(steps, rows, { ...options, axes }, onRows)
      if (sums.length < rows) break
      const half = halfIntegrals(sums, used, cell * 2 ** vae.latentDim)
      groups.push({
        ...integrals(sums, used, cell),
        half,
        kl: Float64Array.from(kl),
        border: borderShare(sums, used),
        qMass: qMasses(sums, used, cell),
      })
    }
    return { ...join(groups), compile: steps.choice }
  } finally {
    steps.dispose(group)
  }
}

type Group = Omit<Quadrature, 'compile'>

/** The options, and where p(z) lies. */
type Placed = QuadratureOptions & { axes: PriorAxes }

/** The noise of KL terms that have no closed form. */
const KL_STREAM = streamKey(0, 'quadrature kl')

/** The size of a cell of the grid, in units of z. */
const cellOf = ({ side, extent }: QuadratureOptions, axes: PriorAxes): number =>
  axes.deviation.reduce((size, deviation) => size * ((2 * extent) / (side - 1)) * deviation, 1)

/** The sums over each row of the grid; fewer rows if `options.signal` stopped it. */
async function rowSums(
  steps: Scan<object>,
  rows: number,
  options: Placed,
  onRows: (done: number) => void,
): Promise<RowSums[]> {
  const sums: RowSums[] = []
  const feed = (from: number, count: number) => gridRows(options, from, count)
  for await (const { count, outputs } of chunks(steps, { to: rows, signal: options.signal }, feed)) {
    sums.push(...(eachStep(outputs, count) as unknown as RowSums[]))
    onRows(sums.length)
  }
  return sums
}

/**
 * `count` rows of the grid starting at row `from`. A row holds points [side, latentDim] along the first axis. There is one row per point
 * of the second axis, or a single row without a second axis.
 */
function gridRows({ side, extent, axes }: Placed, from: number, count: number): Feed<object> {
  const latentDim = axes.mean.length
  const points = (dimension: number) =>
    Array.from(
      { length: side },
      (_, i) => axisPoint(i, side, extent) * (axes.deviation[dimension] as number) + (axes.mean[dimension] as number),
    )
  const [first, second] = [points(0), latentDim === 2 ? points(1) : []]
  const rows = Array.from({ length: count }, (_, i) => from + i)
  const all = rows.flatMap(row => first.flatMap(z => (latentDim === 2 ? [z, second[row] as number] : [z])))
  return {
    batches: { data: Float32Array.from(all), shape: [count, side, latentDim] },
    schedules: rows.map(() => ({})),
  }
}

/** Variables for a group of `size` images and their q(z|x). */
function imageGroup(vae: Vae, size: number) {
  const variable = (columns: number) => tf.tidy(() => tf.variable(tf.zeros([size, columns]), false))
  const x = variable(vae.pixels)
  const heads = vae.latents.heads.map(() => variable(vae.latentDim))
  return {
    /** Loads the images starting at `from`, padded with black ones; returns KL(q(z|x) || p(z)) of each. */
    async take(images: ImageSet, from: number, key: HostKey): Promise<Float32Array> {
      const levels = Float32Array.from(imagesFrom(images, from, size))
      const kl = tf.tidy(() => {
        x.assign(toUnit(tf.tensor(levels, [size, vae.pixels])))
        const q = encode(vae, x)
        q.heads.forEach((head, i) => void heads[i]?.assign(head))
        return q.expectations(key).kl
      })
      const values = await kl.data<'float32'>()
      kl.dispose()
      return values
    },
    sumsOver(points: tf.Tensor): RowSums<tf.Tensor> & Record<string, tf.Tensor> {
      const [side, latentDim] = points.shape as [number, number]
      const reconstruction = decode(vae, points).logProbOfEach(x) // [side, size]
      const logJoint = tf.add(reconstruction, tf.reshape(vae.latents.prior.logProb(points), [side, 1]))
      const logQ = vae.latents.posterior(heads).logProb(tf.reshape(points, [side, 1, latentDim])) // [side, size]
      return { ...sumRow(logJoint, logQ, side) }
    },
    dispose: () => tf.dispose([x, ...heads]),
  }
}

function join(groups: readonly Group[]): Group {
  const all = (pick: (group: Group) => Float64Array) => Float64Array.from(groups.flatMap(group => [...pick(group)]))
  return {
    logPx: all(group => group.logPx),
    elbo: all(group => group.elbo),
    gap: all(group => group.gap),
    kl: all(group => group.kl),
    half: {
      logPx: all(group => group.half.logPx),
      elbo: all(group => group.half.elbo),
      gap: all(group => group.half.gap),
    },
    border: Math.max(0, ...groups.map(group => group.border)),
    qMass: all(group => group.qMass),
  }
}
