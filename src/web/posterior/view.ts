/** An image's posterior: q(z|x), the true p(z|x) where it can be computed, and the bound and its gap in numbers. */
import * as tf from '#tfjs'
import type { Pair } from '../../evaluation/posterior-map.js'
import { decode, encode } from '../../models/vae.js'
import { streamKey } from '../../random.js'
import { element, errorBox, nats, slider } from '../dom.js'
import { atImages, atShown, type ModelAt } from '../model/classes.js'
import { growImportance } from '../model/importance.js'
import { valuesOf } from '../model/model.js'
import { thumbnail } from '../model/pixels.js'
import { type Opened, withModel } from '../model/with-model.js'
import type { Context, View } from '../view.js'
import { firstPoints, growingFigure, MOST_DRAWS, type Trace } from './growing.js'
import { identity } from './identity.js'
import { type PlaneIntegrals, planeIntegrals } from './integrals.js'
import { latentFigure } from './latent-figure.js'
import { type Chosen, imageSource } from './source.js'

export const posterior: View = {
  id: 'posterior',
  title: "An image's posterior",
  mount: (root, context) => withModel(root, context, (body, opened) => showPosterior(body, opened, context)),
}

/** q(z|x) of one image, as numbers. */
interface Encoded {
  mean: Float32Array
  /** Standard deviations; absent if z is not Gaussian. */
  sigma?: Float32Array
  kl: number
  /** KL of each dimension, where it has a closed form. */
  klOfEach?: Float32Array
  /** The mean image at the mode of q, in [0, 1]. */
  reconstruction: Float32Array
}

function showPosterior(body: HTMLElement, opened: Opened, context: Context): () => void {
  const { theme, state, seed } = context
  const why = whyNoPlane(opened)
  const figures = { plane: latentFigure(theme), growing: growingFigure(theme) }
  const card = imageCard(opened, figures.growing.root)
  let work = new AbortController()
  let current: { encoded: Encoded; truth?: PlaneIntegrals } | undefined
  const drawPlane = () => {
    if (current === undefined || why !== undefined) return
    figures.plane.show(
      planeOf(opened, current.encoded, { count: state.number('draws', 60), seed, truth: current.truth }),
    )
  }
  const begin = (chosen: Chosen) => {
    work.abort()
    work = new AbortController()
    const signal = AbortSignal.any([work.signal, opened.signal])
    card.begin(chosen)
    study(opened, chosen, seed, signal, {
      encoded(encoded) {
        current = { encoded }
        card.reconstruction(encoded.reconstruction)
        drawPlane()
      },
      truth(truth) {
        if (current) current.truth = truth
        drawPlane()
      },
      terms: card.terms,
      trace: figures.growing.show,
      status: card.status,
    }).catch(error => {
      if (!signal.aborted) card.fail(error as Error)
    })
    figures.growing.command(evaluateCommand(opened, chosen, seed))
    figures.plane.command(why === undefined ? posteriorCommand(opened, chosen) : '')
  }
  const middle =
    why === undefined ? [drawsSlider(context, drawPlane), figures.plane.root] : [element('p', { class: 'notice' }, why)]
  body.append(
    element('p', { class: 'lead' }, leadOf(opened)),
    element(
      'div',
      { class: 'columns thirds' },
      element('div', { class: 'card stack tight' }, imageSource(opened, context, begin)),
      element('div', { class: 'card stack tight' }, ...middle),
      card.root,
    ),
  )
  return () => {
    work.abort()
    figures.plane.dispose()
    figures.growing.dispose()
  }
}

const leadOf = ({ about }: Opened): string =>
  `log p(x) = ELBO + KL(q(z|x) ‖ p(z|x)): the bound falls short by how far q is from the true posterior.${about.classes ? ' This model reads the class y of an image: all of it is given y.' : ''}`

/** The chosen image, its reconstruction and the identity in numbers, above the figure of growing draws. */
function imageCard({ images }: Opened, growing: HTMLElement) {
  const title = element('h2', {}, 'An image')
  const x = thumbnail(images, 112, 'The image as the model reads it')
  const mean = thumbnail(images, 112, 'Its reconstruction')
  const sum = identity()
  const said = element('p', { class: 'note', role: 'status', 'data-status': 'posterior' })
  const pair = element(
    'div',
    { class: 'row pair' },
    labelled(x.root, 'x'),
    labelled(mean.root, 'reconstruction at the mode of q'),
  )
  return {
    root: element('div', { class: 'card stack tight' }, title, pair, sum.root, said, growing),
    begin(chosen: Chosen): void {
      title.textContent = chosen.about
      x.show(chosen.x)
      sum.show(undefined)
    },
    reconstruction: (values: Float32Array): void => mean.show(values),
    terms: sum.show,
    status(text: string): void {
      said.textContent = text
    },
    fail: ({ message }: Error): void => said.replaceChildren(errorBox(message)),
  }
}

