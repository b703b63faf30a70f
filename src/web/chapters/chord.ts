/** Figure: Jensen's inequality on the curve of the logarithm. */
import { type Axes, drawAxes } from '../axes.js'
import { slider } from '../dom.js'
import { figure, type Surface } from '../figure.js'
import type { Context } from '../view.js'
import { jensen } from './numbers/one-dimension.js'
import type { ChapterState } from './parts/chapter-state.js'
import { between, drawDot, drawLabel, drawLine } from './parts/drawing.js'
import { dragHandles, drawHandles, type Handle } from './parts/handles.js'
import { lab, signed } from './parts/lab.js'
import type { Part } from './parts/prose.js'
import { announcer, readings } from './parts/readings.js'

const [LEAST, MOST] = [0.1, 5]

interface Values {
  a: number
  b: number
  weight: number
}

export function chordPart({ theme }: Context, state: ChapterState): Part {
  const values: Values = {
    a: state.number('a', 0.3, [LEAST, MOST]),
    b: state.number('b', 4, [LEAST, MOST]),
    weight: state.number('weight', 0.5, [0, 1]),
  }
  let handles: Handle[] = []
  const picture = figure({
    title: 'The chord lies below the curve',
    description: 'The logarithm, two points of its curve, and the straight line between them, which lies below.',
    aspect: 0.56,
    height: [240, 420],
    theme,
    draw(surface) {
      handles = drawChord(surface, values, change)
    },
  })
  const numbers = readings('Two values, with their weights', [
    { id: 'logOfMean', label: 'log of the mean', colour: 'posterior' },
    { id: 'meanOfLogs', label: 'mean of the logs', colour: 'approximation' },
    { id: 'chordGap', label: 'difference, never below 0', isSum: true },
  ])
  const voice = announcer()
  function change(moved: Partial<Values>): void {
    Object.assign(values, moved)
    for (const name of ['a', 'b', 'weight'] as const) controls[name].set(values[name])
    show()
    state.set(moved)
  }
  const show = () => {
    const { logOfMean, meanOfLogs, gap } = jensen([values.a, values.b], values.weight)
    numbers.set({ logOfMean: signed(logOfMean), meanOfLogs: signed(meanOfLogs), chordGap: signed(gap) })
    voice.say(`The log of the mean is ${signed(logOfMean)}, the mean of the logs ${signed(meanOfLogs)}.`)
    picture.redraw()
  }
  const one = (name: keyof Values, label: string, min: number, max: number) =>
    slider({
      ...{ label, min, max, step: 0.01, value: values[name], format: (value: number) => value.toFixed(2) },
      change: value => change({ [name]: value }),
    })
  const controls = {
    a: one('a', 'first value', LEAST, MOST),
    b: one('b', 'second value', LEAST, MOST),
    weight: one('weight', 'weight of the first', 0, 1),
  }
  dragHandles(picture.svg, () => handles)
  show()
  return {
    root: lab(
      "Jensen's inequality",
      [picture.root],
      [...Object.values(controls).map(({ root }) => root), numbers.root, voice.root],
    ),
    dispose() {
      picture.dispose()
      voice.dispose()
    },
  }
}

function drawChord(surface: Surface, { a, b, weight }: Values, change: (moved: Partial<Values>) => void): Handle[] {
  const axes = drawAxes(surface, {
    x: { label: 'w', domain: [0, 5.2] },
    y: { label: 'log w', domain: [-2.5, 1.9] },
  })
  drawLine(
    axes,
    between(0.05, 5.2, 160).map(w => [w, Math.log(w)] as const),
    { colour: 'posterior', width: 2.5 },
  )
  drawLine(axes, [[a, Math.log(a)] as const, [b, Math.log(b)] as const], { colour: 'approximation', width: 2.5 })
  const { mean, logOfMean, meanOfLogs } = jensen([a, b], weight)
  drawLine(axes, [[mean, meanOfLogs] as const, [mean, logOfMean] as const], { colour: 'ink', width: 3 })
  drawDot(axes, [mean, logOfMean], 'posterior', 5)
  drawDot(axes, [mean, meanOfLogs], 'approximation', 5)
  const x = axes.x(mean)
  const isAtLeft = x < axes.left + 130
  const above = isAtLeft ? [axes.left + 8, axes.top + 14] : [x - 10, axes.y(logOfMean) - 8]
  drawLabel(axes, above as [number, number], 'posterior', 'log of the mean', isAtLeft ? 'start' : 'end')
  const isAtRight = x > axes.right - 130
  drawLabel(
    axes,
    [x + (isAtRight ? -10 : 10), axes.y(meanOfLogs) + 18],
    'approximation',
    'mean of the logs',
    isAtRight ? 'end' : 'start',
  )
  const handles = [handleAt(axes, a, w => change({ a: w })), handleAt(axes, b, w => change({ b: w }))]
  drawHandles(axes.over, handles)
  return handles
}

/** A point of the curve that one drags along it. */
const handleAt = (axes: Axes, w: number, moved: (w: number) => void): Handle => ({
  x: axes.x(w),
  y: axes.y(Math.log(w)),
  colour: 'ink',
  move: pixel => moved(Math.min(MOST, Math.max(LEAST, Math.round(axes.toX(pixel) * 100) / 100))),
})
