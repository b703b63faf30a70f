/** Figure: the points, the components, and the bound after each half step of EM. */

import { streamKey } from '../../random.js'
import { button, select, slider } from '../dom.js'
import { figure } from '../figure.js'
import type { Context } from '../view.js'
import { drawBoundCurve, drawMixture, type EmShown } from './em-drawing.js'
import { createLiveMixture, drawPoints, type HalfStep, type LiveMixture, startAt, truth } from './numbers/mixture.js'
import type { ChapterState } from './parts/chapter-state.js'
import { hasConverged, markNext, nextOf } from './parts/half-steps.js'
import { inTurn } from './parts/in-turn.js'
import { buttons, lab, signed } from './parts/lab.js'
import { player } from './parts/player.js'
import type { Part } from './parts/prose.js'
import { announcer, readings } from './parts/readings.js'

const POINTS = 60
const MOST_STEPS = 200
const SECONDS_PER_STEP = 0.45

/** Nats per point that float32 and the figures show. */
const VISIBLE = 1e-5

export function emPart(context: Context, state: ChapterState, fail: (error: Error) => void): Part {
  const settings = settingsFrom(state, context.seed)
  const shown: EmShown = { points: new Float64Array(), theta: truth, q: undefined, history: [] }
  const figures = emFigures(context, shown)
  const numbers = emReadings()
  const voice = announcer()
  const turns = inTurn(fail)
  const session = emSession(context, shown)
  const controls = controlsOf({
    half: kind => void turns.run(() => half(kind)),
    play: () => play.toggle(),
    begin: () => void turns.run(() => begin(0)),
  })
  const play = player({
    button: controls.play,
    texts: ['Run', 'Pause'],
    seconds: context.theme.isStill ? 0 : SECONDS_PER_STEP,
    step: () => turns.run(() => half(nextOf(shown.history))),
    isDone: () => hasConverged(shown.history, VISIBLE) || shown.history.length > MOST_STEPS,
  })
  async function begin(steps: number): Promise<void> {
    play.stop()
    await session.begin(settings, steps)
    show()
  }
  async function half(kind: 'E' | 'M'): Promise<void> {
    if (nextOf(shown.history) !== kind) return
    await session.take(kind)
    state.set({ steps: shown.history.length - 1 })
    show()
  }
  function show(): void {
    markNext(controls, nextOf(shown.history))
    numbers.set(textsOf(shown.history))
    voice.say(sentenceOf(shown.history))
    figures.redraw()
  }
  const restart = (changed: Partial<typeof settings>) => {
    Object.assign(settings, changed)
    state.set({ ...changed, steps: undefined })
    void turns.run(() => begin(0))
  }
  void turns.run(() => begin(state.number('steps', 0, [0, MOST_STEPS])))
  return {
    root: lab('EM in half steps', figures.roots, [
      buttons(controls.e, controls.m, controls.play, controls.reset),
      componentsSelect(settings.components, components => restart({ components })),
      seedSlider(settings.seed, seed => restart({ seed })),
      numbers.root,
      voice.root,
    ]),
    dispose() {
      play.stop()
      figures.dispose()
      voice.dispose()
      turns.end(session.dispose)
    },
  }
}

const settingsFrom = (state: ChapterState, seed: number) => ({
  seed: state.number('seed', seed, [1, 99]),
  components: state.number('components', 3, [2, 4]),
})

/** The buttons; the primary one is the next half step. */
const controlsOf = (press: { half(kind: 'E' | 'M'): void; play(): void; begin(): void }) => ({
  e: button('E step', () => press.half('E'), { class: 'primary' }),
  m: button('M step', () => press.half('M')),
  play: button('Run', press.play),
  reset: button('Start again', press.begin),
})

const componentsSelect = (chosen: number, change: (components: number) => void): HTMLElement =>
  select(
    'components',
    [2, 3, 4].map(count => [String(count), String(count)] as const),
    String(chosen),
    value => change(Number(value)),
  )

const seedSlider = (value: number, change: (seed: number) => void): HTMLElement =>
  slider({ label: 'seed', min: 1, max: 99, step: 1, value, change }).root

/** The mixture whose half steps change `shown`. */
function emSession(context: Context, shown: EmShown) {
  let mixture: LiveMixture | undefined
  async function take(kind: 'E' | 'M'): Promise<void> {
    if (mixture === undefined || (kind === 'M' && shown.q === undefined)) return
    const result = kind === 'E' ? await mixture.eStep() : await mixture.mStep()
    shown.history = [...shown.history, result]
    Object.assign(shown, { q: mixture.responsibilities(), theta: await mixture.theta() })
  }
  return {
    take,
    /** Begins anew and takes the first half steps. */
    async begin({ seed, components }: { seed: number; components: number }, steps: number): Promise<void> {
      await context.compute()
      mixture?.dispose()
      shown.points = drawPoints(truth, streamKey(seed, 'points'), POINTS)
      mixture = createLiveMixture(shown.points, startAt(streamKey(seed, 'start'), components))
      const logPx = await mixture.logPx()
      Object.assign(shown, { q: undefined, theta: await mixture.theta() })
      shown.history = [{ kind: 'start', logPx, elbo: undefined }]
      for (let step = 0; step < steps; step++) await take(nextOf(shown.history))
    },
    dispose: () => mixture?.dispose(),
  }
}

const emReadings = () =>
  readings('In nats per point', [
    { id: 'step', label: 'half steps' },
    { id: 'elbo', label: 'ELBO', colour: 'series-3' },
    { id: 'gap', label: 'KL(q ‖ p(z|x)), the gap', colour: 'approximation' },
    { id: 'logPx', label: 'log p(x | θ)', isSum: true },
  ])

function sentenceOf(history: readonly HalfStep[]): string {
  const last = history.at(-1)
  if (last === undefined) return ''
  return `${last.kind === 'start' ? 'Start' : `${last.kind} step`}: log p(x) ${signed(last.logPx, 4)} nats per point.`
}

function textsOf(history: readonly HalfStep[]): Record<string, string> {
  const last = history.at(-1)
  if (last === undefined) return {}
  const { elbo, logPx } = last
  return {
    step: String(history.length - 1),
    elbo: elbo === undefined ? 'no q yet' : signed(elbo, 4),
    gap: elbo === undefined ? 'no q yet' : signed(Math.max(0, logPx - elbo), 4),
    logPx: signed(logPx, 4),
  }
}

function emFigures({ theme }: Context, shown: EmShown) {
  const mixture = figure({
    title: 'Points and components',
    description:
      'Each point is a bar in the colours of the components that it is shared among; curves are weighted densities.',
    caption:
      'Bars below: the points, in the colours of q. Curves: the components times their weights, and their sum p(x | θ). On images: elbo em gaussian-mixture.',
    aspect: 0.5,
    height: [250, 400],
    theme,
    draw: surface => drawMixture(surface, shown),
  })
  const curve = figure({
    title: 'The bound rises',
    description: 'log p(x) and the bound after each half step.',
    caption:
      'Filled: after an E step the bound touches log p(x). Hollow: after an M step both have risen, and a gap is open.',
    aspect: 0.36,
    height: [200, 300],
    theme,
    draw: surface => drawBoundCurve(surface, shown.history),
  })
  return {
    roots: [mixture.root, curve.root],
    redraw() {
      mixture.redraw()
      curve.redraw()
    },
    dispose() {
      mixture.dispose()
      curve.dispose()
    },
  }
}
