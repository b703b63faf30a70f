/** Images that are made in the page: discs at random places, and the points of two half moons as images of two values. */
import type { Images } from '../../../data/images.js'
import { toLevels, WHITE } from '../../../data/levels.js'
import { type HostKey, normalValues, split, uniformValues } from '../../../random.js'

export const toyNames = ['discs', 'moons'] as const

export type ToyName = (typeof toyNames)[number]

/** Images, and for each of them the numbers in [0, 1] that it was made from: [count, 2]. */
export interface ToyImages extends Images {
  readonly origin: Float32Array
}

/** Rows and columns of an image with a disc, and the disc's radius in pixels. */
const [SIDE, RADIUS] = [10, 2.3]

/** `count` images of a data set, drawn from `key`. */
export function makeToyImages(name: ToyName, key: HostKey, count: number): ToyImages {
  return name === 'discs' ? discs(key, count) : moons(key, count)
}

/** Binary images: a pixel is white where its centre lies in the disc, whose own centre is uniform in the part of the image that holds it. */
function discs(key: HostKey, count: number): ToyImages {
  const origin = uniformValues(key, 2 * count)
  const pixels = new Uint8Array(count * SIDE * SIDE)
  for (let n = 0; n < count; n++) {
    const [row, column] = [0, 1].map(axis => RADIUS + (SIDE - 2 * RADIUS) * (origin[2 * n + axis] as number))
    for (let i = 0; i < SIDE * SIDE; i++) {
      const away = Math.hypot(Math.floor(i / SIDE) + 0.5 - (row as number), (i % SIDE) + 0.5 - (column as number))
      if (away < RADIUS) pixels[n * SIDE * SIDE + i] = WHITE
    }
  }
  return { rows: SIDE, columns: SIDE, channels: 1, count, pixels, origin }
}

/** The noise of a moon's points, in units of the image's values. */
const MOON_NOISE = 0.02

/** Points (x, y) in [0, 1]² on two half circles that reach into each other; `origin` is the moon, 0 or 1, and the place along it. */
function moons(key: HostKey, count: number): ToyImages {
  const [forPlace, forNoise] = split(key, 2) as [HostKey, HostKey]
  const [place, noise] = [uniformValues(forPlace, count), normalValues(forNoise, 2 * count)]
  const origin = Float32Array.from({ length: 2 * count }, (_, i) =>
    i % 2 === 0 ? (i / 2) % 2 : (place[(i - 1) / 2] as number),
  )
  const values = Float64Array.from({ length: 2 * count }, (_, i) => {
    const [n, axis] = [Math.floor(i / 2), i % 2]
    const [angle, sign] = [Math.PI * (place[n] as number), n % 2 === 0 ? 1 : -1]
    const exact =
      axis === 0 ? 0.5 + 0.28 * (sign * Math.cos(angle)) - sign * 0.14 : 0.5 + sign * (0.34 * Math.sin(angle) - 0.1)
    return Math.min(1, Math.max(0, exact + MOON_NOISE * (noise[i] as number)))
  })
  return { rows: 1, columns: 2, channels: 1, count, pixels: toLevels(values), origin }
}
