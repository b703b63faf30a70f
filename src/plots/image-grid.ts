// Draws images as tiles of one PNG picture, in rows and columns; each pixel is a sharp square.
import { PNG } from 'pngjs'

const BACKGROUND = 112

/** PNG's colour types, by number of channels. */
const COLOUR_TYPES = { 1: 0, 3: 2 } as const

/** Images of one size, grey or in colour: `pixels` holds [count, rows, columns, channels], 0 … 255. */
export interface GridImages {
  readonly count: number
  readonly rows: number
  readonly columns: number
  /** 1 or 3; 1 if left out. */
  readonly channels?: number
  readonly pixels: Uint8Array
}

/** How `imageGrid` lays out its tiles. Gaps and margin are in pixels of the picture, after scaling. */
export interface ImageGridLayout {
  /** Tiles per row; by default the picture is about square, in whole groups. */
  columns?: number
  /** Side of the square that one image pixel becomes; 2 by default. */
  scale?: number
  /** Space between neighbouring tiles; 2 by default, 0 for one seamless plane. */
  gap?: number
  /** Space around all tiles; the gap by default. */
  margin?: number
  /** Columns that belong together, such as 2 for pairs; a wider gap separates the groups. */
  groupColumns?: number
  /** Rows that belong together; a wider gap separates the groups. */
  groupRows?: number
  /** Space between groups; four gaps, at least 4, by default. */
  groupGap?: number
}

/**
 * Draws images row by row, left to right, as an 8-bit PNG, grey or in colour; unused places in the last row stay background.
 *
 * @throws RangeError if a size is not a whole number in its range, or the length of `pixels` does not match the sizes
 */
export function imageGrid(images: GridImages, layout: ImageGridLayout = {}): Buffer {
  const { count, rows: height, columns: width, channels = 1, pixels } = images
  const grid = resolve(images, layout)
  check(images, grid)
  const lefts = tileStarts(grid.columns, width, grid.groupColumns, grid)
  const tops = tileStarts(Math.ceil(count / grid.columns), height, grid.groupRows, grid)
  const picture = new PNG({ width: extent(lefts, width, grid), height: extent(tops, height, grid) })
  picture.data = Buffer.alloc(picture.width * picture.height * channels, BACKGROUND) // [picture height, picture width, channels]
  for (let index = 0; index < count; index++) {
    const left = lefts[index % grid.columns] ?? 0
    const top = tops[Math.floor(index / grid.columns)] ?? 0
    const tile = { height, width, channels, pixels: pixels.subarray(index * height * width * channels) }
    drawTile(picture, tile, grid.scale, top, left)
  }
  const colorType = COLOUR_TYPES[channels as keyof typeof COLOUR_TYPES]
  return PNG.sync.write(picture, { colorType, inputColorType: colorType, inputHasAlpha: false })
}

type Grid = Required<ImageGridLayout>

function resolve({ count, rows, columns }: GridImages, layout: ImageGridLayout): Grid {
  const { groupColumns = 1, gap = 2 } = layout
  const square = Math.ceil(Math.sqrt((count * rows) / columns) / groupColumns) * groupColumns
  return {
    columns: square,
    scale: 2,
    gap,
    margin: gap,
    groupColumns,
    groupRows: 1,
    groupGap: 4 * Math.max(1, gap),
    ...layout,
  }
}

function check({ count, rows, columns, channels = 1, pixels }: GridImages, grid: Grid): void {
  const sizes = { count, 'rows of an image': rows, 'columns of an image': columns }
  for (const [name, value] of Object.entries(sizes)) checkWhole(name, value, 1)
  for (const name of ['columns', 'scale', 'groupColumns', 'groupRows'] as const) checkWhole(name, grid[name], 1)
  for (const name of ['gap', 'margin', 'groupGap'] as const) checkWhole(name, grid[name], 0)
  if (grid.columns % grid.groupColumns)
    throw new RangeError(`image grid: ${grid.columns} columns do not divide into groups of ${grid.groupColumns}`)
  if (!(channels in COLOUR_TYPES)) throw new RangeError(`image grid: images have 1 or 3 channels, not ${channels}`)
  const bytes = count * rows * columns * channels
  if (pixels.length !== bytes)
    throw new RangeError(
      `image grid: ${count} ${channels === 1 ? 'grey ' : ''}images of ${rows} x ${columns}${channels === 1 ? '' : ` x ${channels}`} are ${bytes} bytes, but ${pixels.length} were given`,
    )
}

function checkWhole(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`image grid: ${name} must be a whole number of at least ${least}, but is ${value}`)
}

/** Where each tile of a row or column starts, in pixels of the picture. */
function tileStarts(tiles: number, size: number, group: number, { scale, gap, margin, groupGap }: Grid): number[] {
  const parted = group > 1 ? groupGap - gap : 0
  return Array.from(
    { length: tiles },
    (_, tile) => margin + tile * (size * scale + gap) + Math.floor(tile / group) * parted,
  )
}

function extent(starts: number[], size: number, { scale, margin }: Grid): number {
  return (starts.at(-1) ?? 0) + size * scale + margin
}

interface Tile {
  height: number
  width: number
  channels: number
  /** [height, width, channels]; more values may follow. */
  pixels: Uint8Array
}

function drawTile(
  picture: PNG,
  { height, width, channels, pixels }: Tile,
  scale: number,
  top: number,
  left: number,
): void {
  for (let row = 0; row < height; row++) {
    const start = ((top + row * scale) * picture.width + left) * channels
    for (let column = 0; column < width; column++) {
      const from = (row * width + column) * channels
      const colour = pixels.subarray(from, from + channels)
      for (let copy = 0; copy < scale; copy++) picture.data.set(colour, start + (column * scale + copy) * channels)
    }
    for (let copy = 1; copy < scale; copy++)
      picture.data.copyWithin(start + copy * picture.width * channels, start, start + width * scale * channels)
  }
}
