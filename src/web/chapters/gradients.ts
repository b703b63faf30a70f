/** Chapter: the score function against the change of variables. */

import { streamKey } from '../../random.js'
import { type Axes, drawAxes } from '../axes.js'
import { button, element, select, slider } from '../dom.js'
import { figure, type Surface } from '../figure.js'
import type { Context, View } from '../view.js'
import { type BaselineName, baselineNames, type Cloud, clouds, exactVariances } from './numbers/gradient-clouds.js'
import { exactGradient, logJoint } from './numbers/one-dimension.js'
import type { Polynomial } from './numbers/polynomial.js'
import { type ChapterState, chapterState } from './parts/chapter-state.js'
import { drawDot, drawLabel, drawLine } from './parts/drawing.js'
import { buttons, lab, plusMinus, signed } from './parts/lab.js'
import { fillChapter, type Part } from './parts/prose.js'
import { announcer } from './parts/readings.js'
import { sections } from './text/gradients.md'

export const gradients: View = {
  id: 'gradients',
  title: 'Two gradients',
  mount(root: HTMLElement, context: Context) {
    const state = chapterState(context.state, 'gradients')
    const end = fillChapter(root, sections, [cloudsPart(context, state)])
    return () => {
      end()
      state.dispose()
    }
  },
}

const bounds = { mean: [-2, 3], sd: [0.1, 1.5], offset: [0, 200], draws: [2, 50], count: [50, 1000] } as const

interface Values {
  mean: number
  sd: number
  /** Nats taken from the log-likelihood. */
  offset: number
  /** Draws of z that each gradient is the mean of. */
  draws: number
  /** Gradients of each estimator. */
  count: number
  baseline: BaselineName
  seed: number
}

/** The x of the model x = z² plus noise. */
const OBSERVED = 3

const baselineTitles: Readonly<Record<BaselineName, string>> = {
  none: 'none',
  mean: 'the mean of f',
  others: 'the mean of the other draws',
}

interface Shown {
  score: Cloud
  path: Cloud
  exact: { mean: number; sd: number }
  variances: ReturnType<typeof exactVariances>
}

const targetOf = ({ offset }: Values): Polynomial => {
  const [constant = 0, ...rest] = logJoint('square', OBSERVED)
  return [constant - offset, ...rest]
}

function compute(values: Values): Shown {
  const f = targetOf(values)
  const cloud = clouds(f, values, { key: streamKey(values.seed, 'gradients'), ...values })
  return { ...cloud, exact: exactGradient(f, values), variances: exactVariances(f, values, values) }
}

function cloudsPart(context: Context, state: ChapterState): Part {
  const values = valuesFrom(state, context.seed)
  let shown = compute(values)
  const figures = cloudFigures(context, () => shown)
  const numbers = varianceTable()
  const voice = announcer()
  function change(moved: Partial<Values>): void {
    Object.assign(values, moved)
    state.set(moved)
    show()
  }
  function show(): void {
    shown = compute(values)
    numbers.set(shown)
    const ratio = shown.variances.score.mean / shown.variances.path.mean
    const comparison = `The variance of the score function in μ is ${short(ratio)} times that of the change of variables.`
    figures.caption(
      `Each dot is the mean over ${values.draws} draws of z; the cross is the exact gradient. ${comparison}`,
    )
    voice.say(comparison)
    figures.redraw()
  }
  const one = (name: keyof typeof bounds, label: string, step: number, format: (value: number) => string) =>
    slider({
      ...{ label, min: bounds[name][0], max: bounds[name][1], step, value: values[name], format },
      change: value => change({ [name]: value }),
    }).root
  show()
  return {
    root: lab('Two clouds of gradients', figures.roots, [
      one('mean', 'mean μ of q', 0.05, value => signed(value, 2)),
      one('sd', 'width σ of q', 0.05, value => signed(value, 2)),
      one('draws', 'draws per gradient', 1, String),
      one('count', 'gradients', 50, String),
      select(
        'baseline',
        baselineNames.map(name => [name, baselineTitles[name]] as const),
        values.baseline,
        name => change({ baseline: name as BaselineName }),
      ),
      one('offset', 'likelihood lower by', 5, value => `${value} nats`),
      buttons(button('Other draws', () => change({ seed: (values.seed % 999) + 1 }))),
      numbers.root,
      voice.root,
    ]),
    dispose() {
      figures.dispose()
      voice.dispose()
    },
  }
}

const valuesFrom = (state: ChapterState, seed: number): Values => ({
  mean: state.number('mean', 0.8, bounds.mean),
  sd: state.number('sd', 0.5, bounds.sd),
  offset: state.number('offset', 0, bounds.offset),
  draws: state.number('draws', 10, bounds.draws),
  count: state.number('count', 500, bounds.count),
  baseline: state.choice('baseline', baselineNames, 'none'),
  seed: state.number('seed', seed, [1, 999]),
})

const estimators = [
  { name: 'score', title: 'score function', colour: 'series-2' },
  { name: 'path', title: 'change of variables', colour: 'series-1' },
] as const

const entries = [
  { part: 'mean', title: 'in μ' },
  { part: 'sd', title: 'in σ' },
] as const

/** Mean, variance and exact variance of each estimator and entry. */
function varianceTable(): { root: HTMLElement; set(shown: Shown): void } {
  const body = element('tbody')
  const heads = ['gradient', 'mean ± error', 'variance', 'exact'].map((text, i) =>
    element('th', { scope: 'col', class: i > 0 ? 'number' : '' }, text),
  )
  const table = element(
    'table',
    { class: 'readings' },
    element('caption', {}, 'Nats per unit; variances of one gradient'),
    element('thead', {}, element('tr', {}, ...heads)),
    body,
  )
  return {
    root: element(
      'div',
      { class: 'table-wrap', tabindex: 0, role: 'group', 'aria-label': 'Means and variances' },
      table,
    ),
    set(shown) {
      body.replaceChildren(...entries.flatMap(entry => rowsOf(shown, entry)))
    },
  }
}

