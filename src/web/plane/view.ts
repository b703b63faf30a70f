/** The plane: decoded images over two directions of the latent space, codes of test images above them; all decoding happens in the browser. */
import * as tf from '#tfjs'
import type { Pair } from '../../evaluation/posterior-map.js'
import { domainOf } from '../axes.js'
import { checkbox, element, errorBox, select } from '../dom.js'
import { labelFlag } from '../model/classes.js'
import { CODED, type Codes, codesOf } from '../model/codes.js'
import { latest } from '../model/latest.js'
import { thumbnail } from '../model/pixels.js'
import { type Opened, withModel } from '../model/with-model.js'
import type { Context, View } from '../view.js'
import { type Basis, dimensionBasis, principalBasis } from './basis.js'
import { decodeMany } from './decoding.js'
import { type PlaneFigure, planeFigure } from './plane-figure.js'

export const plane: View = {
  id: 'plane',
  title: 'The plane',
  mount: (root, context) => withModel(root, context, (body, opened) => showPlane(body, opened, context)),
}

function showPlane(body: HTMLElement, opened: Opened, context: Context): () => void {
  const why = whyNot(opened)
  if (why !== undefined) {
    body.append(element('p', { class: 'notice' }, why))
    return () => {}
  }
  const said = element('p', { class: 'note', role: 'status' }, 'Encoding test images …')
  body.append(said)
  let dispose = () => {}
  codesOf(opened, CODED, done => {
    said.textContent = `Encoding test images: ${done}`
  }).then(
    codes => {
      if (opened.signal.aborted) return
      said.remove()
      dispose = build(body, opened, context, codes)
    },
    error => {
      if (!opened.signal.aborted) body.replaceChildren(errorBox((error as Error).message))
    },
  )
  return () => dispose()
}

/** Why there is no plane to walk; undefined if there is. */
function whyNot({ vae }: Opened): string | undefined {
  if (!vae.latents.reparameterized)
    return 'The z of this run are binary (--latents bernoulli): between 0 and 1 there is nothing to decode, so there is no plane. Dimensions shows what each of them changes.'
  if ((vae.layers[0] ?? 0) < 2)
    return 'This run has one latent dimension: there is no plane. Dimensions shows what it changes.'
  return undefined
}

function build(body: HTMLElement, opened: Opened, context: Context, all: Codes): () => void {
  const { vae, run, className } = opened
  const { state, theme } = context
  const codes = firstLayer(all, vae.layers[0] ?? vae.latentDim, vae.latentDim)
  const decoded = decodedImages(opened)
  const holder = element('div', { class: 'card' })
  let figure: PlaneFigure | undefined
  const chosen = () => state.get('dims') ?? (codes.width === 2 ? '0,1' : 'components')
  const open = () => {
    figure?.dispose()
    const basis = basisOf(chosen(), codes)
    figure = planeFigure({
      opened,
      theme,
      state,
      basis,
      domains: domainsOf(basis),
      decode: (a, b) => decoded.show(padded(basis.at(a, b), vae.latentDim)),
      pinned: points => decoded.showPins({ basis, points }),
      walked: points => decoded.showWalk({ basis, points }),
    })
    figure.command(codes.width === 2 ? `elbo manifold ${run}${labelFlag(className)}` : '')
    holder.replaceChildren(figure.root)
  }
  const options = element(
    'div',
    { class: 'stack tight' },
    ...choices(opened, codes, context, chosen, open),
    ...layerBoxes(context, () => figure?.redraw()),
  )
  body.append(element('div', { class: 'columns' }, holder, sideCard(decoded, options)))
  open()
  return () => figure?.dispose()
}

/** Points of the plane whose images are shown. */
interface Row {
  basis: Basis
  points: readonly Pair[]
}

/** The image at the pointer, the pinned images, and those along a walk. */
function decodedImages(opened: Opened) {
  const { images, signal } = opened
  const shown = thumbnail(images, 196, 'The image decoded at the pointer')
  const place = element('p', { class: 'number place', 'data-decoded': 0 })
  const pins = element('div', { class: 'pins', role: 'group', 'aria-label': 'Pinned images' })
  const walk = element('div', { class: 'pins', 'aria-label': 'Images along the walk', role: 'group' })
  const trouble = element('div')
  const fail = (error: Error) => {
    if (!signal.aborted) trouble.replaceChildren(errorBox(error.message))
  }
  let count = 0
  const show = latest(async (code: readonly number[]) => {
    const values = await decodeMany(opened, [code])
    if (signal.aborted) return
    count += 1
    shown.show(values)
    place.textContent = `z = (${shortCode(code)})`
    place.setAttribute('data-decoded', String(count))
    place.setAttribute('data-tensors', String(tf.memory().numTensors))
  }, fail)
  const row = (root: HTMLElement, what: string) =>
    latest(({ basis, points }: Row) => showRow(opened, root, basis, points, what), fail)
  return {
    image: shown.root,
    place,
    pins,
    walk,
    trouble,
    show,
    showPins: row(pins, 'pin'),
    showWalk: row(walk, 'walk'),
  }
}

