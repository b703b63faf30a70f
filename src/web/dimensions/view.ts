/** The dimensions of z by their KL, each with a strip of what it changes; those that are not used are folded away. */

import * as tf from '#tfjs'
import { ACTIVE_VARIANCE, type Dimension } from '../../evaluation/dimensions.js'
import { encode } from '../../models/vae.js'
import { button, element, errorBox, nats, slider, words } from '../dom.js'
import { atImages, labelFlag } from '../model/classes.js'
import { CODED, codesOf } from '../model/codes.js'
import { nextFrame, valuesOf } from '../model/model.js'
import { thumbnail } from '../model/pixels.js'
import { type Opened, withModel } from '../model/with-model.js'
import { decodeMany } from '../plane/decoding.js'
import type { Context, View } from '../view.js'

export const dimensions: View = {
  id: 'dimensions',
  title: 'Dimensions',
  mount: (root, context) => withModel(root, context, (body, opened) => showDimensions(body, opened, context)),
}

/** Images of a strip, and how far it runs in standard deviations of p(z). */
const STEPS = 11
const EXTENT = 3

/** Strips that are decoded at first, and more at each press. */
const AT_ONCE = 20

function showDimensions(body: HTMLElement, opened: Opened, context: Context): () => void {
  const said = element('p', { class: 'note', role: 'status' }, 'Encoding test images …')
  body.append(said)
  if (!opened.hasKl) {
    said.replaceWith(
      element(
        'p',
        { class: 'notice' },
        'This run has a learned prior or two latent layers: KL(q(z|x) ‖ p(z)) has no closed form, so it is no sum over dimensions that could be sorted. The plane shows its first layer.',
      ),
    )
    return () => {}
  }
  codesOf(opened, CODED, done => {
    said.textContent = `Encoding test images: ${done}`
  }).then(
    codes => {
      if (opened.signal.aborted) return
      said.remove()
      build(body, opened, context, codes.dimensions ?? [], codes.count)
    },
    error => {
      if (!opened.signal.aborted) body.replaceChildren(errorBox((error as Error).message))
    },
  )
  return () => {}
}

function build(body: HTMLElement, opened: Opened, context: Context, all: readonly Dimension[], count: number): void {
  const active = all.filter(({ isActive }) => isActive)
  const idle = all.filter(({ isActive }) => !isActive)
  const total = all.reduce((sum, { kl }) => sum + kl, 0)
  const lists = dimensionLists(opened, context, { active, idle, largest: all[0]?.kl ?? 1 })
  const start = () => void lists.fill().catch(error => body.prepend(errorBox((error as Error).message)))
  body.append(
    element(
      'p',
      { class: 'lead' },
      `${active.length} of ${all.length} dimensions are active; KL(q(z|x) ‖ p(z)) is ${nats(total, 3)} nats per image over the first ${count.toLocaleString('en')} test images.`,
    ),
    element('div', { class: 'card row' }, centreSlider(opened, context, start)),
    element(
      'div',
      { class: 'card stack tight' },
      lists.active,
      element(
        'div',
        { class: 'command note' },
        'same by ',
        element('code', {}, ...words(traverseCommand(opened, context, count))),
      ),
    ),
    ...(idle.length > 0 ? [lists.idle] : []),
  )
  start()
}

interface Listed {
  active: readonly Dimension[]
  idle: readonly Dimension[]
  /** The largest KL. */
  largest: number
}

/** The strips of the active dimensions, and those of the others, which are decoded once they are unfolded. */
function dimensionLists(opened: Opened, { state }: Context, { active, idle, largest }: Listed) {
  const [shown, hidden] = [element('div', { class: 'stack tight' }), element('div', { class: 'stack tight' })]
  const summary = `${idle.length} inactive ${idle.length === 1 ? 'dimension' : 'dimensions'}: Var(E[z_j]) over images is at most ${ACTIVE_VARIANCE}`
  const folded = element('details', { class: 'card' }, element('summary', {}, summary), hidden)
  let isFilled = false
  let work = new AbortController()
  return {
    active: shown,
    idle: folded,
    /** Decodes all anew, around the centre that the state names. */
    async fill(): Promise<void> {
      work.abort()
      work = new AbortController()
      isFilled = false
      const signal = AbortSignal.any([work.signal, opened.signal])
      const filling = { centre: await centreOf(opened, state.get('centre')), largest, signal }
      hidden.replaceChildren()
      await fillList(shown, opened, active, filling)
      const unfold = () => {
        if (isFilled || !folded.open) return
        isFilled = true
        void fillList(hidden, opened, idle, filling)
      }
      folded.ontoggle = unfold
      unfold()
    },
  }
}