function drawsSlider({ state }: Context, changed: () => void): HTMLElement {
  const { root } = slider({
    label: 'draws of q',
    min: 0,
    max: 300,
    step: 1,
    value: state.number('draws', 60),
    change(count) {
      state.set({ draws: count })
      changed()
    },
  })
  return root
}

/** The command line whose row of numbers is that of the image; none for an image of the user. */
function evaluateCommand({ run, about }: Opened, { index }: Chosen, seed: number): string {
  if (index === undefined) return ''
  const snapshot = about.snapshot === 'latest' ? ' --snapshot latest' : ''
  return `elbo evaluate ${run} --images ${index + 1} --samples ${MOST_DRAWS} --seed ${seed}${snapshot} --save values.safetensors   # row ${index}`
}

/** The command line that draws the same plane. */
const posteriorCommand = ({ run, vae }: Opened, { index }: Chosen): string =>
  index !== undefined && vae.latentDim === 2 ? `elbo posterior ${run} --images ${index}` : ''

const labelled = (picture: HTMLElement, text: string): HTMLElement =>
  element('div', { class: 'labelled' }, picture, element('span', { class: 'note' }, text))

/** Why q(z|x) cannot be drawn as an ellipse in a plane; undefined if it can. */
function whyNoPlane({ vae }: Opened): string | undefined {
  if (!vae.latents.reparameterized)
    return 'The z of this run are binary (--latents bernoulli): q(z|x) has no ellipse. The numbers are those of its z all the same.'
  if (vae.latentDim < 2) return 'This run has one latent dimension: there is no plane to draw.'
  return undefined
}

interface Findings {
  encoded(encoded: Encoded): void
  truth(truth: PlaneIntegrals): void
  terms(terms: Parameters<ReturnType<typeof identity>['show']>[0]): void
  trace(trace: Trace): void
  status(text: string): void
}

/** Computes everything of one image, and tells what it finds as it finds it. */
async function study(opened: Opened, chosen: Chosen, seed: number, signal: AbortSignal, tell: Findings): Promise<void> {
  const { vae } = opened
  const model = chosen.index === undefined ? atShown(opened) : atImages(opened, [chosen.index])
  const x = tf.tensor2d(chosen.x, [1, vae.pixels])
  try {
    const encoded = await encodeOne(opened, model, x, seed)
    if (signal.aborted) return
    tell.encoded(encoded)
    let truth: PlaneIntegrals | undefined
    if (vae.latentDim === 2 && vae.layers.length === 1 && encoded.sigma) {
      tell.status('Integrating over the plane …')
      const [mu, sigma] = [encoded.mean, encoded.sigma].map(
        values => [values[0] ?? 0, values[1] ?? 0] as const,
      ) as unknown as [Pair, Pair]
      truth = await planeIntegrals(model, x, { mu, sigma }, signal)
      if (truth === undefined) return
      tell.truth(truth)
      tell.terms({ kl: encoded.kl, elbo: truth.elbo, logPx: truth.logPx })
    }
    await grow(model, x, chosen, { seed, encoded, truth, signal, tell })
  } finally {
    x.dispose()
  }
}

/** Effective draws below which the standard error of log p(x) is not to be trusted. */
const FEW = 50

interface Growth {
  seed: number
  encoded: Encoded
  truth: PlaneIntegrals | undefined
  signal: AbortSignal
  tell: Findings
}