function rowsOf(shown: Shown, { part, title }: (typeof entries)[number]): HTMLElement[] {
  const cell = (text: string, reading: string) => element('td', { class: 'number', 'data-reading': reading }, text)
  const exact = element(
    'tr',
    { class: 'sum' },
    element('th', { scope: 'row' }, `${title}, exact`),
    cell(signed(shown.exact[part]), `exact-${part}`),
    element('td'),
    element('td'),
  )
  const rows = estimators.map(({ name, title: estimator, colour }) => {
    const patch = element('span', { class: 'swatch', 'aria-hidden': 'true' })
    patch.style.background = `var(--${colour})`
    const { mean, standardError, variance } = shown[name][part]
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, patch, estimator),
      cell(plusMinus(mean, standardError), `${name}-${part}`),
      cell(short(variance), `${name}-${part}-variance`),
      cell(short(shown.variances[name][part]), `${name}-${part}-exact`),
    )
  })
  return [exact, ...rows]
}

/** Three digits, in full where that is short. */
const short = (value: number): string => (value >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3))

function cloudFigures({ theme }: Context, shown: () => Shown) {
  const scatter = figure({
    title: 'Two clouds of gradients',
    description: 'One dot for each gradient, in the mean and in the width of q, for both estimators.',
    aspect: 0.7,
    height: [280, 460],
    theme,
    draw: surface => drawClouds(surface, shown()),
  })
  const means = figure({
    title: 'Their means, with one standard error',
    description: 'The mean of each cloud with its standard error, beside the exact gradient.',
    aspect: 0.3,
    height: [170, 220],
    theme,
    draw: surface => drawMeans(surface, shown()),
  })
  return {
    roots: [scatter.root, means.root],
    caption: (text: string) => scatter.caption(text),
    redraw() {
      scatter.redraw()
      means.redraw()
    },
    dispose() {
      scatter.dispose()
      means.dispose()
    },
  }
}

/** Of all values, those between the shares `cut` and 1 - `cut`, and `around`. */
function central(values: readonly Float64Array[], around: number, cut: number): readonly [number, number] {
  const ends = values.flatMap(list => {
    const sorted = list.toSorted()
    return [cut, 1 - cut].map(share => sorted[Math.round(share * (sorted.length - 1))] as number)
  })
  const reach = 1.15 * Math.max(1, ...ends.map(end => Math.abs(end - around)))
  return [around - reach, around + reach]
}

function drawClouds(surface: Surface, { score, path, exact }: Shown): void {
  const domain = (part: 'mean' | 'sd') => central([score[part].values, path[part].values], exact[part], 0.02)
  const axes = drawAxes(surface, {
    x: { label: 'gradient in μ, nats per unit', domain: domain('mean') },
    y: { label: 'gradient in σ, nats per unit', domain: domain('sd') },
  })
  for (const { name, colour } of estimators) drawDots(surface, axes, name === 'score' ? score : path, colour)
  const [x, y] = [axes.x(exact.mean), axes.y(exact.sd)]
  drawLine(axes, [[axes.toX(x - 9), exact.sd] as const, [axes.toX(x + 9), exact.sd] as const], {
    colour: 'ink',
    width: 2.5,
  })
  drawLine(axes, [[exact.mean, axes.toY(y - 9)] as const, [exact.mean, axes.toY(y + 9)] as const], {
    colour: 'ink',
    width: 2.5,
  })
  estimators.forEach(({ title, colour }, i) => {
    drawLabel(axes, [axes.left + 10, axes.top + 16 + 18 * i], colour, title)
  })
}

function drawDots({ canvas }: Surface, axes: Axes, cloud: Cloud, colour: string): void {
  canvas.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${colour}`)
  canvas.globalAlpha = Math.min(0.8, Math.max(0.2, 12 / Math.sqrt(cloud.mean.count)))
  cloud.mean.values.forEach((value, i) => {
    const [x, y] = [axes.x(value), axes.y(cloud.sd.values[i] as number)]
    if (x < axes.left || x > axes.right || y < axes.top || y > axes.bottom) return
    canvas.beginPath()
    canvas.arc(x, y, 2, 0, 2 * Math.PI)
    canvas.fill()
  })
  canvas.globalAlpha = 1
}

function drawMeans(surface: Surface, shown: Shown): void {
  const errors = entries.flatMap(({ part }) =>
    estimators.map(
      ({ name }) => Math.abs(shown[name][part].mean - shown.exact[part]) + shown[name][part].standardError,
    ),
  )
  const reach = 1.2 * Math.max(0.1, ...errors)
  const axes = drawAxes(surface, {
    x: { label: 'mean − exact gradient, nats per unit', domain: [-reach, reach] },
    y: { label: '', domain: [4.5, -0.5] },
    noGrid: true,
  })
  drawLine(axes, [[0, -0.5] as const, [0, 4.5] as const], { colour: 'ink', width: 1.5 })
  entries.forEach(({ part, title }, e) => {
    estimators.forEach(({ name, colour }, i) => {
      const [y, { mean, standardError }] = [2.4 * e + i, shown[name][part]]
      const middle = mean - shown.exact[part]
      drawLine(axes, [[middle - standardError, y] as const, [middle + standardError, y] as const], { colour, width: 3 })
      drawDot(axes, [middle, y], colour, 5)
    })
    drawLabel(axes, [axes.left + 8, axes.y(2.4 * e + 0.5) + 4], 'ink', title)
  })
}
