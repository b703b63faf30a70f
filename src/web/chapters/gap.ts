/** Figure: log p(x) = ELBO + KL(q‖p(z|x)), with a q that one drags. */
import { type Axes, drawAxes } from '../axes.js'
import { button, select, slider } from '../dom.js'
import { figure, type Surface } from '../figure.js'
import type { Theme } from '../theme.js'
import type { Context } from '../view.js'
import {
  ascend,
  logDensity,
  type ModelName,
  modelNames,
  type Parts,
  partsOf,
  posteriorDensity,
} from './numbers/one-dimension.js'
import type { ChapterState } from './parts/chapter-state.js'
import { between, drawArea, drawLabel, drawLine } from './parts/drawing.js'
import { drawGapBar } from './parts/gap-bar.js'
import { dragHandles, drawHandles, type Handle } from './parts/handles.js'
import { buttons, lab, signed } from './parts/lab.js'
import type { Part } from './parts/prose.js'
import { announcer, readings } from './parts/readings.js'

const bounds = { mean: [-3.5, 3.5], sd: [0.1, 2], x: [-2, 6] } as const

const modelTitles: Readonly<Record<ModelName, string>> = {
  line: 'x is z plus noise',
  square: 'x is z² plus noise',
}

interface Values {
  model: ModelName
  x: number
  mean: number
  sd: number
}

const rows = [
  { id: 'elbo', label: 'ELBO', colour: 'series-3' },
  { id: 'gap', label: 'KL(q ‖ p(z|x)), the gap', colour: 'approximation' },
  { id: 'logPx', label: 'log p(x)', isSum: true },
  { id: 'reconstruction', label: 'E[log p(x|z)] under q' },
  { id: 'klToPrior', label: '− KL(q ‖ p(z))' },
  { id: 'again', label: 'ELBO', isSum: true },
  { id: 'energy', label: 'E[log p(x, z)] under q' },
  { id: 'entropy', label: '+ entropy of q' },
  { id: 'third', label: 'ELBO', isSum: true },
]

export function gapPart({ theme }: Context, state: ChapterState): Part {
  const values = valuesFrom(state)
  let parts = partsOf(values.model, values.x, values)
  const figures = gapFigures(theme, { values, parts: () => parts, change })
  const numbers = readings('In nats, for this one x', rows)
  const voice = announcer()
  function change(moved: Partial<Values>): void {
    Object.assign(values, moved)
    for (const name of ['x', 'mean', 'sd'] as const) controls[name].set(values[name])
    state.set(moved)
    show()
  }
  function show(): void {
    parts = partsOf(values.model, values.x, values)
    numbers.set(texts(parts))
    voice.say(`log p(x) ${signed(parts.logPx)} is ELBO ${signed(parts.elbo)} plus gap ${signed(parts.gap)} nats.`)
    figures.redraw()
  }
  const climb = (steps: number) => change(ascend(values.model, values.x, values, steps))
  const controls = slidersOf(values, change)
  show()
  const modelList = modelNames.map(name => [name, modelTitles[name]] as const)
  return {
    root: lab('The bound and its gap', figures.roots, [
      select('model', modelList, values.model, name => change({ model: name as ModelName })),
      ...[controls.x.root, controls.mean.root, controls.sd.root],
      buttons(
        button('One step up the ELBO', () => climb(1)),
        button('Best q from here', () => climb(400)),
      ),
      numbers.root,
      voice.root,
    ]),
    dispose() {
      figures.dispose()
      voice.dispose()
    },
  }
}

interface Shown {
  values: Values
  parts(): Parts
  change(moved: Partial<Values>): void
}

function gapFigures(theme: Theme, { values, parts, change }: Shown) {
  let handles: Handle[] = []
  const densities = figure({
    title: 'q and the posterior',
    description:
      'The prior p(z), the posterior p(z|x), and a Gaussian q(z) with a mean and a width that can be dragged.',
    aspect: 0.5,
    height: [240, 400],
    theme,
    draw(surface) {
      handles = drawDensities(surface, values, change)
    },
  })
  const bar = figure({
    title: 'The bound and its gap, in nats',
    description: 'A bar up to log p(x), divided into the ELBO and the gap.',
    aspect: 0.1,
    height: [88, 88],
    theme,
    draw: surface => drawGapBar(surface, parts()),
  })
  dragHandles(densities.svg, () => handles)
  return {
    roots: [densities.root, bar.root],
    redraw() {
      densities.redraw()
      bar.redraw()
    },
    dispose() {
      densities.dispose()
      bar.dispose()
    },
  }
}

