// Paths between points: their ends, and the norms along them.
import { expect, test } from 'vitest'
import { paths } from '../../src/numeric/paths.js'

const norm = (point: readonly number[]) => Math.hypot(...point)
const [a, b] = [
  [3, 0, 0],
  [0, 0, 1],
]

test.each(['straight', 'spherical'] as const)('%s: begins and ends at the points', path => {
  expect(paths[path](a, b, 0)).toEqual(a)
  for (const [i, value] of paths[path](a, b, 1).entries()) expect(value).toBeCloseTo(b[i] as number, 12)
})

test('a straight line cuts through the ball, an arc between points of one norm stays on its sphere', () => {
  const [from, to] = [
    [0.6, 0.8],
    [-0.8, 0.6],
  ]
  expect(norm(paths.straight(from, to, 0.5))).toBeCloseTo(Math.SQRT1_2, 12)
  for (const t of [0.1, 0.5, 0.8]) {
    const point = paths.spherical(from, to, t)
    expect(norm(point)).toBeCloseTo(1, 12)
    expect(Math.acos((point[0] ?? 0) * 0.6 + (point[1] ?? 0) * 0.8)).toBeCloseTo((t * Math.PI) / 2, 12) // even steps of the angle
  }
})

test('an arc between points of one direction, opposite ones or none is a straight line', () => {
  for (const other of [
    [6, 0, 0],
    [-3, 0, 0],
    [0, 0, 0],
  ])
    expect(paths.spherical(a, other, 0.25)).toEqual(paths.straight(a, other, 0.25))
})