async function grow(
  model: ModelAt,
  x: tf.Tensor,
  { index }: Chosen,
  { seed, encoded, truth, signal, tell }: Growth,
): Promise<void> {
  // An image of the user has noise of its own.
  const noise = { key: streamKey(seed, index === undefined ? 'explore' : 'evaluate'), image: index ?? 0 }
  const trace: Trace = { points: [], ...(truth && { exact: truth.logPx }) }
  const moments = { count: 0, mean: 0, squares: 0 }
  await growImportance(model, x, noise, MOST_DRAWS, signal, (now, logs) => {
    for (const log of logs) {
      moments.count += 1
      const change = log - moments.mean
      moments.mean += change / moments.count
      moments.squares += change * (log - moments.mean)
    }
    if (trace.points.length === 0) trace.points.push(...firstPoints(logs))
    else trace.points.push(now)
    trace.elbo = truth?.elbo ?? now.elbo
    tell.trace(trace)
    const elboError = Math.sqrt(moments.squares / (moments.count - 1) / moments.count)
    if (truth === undefined)
      tell.terms({ kl: encoded.kl, elbo: now.elbo, elboError, logPx: now.logPx, logPxError: now.standardError })
    tell.status(describe(now.draws, now, elboError, truth))
  })
}

function describe(
  draws: number,
  now: { elbo: number; logPx: number; standardError: number; effectiveSamples: number },
  elboError: number,
  truth: PlaneIntegrals | undefined,
): string {
  const sampled = `${draws.toLocaleString('en')} draws: log p(x) ${nats(now.logPx, 3)} ± ${now.standardError.toFixed(3)}, ELBO ${nats(now.elbo, 3)} ± ${elboError.toFixed(3)}, ${now.effectiveSamples.toFixed(0)} effective`
  const trust =
    now.effectiveSamples < FEW ? ' So few effective draws make its error too small: a few weights decide.' : ''
  if (truth === undefined)
    return `${sampled}.${trust} log p(x) is a lower bound in expectation, so the gap is at least what stands here.`
  return `By quadrature; with half the points log p(x) changes by ${truth.change.toExponential(0).replaceAll('-', '−')} nats. By importance sampling with ${sampled}.`
}

async function encodeOne({ vae, hasKl }: Opened, model: ModelAt, x: tf.Tensor, seed: number): Promise<Encoded> {
  const isGaussian = vae.latents.reparameterized
  const { mean, kl, each, sigma, picture } = tf.tidy(() => {
    const given = model()
    const q = encode(given, x)
    const expected = q.expectations(streamKey(seed, 'explore expectations'))
    const [, logVar] = q.heads
    return {
      mean: expected.mean,
      kl: expected.kl,
      each: hasKl ? q.kl() : tf.zeros([1, 0]),
      sigma: isGaussian && logVar ? tf.exp(tf.mul(logVar, 0.5)) : tf.zeros([1, 0]),
      picture: decode(given, q.mode).mean,
    }
  })
  const [means, kls, klOfEach, sigmas, reconstruction] = (await valuesOf(mean, kl, each, sigma, picture)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  return {
    mean: means,
    kl: kls[0] ?? Number.NaN,
    reconstruction,
    ...(isGaussian && { sigma: sigmas }),
    ...(hasKl && { klOfEach }),
  }
}

/** The two dimensions of the first layer whose KL is the largest, in their order. */
export function largestTwo(kl: ArrayLike<number>, count: number): Pair {
  const order = Array.from({ length: count }, (_, j) => j).sort((a, b) => (kl[b] ?? 0) - (kl[a] ?? 0))
  const [first = 0, second = 1] = order.slice(0, 2).sort((a, b) => a - b)
  return [first, second]
}

function planeOf(
  { vae }: Opened,
  { mean, sigma, klOfEach }: Encoded,
  { count, seed, truth }: { count: number; seed: number; truth: PlaneIntegrals | undefined },
) {
  const width = vae.layers[0] ?? vae.latentDim
  // Without a KL of each dimension, those that moved furthest from the prior in units of it.
  const score = klOfEach ?? mean.map((m, j) => m ** 2 - Math.log((sigma?.[j] ?? 1) ** 2))
  const dimensions: Pair = width === 2 ? [0, 1] : largestTwo(score, width)
  const at = (values: ArrayLike<number> | undefined): Pair => [
    values?.[dimensions[0]] ?? 0,
    values?.[dimensions[1]] ?? 0,
  ]
  const noise = tf.tidy(() => vae.latents.noise(streamKey(seed, 'explore draws'), [Math.max(1, count), vae.latentDim]))
  const epsilon = noise.dataSync()
  noise.dispose()
  const [mu, s] = [at(mean), at(sigma)]
  const draws = Array.from({ length: count }, (_, i): Pair => {
    const e = (d: 0 | 1) => epsilon[i * vae.latentDim + dimensions[d]] ?? 0
    return [mu[0] + s[0] * e(0), mu[1] + s[1] * e(1)]
  })
  return { dimensions, mu, sigma: s, draws, ...(truth && { truth }) }
}
