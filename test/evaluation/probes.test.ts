// Probes of codes: nearest neighbours and logistic regression on classes that are known to be separable, or not.
import { beforeAll, expect, test } from 'vitest'
import { type LabelledCodes, probe } from '../../src/evaluation/probes.js'
import { normal, streamKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'

beforeAll(() => useBackend())

/** Rows of two numbers, made of noise by `place`, with their classes. */
function rows(
  name: string,
  count: number,
  place: (a: number, b: number, i: number) => [number, number, number],
): LabelledCodes {
  const noise = normal(streamKey(1, name), [count, 2]).dataSync()
  const placed = Array.from({ length: count }, (_, i) => place(noise[2 * i] as number, noise[2 * i + 1] as number, i))
  return {
    codes: Float32Array.from(placed.flatMap(point => point.slice(0, 2))),
    width: 2,
    classes: Int32Array.from(placed, ([, , of]) => of),
  }
}

test('three separate clusters are told apart by both', async () => {
  const clusters = (a: number, b: number, i: number): [number, number, number] => [a + 20 * (i % 3), 100 * b, i % 3]
  const { nearestNeighbours, linear, guessing } = await probe(rows('fit', 300, clusters), rows('new', 90, clusters))
  expect(linear).toEqual({ mean: 1, standardError: 0, count: 90 })
  expect(guessing.mean).toBeCloseTo(1 / 3, 12)
  expect(guessing.standardError).toBeCloseTo(Math.sqrt(((1 / 3) * (2 / 3)) / 90), 12)
  expect(nearestNeighbours.mean).toBeLessThan(1) // distances are those of the codes as they are: the second number drowns the first
})

test('a ring around a disc is told by neighbours, and not by a linear boundary', async () => {
  const ring = (a: number, b: number, i: number): [number, number, number] => {
    const radius = i % 2 === 0 ? 0.5 : 3
    const norm = Math.hypot(a, b)
    return [(radius * a) / norm, (radius * b) / norm, i % 2]
  }
  const { nearestNeighbours, linear } = await probe(rows('fit', 200, ring), rows('new', 100, ring))
  expect(nearestNeighbours.mean).toBe(1)
  expect(linear.mean).toBeLessThan(0.75)
})

test('logistic regression finds the boundary of two Gaussians, whose best accuracy is known', async () => {
  // N(0, I) and N((2, 0), I): the best boundary is x = 1, and is right with probability 0.8413.
  const pair = (a: number, b: number, i: number): [number, number, number] => [a + 2 * (i % 2), b, i % 2]
  const { linear } = await probe(rows('fit', 2000, pair), rows('new', 1000, pair))
  expect(Math.abs(linear.mean - 0.8413)).toBeLessThan(3 * linear.standardError)
})
