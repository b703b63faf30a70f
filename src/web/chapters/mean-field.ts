/** Chapter: mean field on a correlated Gaussian. */
import { type Axes, domainOf, drawAxes } from '../axes.js'
import { button, checkbox, slider } from '../dom.js'
import { figure, type Surface } from '../figure.js'
import type { Context, View } from '../view.js'
import { bestForP, type Factors, klFromP, klFromQ, update } from './numbers/mean-field.js'
import { type ChapterState, chapterState } from './parts/chapter-state.js'
import { drawDot, drawLabel, drawLine, drawLoop, type Point } from './parts/drawing.js'
import { dragHandles, drawHandles, type Handle } from './parts/handles.js'
import { buttons, lab, signed } from './parts/lab.js'
import { player } from './parts/player.js'
import { fillChapter, type Part } from './parts/prose.js'
import { announcer, readings } from './parts/readings.js'
import { sections } from './text/mean-field.md'

export const meanField: View = {
  id: 'mean-field',
  title: 'Mean field',
  mount(root: HTMLElement, context: Context) {
    const state = chapterState(context.state, 'mean-field')
    const end = fillChapter(root, sections, [factorsPart(context, state)])
    return () => {
      end()
      state.dispose()
    }
  },
}

/** How far the start of q may be moved. */
const REACH = 3
/** How far the plane is seen: it holds two standard deviations of q at its usual start. */
const VIEW = 4.2
const MOST_STEPS = 60

interface Values {
  correlation: number
  start: readonly [number, number]
  showsOther: boolean
  /** q after each update, the start first. */
  history: readonly Factors[]
}

const startOf = (means: readonly [number, number]): Factors => ({ means, variances: [1, 1] })

const lastOf = ({ history, start }: Values): Factors => history.at(-1) ?? startOf(start)

function valuesFrom(state: ChapterState): Values {
  const start = [state.number('z1', -2, [-REACH, REACH]), state.number('z2', 2, [-REACH, REACH])] as const
  return {
    correlation: state.number('correlation', 0.85, [-0.98, 0.98]),
    start,
    showsOther: state.choice('other', ['yes', 'no'], 'no') === 'yes',
    history: [startOf(start)],
  }
}

const stateOf = ({ correlation, start, showsOther }: Values) => ({
  correlation,
  ...{ z1: start[0], z2: start[1] },
  other: showsOther ? 'yes' : undefined,
})

function factorsPart(context: Context, state: ChapterState): Part {
  const values = valuesFrom(state)
  const figures = factorsFigures(context, values, begin)
  const numbers = factorReadings()
  const voice = announcer()
  function show(): void {
    const texts = textsOf(values)
    numbers.set(texts)
    voice.say(`After ${texts.steps} updates KL is ${texts.kl} nats; its least value is ${texts.least}.`)
    state.set(stateOf(values))
    figures.redraw()
  }
  function begin(changed: Partial<Pick<Values, 'correlation' | 'start'>>): void {
    Object.assign(values, changed)
    values.history = [startOf(values.start)]
    controls.z1.set(values.start[0])
    controls.z2.set(values.start[1])
    show()
  }
  const step = (factor: 0 | 1) => {
    values.history = [...values.history, update(lastOf(values), factor, values.correlation)]
    show()
  }
  const run = button('Run', () => play.toggle())
  const play = player({
    button: run,
    texts: ['Run', 'Pause'],
    seconds: context.theme.isStill ? 0 : 0.4,
    step: async () => step(((values.history.length - 1) % 2) as 0 | 1),
    isDone: () => isAtRest(values),
  })
  const controls = slidersOf(values, begin)
  show()
  return {
    root: lab('Mean field by coordinate ascent', figures.roots, [
      buttons(
        button('Update q₁', () => step(0), { class: 'primary' }),
        button('Update q₂', () => step(1), { class: 'primary' }),
        run,
        button('Start again', () => begin({})),
      ),
      ...[controls.correlation.root, controls.z1.root, controls.z2.root],
      checkbox('show the best q for KL(p ‖ q)', values.showsOther, shows => {
        values.showsOther = shows
        show()
      }),
      numbers.root,
      voice.root,
    ]),
    dispose() {
      play.stop()
      figures.dispose()
      voice.dispose()
    },
  }
}

const factorReadings = () =>
  readings('In nats', [
    { id: 'kl', label: 'KL(q ‖ p), the gap', colour: 'approximation' },
    { id: 'least', label: 'its least value, −½ log(1 − ρ²)' },
    { id: 'other', label: 'KL(p ‖ q)' },
    { id: 'sd', label: 'width σ of q₁ and q₂' },
    { id: 'true', label: 'true width of z₁ and z₂', colour: 'posterior' },
    { id: 'steps', label: 'updates' },
  ])

function slidersOf(values: Values, begin: (changed: Partial<Pick<Values, 'correlation' | 'start'>>) => void) {
  const place = (axis: 0 | 1, label: string) =>
    slider({
      ...{
        label,
        min: -REACH,
        max: REACH,
        step: 0.05,
        value: values.start[axis],
        format: (value: number) => signed(value, 2),
      },
      change: moved => begin({ start: axis === 0 ? [moved, values.start[1]] : [values.start[0], moved] }),
    })
  return {
    correlation: slider({
      ...{ label: 'correlation ρ', min: -0.98, max: 0.98, step: 0.01, value: values.correlation },
      format: value => signed(value, 2),
      change: correlation => begin({ correlation }),
    }),
    z1: place(0, 'start of m₁'),
    z2: place(1, 'start of m₂'),
  }
}