const valuesFrom = (state: ChapterState): Values => ({
  model: state.choice('model', modelNames, 'square'),
  x: state.number('x', 3, bounds.x),
  mean: state.number('mean', 0.6, bounds.mean),
  sd: state.number('sd', 0.7, bounds.sd),
})

function slidersOf(values: Values, change: (moved: Partial<Values>) => void) {
  const one = (name: 'x' | 'mean' | 'sd', label: string) =>
    slider({
      ...{ label, min: bounds[name][0], max: bounds[name][1], step: 0.01, value: values[name] },
      format: value => signed(value, 2),
      change: value => change({ [name]: value }),
    })
  return { x: one('x', 'observed x'), mean: one('mean', 'mean of q'), sd: one('sd', 'width σ of q') }
}

const texts = ({ logPx, elbo, gap, reconstruction, klToPrior, energy, entropy }: Parts) => ({
  ...{ elbo: signed(elbo), again: signed(elbo), third: signed(elbo) },
  ...{ gap: signed(gap), logPx: signed(logPx), reconstruction: signed(reconstruction), klToPrior: signed(-klToPrior) },
  ...{ energy: signed(energy), entropy: signed(entropy) },
})

const zs = between(-4, 4, 320)

function drawDensities(surface: Surface, values: Values, change: (moved: Partial<Values>) => void): Handle[] {
  const posterior = posteriorDensity(values.model, values.x, zs)
  const q = (z: number) => Math.exp(logDensity(values, z))
  const top = Math.max(1, 1.15 * Math.max(...posterior, Math.min(q(values.mean), 2)))
  const axes = drawAxes(surface, {
    x: { label: 'z, the hidden cause', domain: [-4, 4] },
    y: { label: 'density', domain: [0, top] },
  })
  const prior = zs.map(z => [z, Math.exp(logDensity({ mean: 0, sd: 1 }, z))] as const)
  const curve = zs.map((z, i) => [z, posterior[i] as number] as const)
  const own = zs.map(z => [z, q(z)] as const)
  drawLine(axes, prior, { colour: 'quiet', width: 1.5, dashes: '5 4' })
  drawArea(axes, curve, 'posterior', 0.18)
  drawLine(axes, curve, { colour: 'posterior', width: 2.5 })
  drawArea(axes, own, 'approximation', 0.14)
  drawLine(axes, own, { colour: 'approximation', width: 2.5 })
  drawKey(axes)
  const handles = qHandles(axes, values, q, top, change)
  drawHandles(axes.over, handles)
  return handles
}

function drawKey(axes: Axes): void {
  const at = axes.left + 10
  drawLabel(axes, [at, axes.top + 16], 'posterior', 'posterior p(z|x)')
  drawLabel(axes, [at, axes.top + 34], 'approximation', 'q(z): drag its points')
  drawLabel(axes, [at, axes.top + 52], 'quiet', 'prior p(z)')
}

/** The top of q moves its mean, the point beside it its width. */
function qHandles(
  axes: Axes,
  { mean, sd }: Values,
  q: (z: number) => number,
  top: number,
  change: (moved: Partial<Values>) => void,
): Handle[] {
  const inside = (value: number, [low, high]: readonly [number, number]) =>
    Math.min(high, Math.max(low, Math.round(value * 100) / 100))
  const side = mean + sd > 3.9 ? -1 : 1
  return [
    {
      ...{ x: axes.x(mean), y: axes.y(Math.min(top, q(mean))), colour: 'approximation' },
      move: pixel => change({ mean: inside(axes.toX(pixel), bounds.mean) }),
    },
    {
      ...{ x: axes.x(mean + side * sd), y: axes.y(Math.min(top, q(mean + sd))), colour: 'approximation' },
      move: pixel => change({ sd: inside(Math.abs(axes.toX(pixel) - mean), bounds.sd) }),
    },
  ]
}
