// The image grid: decoded again, every tile's pixels lie where they should and everything else is background.
import fc from 'fast-check'
import { PNG } from 'pngjs'
import { describe, expect, test } from 'vitest'
import { type GridImages, type ImageGridLayout, imageGrid } from '../../src/plots/image-grid.js'

const BACKGROUND = 112

interface Picture {
  width: number
  height: number
  grey: number[]
}

function decode(png: Buffer): Picture {
  const { width, height, data } = PNG.sync.read(png)
  return { width, height, grey: Array.from({ length: width * height }, (_, pixel) => data[pixel * 4] ?? -1) }
}

type Sizes = Omit<GridImages, 'pixels'>

function ramp(sizes: Sizes): GridImages {
  const length = sizes.count * sizes.rows * sizes.columns
  return { ...sizes, pixels: Uint8Array.from({ length }, (_, index) => (index * 37) % 256) }
}

describe('imageGrid', () => {
  test('writes the pixels of one unscaled image as they are, in 8-bit grey', () => {
    const image = ramp({ count: 1, rows: 2, columns: 3 })
    const png = imageGrid(image, { scale: 1, gap: 0 })
    expect(decode(png)).toEqual({ width: 3, height: 2, grey: Array.from(image.pixels) })
    const [bitDepth, colorType] = png.subarray(24, 26)
    expect([bitDepth, colorType]).toEqual([8, 0])
  })

  test('makes each pixel a square, parts tiles by the gap and surrounds them by the margin', () => {
    const layout = { columns: 2, scale: 2, gap: 1, margin: 1 }
    const [a, b, o] = [10, 250, BACKGROUND]
    const images = { count: 2, rows: 1, columns: 1, pixels: Uint8Array.of(a, b) }
    // biome-ignore format: a picture
    expect(decode(imageGrid(images, layout))).toEqual({ width: 7, height: 4, grey: [
      o, o, o, o, o, o, o,
      o, a, a, o, b, b, o,
      o, a, a, o, b, b, o,
      o, o, o, o, o, o, o,
    ] })
  })

  test('parts groups of columns and of rows by the wider gap', () => {
    const images = ramp({ count: 8, rows: 1, columns: 1 })
    const layout = { columns: 4, scale: 1, gap: 1, groupColumns: 2, groupRows: 1 }
    const { width, height } = decode(imageGrid(images, { ...layout, groupGap: 5 }))
    expect({ width, height }).toEqual({ width: 1 + 3 + 5 + 3 + 1, height: 1 + 3 + 1 })
    const rows = decode(imageGrid(images, { ...layout, columns: 2, groupRows: 2, groupGap: 5 }))
    expect(rows.height).toBe(1 + 3 + 5 + 3 + 1)
  })

  test.each([
    [{ count: 100, rows: 28, columns: 28 }, 1, 10, 10],
    [{ count: 10, rows: 28, columns: 28 }, 2, 4, 3],
    [{ count: 12, rows: 10, columns: 40 }, 1, 2, 6],
  ])('lays out %o about square, in whole groups of %i', (sizes, groupColumns, columns, rows) => {
    const { width, height } = decode(imageGrid(ramp(sizes), { groupColumns, scale: 1, gap: 0, groupGap: 0 }))
    expect({ width, height }).toEqual({ width: columns * sizes.columns, height: rows * sizes.rows })
  })

  test('puts every pixel of every tile where it belongs and leaves the rest background', () => {
    fc.assert(
      fc.property(imageSets(), layouts(), (images, layout) => {
        expect(decode(imageGrid(images, layout))).toEqual(drawn(images, layout))
      }),
    )
  })

  test.each<[Partial<GridImages>, ImageGridLayout, string]>([
    [{ count: 0 }, {}, 'image grid: count must be a whole number of at least 1, but is 0'],
    [{ columns: 1.5 }, {}, 'image grid: columns of an image must be a whole number of at least 1, but is 1.5'],
    [{}, { scale: Number.NaN }, 'image grid: scale must be a whole number of at least 1, but is NaN'],
    [{}, { gap: -1 }, 'image grid: gap must be a whole number of at least 0, but is -1'],
    [{ count: 3 }, {}, 'image grid: 3 grey images of 2 x 2 are 12 bytes, but 8 were given'],
    [{}, { columns: 3, groupColumns: 2 }, 'image grid: 3 columns do not divide into groups of 2'],
  ])('refuses images %o with layout %o in one clear line', (images, layout, message) => {
    const two = ramp({ count: 2, rows: 2, columns: 2 })
    expect(() => imageGrid({ ...two, ...images }, layout)).toThrow(new RangeError(message))
  })
})

function imageSets(): fc.Arbitrary<GridImages> {
  const size = fc.integer({ min: 1, max: 4 })
  return fc.record({ count: fc.integer({ min: 1, max: 12 }), rows: size, columns: size }).map(ramp)
}

function layouts(): fc.Arbitrary<Required<ImageGridLayout>> {
  const size = fc.integer({ min: 1, max: 4 })
  const space = fc.integer({ min: 0, max: 3 })
  const sizes = { scale: size, gap: space, margin: space, groupGap: space }
  const groups = fc.record({ groups: size, groupColumns: size, groupRows: size })
  return fc
    .tuple(fc.record(sizes), groups)
    .map(([rest, { groups, ...group }]) => ({ ...rest, ...group, columns: groups * group.groupColumns }))
}

/** The picture by its definition, pixel by pixel: walks the tiles and sums the spaces passed. */
function drawn(images: GridImages, layout: Required<ImageGridLayout>): Picture {
  const { count, rows: height, columns: width, pixels } = images
  const { columns, scale, groupColumns, groupRows } = layout
  const across = places(columns, width, groupColumns, layout)
  const down = places(Math.ceil(count / columns), height, groupRows, layout)
  const grey = down.flatMap(vertical =>
    across.map(horizontal => {
      const index = vertical && horizontal ? vertical.tile * columns + horizontal.tile : count
      if (!vertical || !horizontal || index >= count) return BACKGROUND
      const row = Math.floor(vertical.offset / scale)
      return pixels[(index * height + row) * width + Math.floor(horizontal.offset / scale)] ?? -1
    }),
  )
  return { width: across.length, height: down.length, grey }
}

type Place = { tile: number; offset: number } | undefined

function places(tiles: number, size: number, group: number, layout: Required<ImageGridLayout>): Place[] {
  const { scale, gap, margin, groupGap } = layout
  const space = (length: number) => new Array<Place>(length).fill(undefined)
  const line = space(margin)
  for (let tile = 0; tile < tiles; tile++) {
    if (tile > 0) line.push(...space(group > 1 && tile % group === 0 ? groupGap : gap))
    for (let offset = 0; offset < size * scale; offset++) line.push({ tile, offset })
  }
  return [...line, ...space(margin)]
}