function isAtRest(values: Values): boolean {
  const { means, variances } = lastOf(values)
  const least = 1 - values.correlation ** 2
  const isThere = Math.max(...means.map(Math.abs)) < 1e-3 && variances.every(variance => variance === least)
  return isThere || values.history.length > MOST_STEPS
}

function textsOf(values: Values): Record<string, string> {
  const q = lastOf(values)
  return {
    kl: signed(klFromP(q, values.correlation), 4),
    least: signed(-Math.log(1 - values.correlation ** 2) / 2, 4),
    other: signed(klFromQ(q, values.correlation), 4),
    sd: q.variances.map(variance => Math.sqrt(variance).toFixed(3)).join(', '),
    true: '1.000, 1.000',
    steps: String(values.history.length - 1),
  }
}

function factorsFigures(
  { theme }: Context,
  values: Values,
  begin: (changed: { start: readonly [number, number] }) => void,
) {
  let handles: Handle[] = []
  const plane = figure({
    title: 'Two ellipses',
    description: 'The posterior as tilted ellipses, q as upright ones, and the path of its mean.',
    caption: 'Ellipses at one and two standard deviations. Drag the start; each update moves q along one axis.',
    aspect: 0.8,
    height: [280, 520],
    theme,
    draw(surface) {
      handles = drawPlane(surface, values, start => begin({ start }))
    },
  })
  const curve = figure({
    title: 'The gap after each update',
    description: 'KL(q‖p) by updates, falling to its least value.',
    aspect: 0.3,
    height: [180, 240],
    theme,
    draw: surface => drawGaps(surface, values),
  })
  dragHandles(plane.svg, () => handles)
  return {
    roots: [plane.root, curve.root],
    redraw() {
      plane.redraw()
      curve.redraw()
    },
    dispose() {
      plane.dispose()
      curve.dispose()
    },
  }
}

const turn = Array.from({ length: 97 }, (_, i) => (2 * Math.PI * i) / 96)

/** The ellipse of p at `sds` standard deviations. */
const ellipseOfP = (correlation: number, sds: number): Point[] =>
  turn.map(t => [sds * Math.cos(t), sds * (correlation * Math.cos(t) + Math.sqrt(1 - correlation ** 2) * Math.sin(t))])

const ellipseOfQ = ({ means, variances }: Factors, sds: number): Point[] =>
  turn.map(t => [
    means[0] + sds * Math.sqrt(variances[0]) * Math.cos(t),
    means[1] + sds * Math.sqrt(variances[1]) * Math.sin(t),
  ])

function drawPlane(surface: Surface, values: Values, move: (start: readonly [number, number]) => void): Handle[] {
  const axes = drawAxes(surface, {
    x: { label: 'z₁', domain: [-VIEW, VIEW] },
    y: { label: 'z₂', domain: [-VIEW, VIEW] },
    isSquare: true,
  })
  const q = lastOf(values)
  for (const sds of [2, 1])
    drawLoop(axes, ellipseOfP(values.correlation, sds), { colour: 'posterior', fillOpacity: 0.14 })
  if (values.showsOther)
    for (const sds of [2, 1])
      drawLoop(axes, ellipseOfQ(bestForP, sds), { colour: 'series-3', fillOpacity: 0, dashes: '5 4' })
  for (const sds of [2, 1]) drawLoop(axes, ellipseOfQ(q, sds), { colour: 'approximation', fillOpacity: 0.14 })
  drawLine(
    axes,
    values.history.map(({ means }) => means),
    { colour: 'ink', width: 1.5, opacity: 0.7 },
  )
  for (const { means } of values.history) drawDot(axes, means, 'ink', 2.5)
  const [right, bottom] = [axes.right - 10, axes.bottom - 10]
  drawLabel(axes, [right, bottom - 18], 'posterior', 'posterior p(z|x)', 'end')
  drawLabel(axes, [right, bottom], 'approximation', 'q(z₁) q(z₂)', 'end')
  if (values.showsOther) drawLabel(axes, [right, bottom - 36], 'series-3', 'best for KL(p ‖ q)', 'end')
  const handles = [startHandle(axes, values, move)]
  drawHandles(axes.over, handles)
  return handles
}

function startHandle(axes: Axes, { start }: Values, move: (start: readonly [number, number]) => void): Handle {
  const inside = (value: number) => Math.min(REACH, Math.max(-REACH, Math.round(value * 20) / 20))
  return {
    ...{ x: axes.x(start[0]), y: axes.y(start[1]), colour: 'approximation' },
    move: (x, y) => move([inside(axes.toX(x)), inside(axes.toY(y))]),
  }
}

function drawGaps(surface: Surface, { history, correlation }: Values): void {
  const gaps = history.map((q, i) => [i, klFromP(q, correlation)] as const)
  const least = -Math.log(1 - correlation ** 2) / 2
  const axes = drawAxes(surface, {
    x: { label: 'updates', domain: [-0.2, Math.max(8, history.length - 1) + 0.2], isWhole: true, ticksFrom: 0 },
    y: { label: 'KL(q‖p), nats', domain: [0, domainOf([...gaps.map(([, gap]) => gap), least], 0.1)[1]] },
  })
  const end = Math.max(8, history.length - 1)
  drawLine(axes, [[0, least] as const, [end, least] as const], { colour: 'quiet', width: 1.5, dashes: '5 4' })
  drawLine(axes, gaps, { colour: 'approximation', width: 2 })
  for (const gap of gaps) drawDot(axes, gap, 'approximation', 3)
  drawLabel(axes, [axes.right - 6, axes.y(least) - 6], 'quiet', 'least', 'end')
}
