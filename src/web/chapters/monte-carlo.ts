/** Chapter: the Monte Carlo E step, whose error falls as 1/sqrt(n). */

import { type HostKey, streamKey } from '../../random.js'
import { type Axes, domainOf, drawAxes } from '../axes.js'
import { button } from '../dom.js'
import { figure, type Surface } from '../figure.js'
import type { Context, View } from '../view.js'
import { drawPoints, truth } from './numbers/mixture.js'
import { drawMany, errorsBySize, exactMoments, hiddenOf, runningEstimates } from './numbers/monte-carlo.js'
import { type ChapterState, chapterState } from './parts/chapter-state.js'
import { drawArea, drawDot, drawLabel, drawLine } from './parts/drawing.js'
import { buttons, lab, plusMinus, signed } from './parts/lab.js'
import { fillChapter, type Part } from './parts/prose.js'
import { announcer, readings } from './parts/readings.js'
import { sections } from './text/monte-carlo.md'

const [POINTS, MOST_DRAWS] = [60, 10_000]

/** Numbers of draws that the second figure compares. */
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

export const monteCarlo: View = {
  id: 'monte-carlo',
  title: 'An E step by drawing',
  mount(root: HTMLElement, context: Context) {
    const state = chapterState(context.state, 'monte-carlo')
    const end = fillChapter(root, sections, [drawsPart(context, state)])
    return () => {
      end()
      state.dispose()
    }
  },
}

interface Draws {
  /** E[log p(x, z | θ)] per point, and the standard deviation of one draw. */
  exact: { mean: number; sd: number }
  values: Float64Array
}

function drawsPart(context: Context, state: ChapterState): Part {
  const hidden = hiddenOf(drawPoints(truth, streamKey(context.seed, 'points'), POINTS), truth)
  const settings = { seed: state.number('seed', context.seed, [1, 999]) }
  const key = (): HostKey => streamKey(settings.seed, 'draws of z')
  const drawn: Draws = { exact: exactMoments(hidden), values: new Float64Array() }
  const figures = drawsFigures(context, drawn)
  const numbers = readings('E[log p(x, z | θ)] under q, nats per point', [
    { id: 'count', label: 'draws n' },
    { id: 'estimate', label: 'estimate ± standard error', colour: 'approximation' },
    { id: 'exact', label: 'exact', colour: 'posterior' },
    { id: 'error', label: 'error', isSum: true },
    { id: 'expected', label: 'sd / √n' },
  ])
  const voice = announcer()
  const draw = (upTo: number) => {
    const to = Math.min(MOST_DRAWS, upTo)
    drawn.values = Float64Array.of(...drawn.values, ...drawMany(hidden, key(), drawn.values.length, to))
    state.set({ draws: drawn.values.length })
    show()
  }
  const show = () => {
    const texts = textsOf(drawn)
    numbers.set(texts)
    voice.say(`${texts.count} draws: estimate ${texts.estimate}, exact ${texts.exact} nats per point.`)
    for (const more of moreButtons) more.disabled = drawn.values.length >= MOST_DRAWS
    figures.redraw()
  }
  const moreButtons = [1, 10, 100, 1000].map(count =>
    button(`Draw ${count.toLocaleString('en')}`, () => draw(drawn.values.length + count), {
      class: count === 10 ? 'primary' : '',
    }),
  )
  const anew = button('Other draws', () => {
    settings.seed = (settings.seed % 999) + 1
    const count = drawn.values.length
    drawn.values = new Float64Array()
    state.set({ seed: settings.seed })
    draw(count)
  })
  draw(state.number('draws', 100, [1, MOST_DRAWS]))
  return {
    root: lab('The Monte Carlo E step', figures.roots, [
      buttons(...moreButtons),
      buttons(anew),
      numbers.root,
      voice.root,
    ]),
    dispose() {
      figures.dispose()
      voice.dispose()
    },
  }
}

function textsOf({ exact, values }: Draws): Record<string, string> {
  const last = runningEstimates(values, 1).at(-1)
  if (last === undefined) return {}
  return {
    count: String(last.count),
    estimate: plusMinus(last.mean, last.standardError, 4),
    exact: signed(exact.mean, 4),
    error: signed(last.mean - exact.mean, 4),
    expected: signed(exact.sd / Math.sqrt(last.count), 4),
  }
}

function drawsFigures({ theme }: Context, drawn: Draws) {
  const running = figure({
    title: 'The estimate from the first n draws',
    description: 'The running mean with a band of one standard error, and the exact value as a line.',
    caption:
      'The band is one standard error to either side; about a third of the time the truth is outside of it. On images: elbo em gaussian-mixture --method monte-carlo.',
    aspect: 0.42,
    height: [220, 340],
    theme,
    draw: surface => drawRunning(surface, drawn),
  })
  const errors = figure({
    title: 'The error falls as 1/√n',
    description:
      'Root mean square errors of estimates from n draws, on logarithmic axes, along a line of slope minus one half.',
    caption:
      'Each dot is the root mean square error of ten or more estimates from n draws each; draw more to see larger n.',
    aspect: 0.42,
    height: [220, 340],
    theme,
    draw: surface => drawErrors(surface, drawn),
  })
  return {
    roots: [running.root, errors.root],
    redraw() {
      running.redraw()
      errors.redraw()
    },
    dispose() {
      running.dispose()
      errors.dispose()
    },
  }
}

function drawRunning(surface: Surface, { exact, values }: Draws): void {
  const estimates = runningEstimates(values, 24)
  const spread = 2.4 * exact.sd
  const axes = drawAxes(surface, {
    x: { label: 'draws n', domain: [1, Math.max(100, values.length)], isLog: true },
    y: { label: 'nats per point', domain: [exact.mean - spread, exact.mean + spread] },
  })
  const withError = estimates.filter(({ standardError }) => Number.isFinite(standardError))
  const side = (sign: number) =>
    withError.map(({ count, mean, standardError }) => [count, mean + sign * standardError] as const)
  drawArea(axes, side(1), 'approximation', 0.22, side(-1))
  drawAcross(axes, exact.mean)
  drawLine(
    axes,
    estimates.map(({ count, mean }) => [count, mean] as const),
    { colour: 'approximation', width: 2 },
  )
  const last = estimates.at(-1)
  if (last) drawDot(axes, [last.count, last.mean], 'approximation', 4)
  drawLabel(axes, [axes.right - 6, axes.y(exact.mean) - 6], 'posterior', 'exact', 'end')
}

const drawAcross = (axes: Axes, y: number): void =>
  drawLine(axes, [[axes.toX(axes.left), y] as const, [axes.toX(axes.right), y] as const], {
    colour: 'posterior',
    width: 2,
  })

function drawErrors(surface: Surface, { exact, values }: Draws): void {
  const measured = errorsBySize(values, exact.mean, SIZES)
  const [low, high] = [exact.sd / Math.sqrt(1000), exact.sd]
  const [least, most] = domainOf([...measured.map(({ error }) => error), low, high], 0)
  const axes = drawAxes(surface, {
    x: { label: 'draws n of each estimate', domain: [0.9, 1100], isLog: true },
    y: { label: 'error, nats per point', domain: [least / 1.5, most * 1.5], isLog: true },
  })
  drawLine(axes, [[1, high] as const, [1000, low] as const], { colour: 'posterior', width: 2 })
  for (const { size, error } of measured) drawDot(axes, [size, error], 'approximation', 4)
  drawLabel(axes, [axes.x(24), axes.y(exact.sd / Math.sqrt(20)) - 6], 'posterior', 'sd / √n')
}
