/** Where the model fails, and where it does not: test images by their log p(x) or ELBO, with their reconstructions. */
import * as tf from '#tfjs'
import { decode, encode } from '../../models/vae.js'
import { streamKey } from '../../random.js'
import { element, errorBox, nats, select, words } from '../dom.js'
import { atImages } from '../model/classes.js'
import { BATCH, importanceOfBlock } from '../model/importance.js'
import { nextFrame, valuesOf } from '../model/model.js'
import { thumbnail } from '../model/pixels.js'
import { type Opened, withModel } from '../model/with-model.js'
import type { Context, View } from '../view.js'

export const extremes: View = {
  id: 'extremes',
  title: 'Worst and best',
  mount: (root, context) => withModel(root, context, (body, opened) => showExtremes(body, opened, context)),
}

/** Images of either list. */
const LISTED = 24

interface Scored {
  index: number
  logPx: number
  standardError: number
  elbo: number
}

/** What is measured, and what the lists are sorted by. */
interface Measure {
  count: number
  samples: number
  by: 'logPx' | 'elbo'
}

const measureOf = ({ images }: Opened, { state }: Context): Measure => ({
  count: Math.min(images.count, Math.max(1, state.number('images', 500))),
  samples: Math.max(1, state.number('samples', 10)),
  by: state.get('by') === 'elbo' ? 'elbo' : 'logPx',
})

function showExtremes(body: HTMLElement, opened: Opened, context: Context): () => void {
  const said = element('p', { class: 'note', role: 'status', 'data-status': 'extremes' })
  const command = element('code', {})
  const lists = { worst: element('div', { class: 'gallery' }), best: element('div', { class: 'gallery' }) }
  let work = new AbortController()
  let scored: Scored[] = []
  const list = async (signal: AbortSignal) => {
    const { by } = measureOf(opened, context)
    const sorted = scored.toSorted((a, b) => a[by] - b[by] || a.index - b.index)
    await Promise.all([
      fill(lists.worst, sorted.slice(0, LISTED), opened, context, signal),
      fill(lists.best, sorted.slice(-LISTED).reverse(), opened, context, signal),
    ])
  }
  const start = () => {
    work.abort()
    work = new AbortController()
    const signal = AbortSignal.any([work.signal, opened.signal])
    const { count, samples } = measureOf(opened, context)
    const snapshot = opened.about.snapshot === 'latest' ? ' --snapshot latest' : ''
    command.replaceChildren(
      ...words(
        `elbo score ${opened.run} --images ${count} --samples ${samples} --seed ${context.seed}${snapshot} --to scores.csv`,
      ),
    )
    score(opened, { count, samples, seed: context.seed }, signal, async (found, isLast) => {
      scored = found
      said.textContent = describe(found, count, samples)
      if (isLast) await list(signal)
    }).catch(error => {
      if (!signal.aborted) said.replaceChildren(errorBox((error as Error).message))
    })
  }
  const choices = measureChoices(opened, context, { measure: start, sort: () => void list(work.signal) })
  body.append(
    element('div', { class: 'card row' }, ...choices, said),
    element(
      'div',
      { class: 'columns halves' },
      element('section', { class: 'card stack tight' }, element('h3', {}, 'Worst'), lists.worst),
      element('section', { class: 'card stack tight' }, element('h3', {}, 'Best'), lists.best),
    ),
    element('p', { class: 'note' }, EXPLANATION, command),
  )
  start()
  return () => work.abort()
}

const EXPLANATION =
  'Each pair: the image as the model reads it, and its reconstruction. log p(x) by importance sampling, a lower bound in expectation; simpler images cost fewer nats whether they are typical or not. Same by '

/** The choices of a measure; `measure` or `sort` is called after each. */
function measureChoices(
  opened: Opened,
  context: Context,
  { measure, sort }: { measure(): void; sort(): void },
): HTMLElement[] {
  const { state } = context
  const { count, samples, by } = measureOf(opened, context)
  const all = opened.images.count
  // The address may ask for other numbers than these.
  const rising = (...numbers: number[]) => [...new Set(numbers)].sort((a, b) => a - b)
  const counts = rising(...[100, 500, 2000].filter(n => n <= all), all, count)
  const kinds = [
    ['logPx', 'log p(x)'],
    ['elbo', 'ELBO'],
  ] as const
  return [
    select(
      'of the first',
      counts.map(n => [String(n), `${n.toLocaleString('en')} test images`] as const),
      String(count),
      value => {
        state.set({ images: value })
        measure()
      },
    ),
    select(
      'draws of z',
      rising(1, 10, 100, 500, samples).map(n => [String(n), String(n)] as const),
      String(samples),
      value => {
        state.set({ samples: value })
        measure()
      },
    ),
    select('by', kinds, by, value => {
      state.set({ by: value === 'elbo' ? 'elbo' : undefined })
      sort()
    }),
  ]
}