/** What is drawn on the plane. */
const layerBoxes = ({ state }: Context, changed: () => void): HTMLElement[] =>
  (
    [
      ['manifold', 'decoded images behind'],
      ['codes', 'codes of test images'],
    ] as const
  ).map(([name, text]) =>
    checkbox(text, state.get(name) !== 'off', isChecked => {
      state.set({ [name]: isChecked ? undefined : 'off' })
      changed()
    }),
  )

const sideCard = (
  { image, place, trouble, pins, walk }: ReturnType<typeof decodedImages>,
  options: HTMLElement,
): HTMLElement =>
  element(
    'div',
    { class: 'card stack tight' },
    image,
    place,
    trouble,
    options,
    element(
      'p',
      { class: 'note' },
      'Move over the plane to decode; drag to walk along a line; click to pin. By keyboard: focus the plane, then arrows, Enter to pin, Shift and arrows for small steps.',
    ),
    element('h3', {}, 'Pinned'),
    pins,
    element('h3', {}, 'Walk'),
    walk,
  )

/** The codes of the layer that is decoded. */
function firstLayer({ mean, count, dimensions }: Codes, width: number, latentDim: number): Codes {
  if (width === latentDim) return { mean, count, width, ...(dimensions && { dimensions }) }
  const first = new Float32Array(count * width)
  for (let i = 0; i < count; i++) first.set(mean.subarray(i * latentDim, i * latentDim + width), i * width)
  return { mean: first, count, width }
}

/** With zeros for the layers that are not decoded. */
const padded = (code: readonly number[], latentDim: number): number[] =>
  Array.from({ length: latentDim }, (_, j) => code[j] ?? 0)

const shortCode = (code: readonly number[]): string => {
  // Adding 0 turns -0 into 0.
  const shown = code.slice(0, 6).map(value => (Math.round(100 * value) / 100 + 0).toFixed(2).replace('-', '−'))
  return code.length > 6 ? `${shown.join(', ')}, …` : shown.join(', ')
}

function basisOf(chosen: string, codes: Codes): Basis {
  const [first, second] = chosen.split(',').map(Number)
  const isDimension = (j: number | undefined): j is number =>
    Number.isInteger(j) && (j ?? -1) >= 0 && (j ?? 0) < codes.width
  return isDimension(first) && isDimension(second) && first !== second
    ? dimensionBasis(codes, first, second)
    : principalBasis(codes)
}

/** Both domains hold the codes. */
function domainsOf({ points }: Basis) {
  const axis = (d: 0 | 1) => {
    const [low, high] = domainOf(
      Array.from({ length: points.length / 2 }, (_, i) => points[2 * i + d] as number),
      0.04,
    )
    return [Math.min(low, -2.5), Math.max(high, 2.5)] as const
  }
  return [axis(0), axis(1)] as const
}

/** Dimensions that can be chosen at most; beyond them only by the URL. */
const LISTED = 64

function choices(
  { hasKl }: Opened,
  codes: Codes,
  { state }: Context,
  chosen: () => string,
  open: () => void,
): HTMLElement[] {
  if (codes.width === 2) return []
  const order = codes.dimensions?.map(({ dimension }) => dimension) ?? Array.from({ length: codes.width }, (_, j) => j)
  const kl = new Map(codes.dimensions?.map(one => [one.dimension, one.kl]))
  const list = order
    .slice(0, LISTED)
    .map(j => [String(j), hasKl && kl.has(j) ? `z ${j} (KL ${kl.get(j)?.toFixed(2)})` : `z ${j}`] as const)
  const [first, second] = chosen().split(',')
  const set = (at: 0 | 1, value: string) => {
    const now = chosen().includes(',') ? chosen().split(',') : [list[0]?.[0] ?? '0', list[1]?.[0] ?? '1']
    now[at] = value
    if (now[0] === now[1]) now[1 - at] = list.find(([j]) => j !== value)?.[0] ?? '0'
    state.set({ dims: value === 'components' ? undefined : now.join(','), pins: undefined })
    open()
  }
  const all = [['components', 'principal component'] as const, ...list]
  return [
    select('across', all, first ?? 'components', value => set(0, value)),
    select('upwards', all, second ?? 'components', value => set(1, value)),
  ]
}

/** Pictures of points of the plane, decoded together. */
async function showRow(
  opened: Opened,
  root: HTMLElement,
  basis: Basis,
  points: readonly Pair[],
  what: string,
): Promise<void> {
  if (points.length === 0) return void root.replaceChildren(element('span', { class: 'note' }, 'none'))
  const { vae, images, signal } = opened
  const values = await decodeMany(
    opened,
    points.map(([a, b]) => padded(basis.at(a, b), vae.latentDim)),
  )
  if (signal.aborted) return
  const size = images.rows * images.columns * images.channels
  root.replaceChildren(
    ...points.map(([a, b], i) => {
      const picture = thumbnail(images, 44, `${what} ${i + 1}, at ${a.toFixed(2)}, ${b.toFixed(2)}`)
      picture.show(values.subarray(i * size, (i + 1) * size))
      return picture.root
    }),
  )
}
