/** EM of a mixture on training images, half step by half step. */
import type { ImageShape } from '../../data/images.js'
import { drawBoundCurve } from '../chapters/em-drawing.js'
import type { HalfStep } from '../chapters/numbers/mixture.js'
import { hasConverged, markNext, nextOf } from '../chapters/parts/half-steps.js'
import { inTurn } from '../chapters/parts/in-turn.js'
import { signed } from '../chapters/parts/lab.js'
import { player } from '../chapters/parts/player.js'
import { readings } from '../chapters/parts/readings.js'
import { button, element, errorBox, slider } from '../dom.js'
import { figure } from '../figure.js'
import { type Thumbnail, thumbnail } from '../model/pixels.js'
import type { Context } from '../view.js'
import { type ImageEm, openImageEm, type SeenMixture } from './half-steps.js'
import type { RunTensors } from './run-tensors.js'

export interface HalfStepsCard {
  readonly root: HTMLElement
  dispose(): void
}

/** Half steps after which it stops by itself. */
const MOST_STEPS = 100

/** A rise of log p(x), in nats per image, below which it stops. */
const VISIBLE = 0.01

export function halfStepsCard(context: Context, run: string, shape: ImageShape, tensors: RunTensors): HalfStepsCard {
  const { state } = context
  let [em, seed] = [undefined as ImageEm | undefined, state.number('start', context.seed)]
  let history: HalfStep[] = []
  const root = element('section', { class: 'card stack tight', 'aria-label': 'EM in half steps' })
  const turns = inTurn(error => void root.append(errorBox(error.message)))
  const seen = picturesOf(context, shape, () => history)
  const half = async (kind: 'E' | 'M') => {
    if (em === undefined || nextOf(history) !== kind) return
    show(await (kind === 'E' ? em.eStep() : em.mStep()))
  }
  const begin = async () => {
    play.stop()
    em?.dispose()
    em = undefined
    history = []
    em = await openImageEm(context.api, run, tensors, seed)
    seen.said.textContent = introduce(em)
    show(await em.start())
  }
  const show = (found: SeenMixture) => {
    history = [...history, found.step]
    seen.show(found)
    markNext(controls, nextOf(history))
  }
  const controls = {
    e: button('E step', () => void turns.run(() => half('E'))),
    m: button('M step', () => void turns.run(() => half('M'))),
    play: button('Run', () => play.toggle()),
    again: button('Start again', () => void turns.run(begin)),
  }
  const play = player({
    button: controls.play,
    texts: ['Run', 'Pause'],
    seconds: context.theme.isStill ? 0 : 0.35,
    step: () => turns.run(() => half(nextOf(history))),
    isDone: () => em === undefined || hasConverged(history, VISIBLE) || history.length > MOST_STEPS,
  })
  const seeds = slider({
    ...{ label: 'start', min: 1, max: 99, step: 1, value: seed },
    change(value) {
      seed = value
      state.set({ start: seed })
      void turns.run(begin)
    },
  })
  const buttons = element('div', { class: 'row' }, ...Object.values(controls), seeds.root)
  root.append(element('h2', {}, 'EM, half step by half step'), seen.said, buttons, seen.columns)
  void turns.run(begin)
  return {
    root,
    dispose() {
      play.stop()
      seen.dispose()
      turns.end(() => em?.dispose())
    },
  }
}

/** What is seen of each half step: the components, the numbers and the bound. */
function picturesOf(context: Context, shape: ImageShape, history: () => readonly HalfStep[]) {
  const tiles = componentTiles(shape)
  const numbers = emReadings()
  const curve = boundFigure(context, history)
  return {
    said: element('p', { class: 'lead' }),
    columns: element(
      'div',
      { class: 'columns' },
      tiles.root,
      element('div', { class: 'stack tight' }, numbers.root, curve.root),
    ),
    show(found: SeenMixture): void {
      tiles.show(found)
      numbers.set(textsOf(history(), found.step))
      curve.redraw()
    },
    dispose: () => curve.dispose(),
  }
}

const emReadings = () =>
  readings('In nats per image', [
    { id: 'em-step', label: 'half steps' },
    { id: 'em-elbo', label: 'ELBO', colour: 'series-3' },
    { id: 'em-logPx', label: 'log p(x | θ)', isSum: true },
  ])

function textsOf(history: readonly HalfStep[], { elbo, logPx }: HalfStep): Record<string, string> {
  return {
    'em-step': String(history.length - 1),
    'em-elbo': elbo === undefined ? 'no q yet' : signed(elbo),
    'em-logPx': signed(logPx),
  }
}

const introduce = ({ images, split, components }: ImageEm): string =>
  `EM begun anew on the first ${images} ${split === 'train' ? 'training' : 'test'} images, with ${components} components started at random images; nothing of the run changes. The E step shares the images among the components, the M step makes each component the mean of its shares.`

const boundFigure = ({ theme }: Context, history: () => readonly HalfStep[]) =>
  figure({
    title: 'The bound by half steps',
    description: 'log p(x) and the bound after each half step.',
    aspect: 0.7,
    height: [200, 280],
    theme,
    draw: surface => drawBoundCurve(surface, history(), 'nats per image'),
  })

/** A picture of each component, with the number of images that it holds. */
function componentTiles(shape: ImageShape) {
  const root = element('ul', { class: 'ingredients components' })
  let tiles: { picture: Thumbnail; said: HTMLElement }[] = []
  return {
    root,
    show({ means, weights, counts }: SeenMixture) {
      if (tiles.length !== means.length) {
        tiles = means.map((_, k) => ({
          picture: thumbnail(shape, 76, `mean of component ${k}`),
          said: element('span', { class: 'number' }),
        }))
        root.replaceChildren(
          ...tiles.map(({ picture, said }) =>
            element('li', {}, picture.root, element('div', { class: 'about' }, said)),
          ),
        )
      }
      tiles.forEach(({ picture, said }, k) => {
        picture.show(means[k] as Float32Array)
        said.textContent =
          counts === undefined
            ? `w ${(100 * (weights[k] as number)).toFixed(1)} %`
            : `N ${(counts[k] as number).toFixed(1)}`
      })
    },
  }
}