function describe(found: readonly Scored[], count: number, samples: number): string {
  const mean = (by: 'logPx' | 'elbo') => found.reduce((sum, one) => sum + one[by], 0) / found.length
  const error = (by: 'logPx' | 'elbo') =>
    Math.sqrt(found.reduce((sum, one) => sum + (one[by] - mean(by)) ** 2, 0) / (found.length - 1) / found.length)
  const done =
    found.length < count
      ? `${found.length} of ${count} images: `
      : `${count} images, ${samples} ${samples === 1 ? 'draw' : 'draws'} each: `
  return `${done}mean log p(x) ${nats(mean('logPx'))} ± ${error('logPx').toFixed(2)}, ELBO ${nats(mean('elbo'))} ± ${error('elbo').toFixed(2)} nats per image`
}

/** The scores of the first images, block by block, with the noise of `elbo score`. */
async function score(
  opened: Opened,
  { count, samples, seed }: { count: number; samples: number; seed: number },
  signal: AbortSignal,
  onBlock: (found: Scored[], isLast: boolean) => Promise<void>,
): Promise<void> {
  const { images } = opened
  const key = streamKey(seed, 'score')
  const found: Scored[] = []
  for (let block = 0; block * BATCH < count; block++) {
    const batch = await images.batch(block)
    const indices = Array.from({ length: images.block }, (_, i) => block * images.block + i)
    const model = atImages(opened, indices)
    const estimate = await importanceOfBlock(model, batch, { key, block }, samples).finally(() => batch.dispose())
    if (signal.aborted) return
    for (let i = 0; i < Math.min(BATCH, count - block * BATCH); i++)
      found.push({
        index: block * BATCH + i,
        logPx: estimate.logPx[i] as number,
        standardError: estimate.standardError[i] as number,
        elbo: estimate.elbo[i] as number,
      })
    await onBlock(found, found.length >= count)
    await nextFrame()
  }
}

async function fill(
  root: HTMLElement,
  list: readonly Scored[],
  opened: Opened,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const { vae, images } = opened
  const levels = await Promise.all(list.map(({ index }) => images.one('read', index)))
  const at = atImages(
    opened,
    list.map(({ index }) => index),
  )
  const mean = tf.tidy(() => {
    const model = at()
    const x = tf.div(tf.tensor2d(Float32Array.from(levels.flatMap(one => [...one])), [list.length, vae.pixels]), 255)
    return decode(model, encode(model, x).mode).mean
  })
  const [values = new Float32Array()] = await valuesOf(mean)
  if (signal.aborted) return
  root.replaceChildren(
    ...list.map((one, i) =>
      pairOf(one, levels[i] as Uint8Array, values.subarray(i * vae.pixels, (i + 1) * vae.pixels), opened, context),
    ),
  )
}

function pairOf(
  { index, logPx, standardError, elbo }: Scored,
  levels: Uint8Array,
  reconstruction: Float32Array,
  { images, run }: Opened,
  context: Context,
): HTMLElement {
  const label = images.label(index)
  const about = `test image ${index}${label === undefined ? '' : `, label\u00a0${label}`}`
  const [x, mean] = [thumbnail(images, 56, about), thumbnail(images, 56, 'its reconstruction')]
  x.show(levels, 1)
  mean.show(reconstruction)
  const error = Number.isFinite(standardError) ? ` ± ${standardError.toFixed(2)}` : ''
  const made = element(
    'button',
    {
      type: 'button',
      class: 'scored',
      'data-image': index,
      title: `${about}: ELBO ${nats(elbo)}. Opens its posterior.`,
    },
    element('span', { class: 'row' }, x.root, mean.root),
    element('span', { class: 'number' }, `${nats(logPx)}${error}`),
    element('span', { class: 'note' }, about),
  )
  made.addEventListener('click', () => context.open({ view: 'posterior', run, image: index }))
  return made
}