function centreSlider({ images }: Opened, { state }: Context, changed: () => void): HTMLElement {
  const { root } = slider({
    label: 'other dimensions: from test image',
    min: -1,
    max: Math.min(99, images.count - 1),
    step: 1,
    value: Number(state.get('centre') ?? -1),
    format: i => (i < 0 ? 'none, all 0' : String(i)),
    change(i) {
      state.set({ centre: i < 0 ? undefined : i })
      changed()
    },
  })
  root.classList.add('wide')
  return root
}

function traverseCommand({ run, className }: Opened, { state }: Context, count: number): string {
  const centre = state.get('centre')
  const start = centre === undefined ? '' : ` --start ${Number(centre) + 1}`
  return `elbo traverse ${run}${labelFlag(className)} --images ${count} --steps ${STEPS} --extent ${EXTENT}${start}`
}

/** z = 0, or the code of a test image. */
async function centreOf(opened: Opened, text: string | undefined): Promise<number[]> {
  const { vae, images } = opened
  const index = Number(text ?? -1)
  if (!Number.isInteger(index) || index < 0 || index >= images.count)
    return Array.from({ length: vae.latentDim }, () => 0)
  const batch = await images.batch(Math.floor(index / images.block))
  const model = atImages(opened, [index])
  const mode = tf.tidy(() => encode(model(), tf.slice(batch, [index % images.block, 0], [1, vae.pixels])).mode)
  batch.dispose()
  const [values = []] = await valuesOf(mode)
  return [...values]
}

interface Filling {
  centre: readonly number[]
  /** The largest KL, for the lengths of bars. */
  largest: number
  signal: AbortSignal
}

async function fillList(
  root: HTMLElement,
  opened: Opened,
  list: readonly Dimension[],
  filling: Filling,
): Promise<void> {
  root.replaceChildren()
  if (list.length === 0) root.append(element('p', { class: 'note' }, 'none'))
  for (const [i, one] of list.entries()) {
    if (i > 0 && i % AT_ONCE === 0) {
      const more = button(`Show ${Math.min(AT_ONCE, list.length - i)} more of ${list.length - i}`, () => {})
      root.append(more)
      await new Promise<void>(done => more.addEventListener('click', () => done(), { once: true }))
      more.remove()
    }
    const strip = await stripOf(opened, one, filling)
    if (filling.signal.aborted) return
    root.append(strip)
    await nextFrame()
  }
}

async function stripOf(
  opened: Opened,
  { dimension, kl }: Dimension,
  { centre, largest }: Filling,
): Promise<HTMLElement> {
  const { vae, images } = opened
  const values = vae.latents.reparameterized
    ? Array.from({ length: STEPS }, (_, i) => EXTENT * ((2 * i) / (STEPS - 1) - 1))
    : [0, 1]
  const decoded = await decodeMany(
    opened,
    values.map(value => centre.map((z, j) => (j === dimension ? value : z))),
  )
  const size = images.rows * images.columns * images.channels
  const pictures = values.map((value, i) => {
    const picture = thumbnail(images, 52, `z ${dimension} = ${value.toFixed(1)}`)
    picture.root.removeAttribute('style')
    picture.show(decoded.subarray(i * size, (i + 1) * size))
    return picture.root
  })
  const bar = element('div', { class: 'bar' })
  bar.style.width = `${Math.max(1, (100 * Math.max(0, kl)) / largest)}%`
  const about = element(
    'div',
    { class: 'dimension-about' },
    element('b', {}, `z ${dimension}`),
    element('span', { class: 'number', 'data-kl': dimension }, `${nats(kl, 3)} nats`),
    element('div', { class: 'bar-room' }, bar),
  )
  return element('div', { class: 'dimension' }, about, element('div', { class: 'dimension-strip' }, ...pictures))
}
