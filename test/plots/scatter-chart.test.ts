// The scatter plot of codes: every point in the colour of its class, classes beyond ten in grey, and points that cannot be drawn refused.
import { expect, test } from 'vitest'
import { scatterChart } from '../../src/plots/scatter-chart.js'

const labels = { title: 'Codes', xLabel: 'x', yLabel: 'y' }

/** Class k has k + 1 points. */
function classes(count: number) {
  const values = Int32Array.from(Array.from({ length: count }, (_, k) => Array<number>(k + 1).fill(k)).flat())
  const points = Float64Array.from({ length: 2 * values.length }, (_, i) => Math.sin(i))
  return { points, classes: { values, names: Array.from({ length: count }, (_, k) => `class ${k}`) } }
}

const dots = (svg: string) => [...svg.matchAll(/<circle[^>]*fill="(#\w+)"/g)].map(([, color]) => color)

test('each class has a colour and a place in the legend; beyond ten the smallest are grey', () => {
  const svg = scatterChart({ ...labels, ...classes(12) })
  const count = new Map<string | undefined, number>()
  for (const color of dots(svg)) count.set(color, (count.get(color) ?? 0) + 1)
  expect([...count.values()].sort((a, b) => a - b)).toEqual([3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  expect(count.get('#c8c8c8')).toBe(3)
  expect(svg).toContain('2 others')
  expect(svg).toContain('class 11')
  expect(svg).toBe(scatterChart({ ...labels, ...classes(12) }))
})

test('points without classes have one colour and no legend', () => {
  expect(new Set(dots(scatterChart({ ...labels, points: Float64Array.of(0, 0, 1, 2) }))).size).toBe(1)
})

test('no point, and one that is not finite, are refused', () => {
  expect(() => scatterChart({ ...labels, points: new Float64Array() })).toThrow("scatter chart 'Codes': 0 points")
  expect(() => scatterChart({ ...labels, points: Float64Array.of(0, 0, 1, Number.NaN) })).toThrow(
    'point 1 is not finite',
  )
})
