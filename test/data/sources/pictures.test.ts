// Pictures in files: their levels as Pillow reads them, their orientation, and what is done with alpha, 16 bits, colour and size.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pictures } from '../../../src/data/sources/pictures.js'
import { temporaryFolder } from '../../support/temporary-folder.js'
import { expected, fill, fixture, levelsOf, openWith } from './reading.js'

const LOSSLESS = [
  'grey.png',
  'colour.png',
  'colour.webp',
  'colour.tif',
  'palette.png',
  'palette.gif',
  'one-bit.png',
  'tall.png',
  'grey-16.png',
  'two-pages.tif',
  'two-frames.gif',
  'two-frames.webp',
]

test.each(LOSSLESS)('%s has the levels that Pillow reads, as colour and as grey', async name => {
  for (const channels of ['colour', 'grey'] as const) {
    const { all } = (await openWith(pictures, fixture(name), { channels })).parts
    const { rows, columns, [channels]: levels } = expected[name]
    expect(all).toMatchObject({
      count: 1,
      rows,
      columns,
      channels: channels === 'grey' ? 1 : 3,
      names: [fixture(name)],
    })
    expect(await levelsOf(all)).toEqual(levels)
  }
})

test('channels stay as they are, and are colour if any picture is in colour', async () => {
  const grey = await openWith(pictures, fill(temporaryFolder(), { 'a.png': 'grey.png', 'b.png': 'one-bit.png' }))
  expect(grey.parts.all).toMatchObject({ count: 2, rows: 3, columns: 4, channels: 1 })
  const files = { 'a.png': 'grey.png', 'b.webp': 'colour.webp' }
  const mixed = (await openWith(pictures, fill(temporaryFolder(), files))).parts.all
  expect(mixed?.channels).toBe(3)
  expect(await levelsOf(mixed)).toEqual([...expected['grey.png'].colour, ...expected['colour.webp'].colour])
})

test.each(['colour-alpha.png', 'grey-alpha.png'])('%s is laid over black or white', async name => {
  for (const background of ['black', 'white'] as const) {
    const { parts, warnings } = await openWith(pictures, fixture(name), { background, channels: 'colour' })
    const levels = await levelsOf(parts.all)
    const differences = levels.map((level, i) => Math.abs(level - expected[name][background][i]))
    expect(levels).toHaveLength(36)
    expect(Math.max(...differences)).toBeLessThanOrEqual(1)
    expect(warnings).toEqual([
      {
        kind: 'transparent-images',
        message: `1 of 1 images have transparency, such as ${fixture(name)}; they are laid over ${background}: --background chooses black or white`,
      },
    ])
  }
})

test.each(['jpg', 'png'])('%s pictures of all orientations are upright', async ending => {
  const names = [1, 2, 3, 4, 5, 6, 7, 8].map(orientation => `oriented-${orientation}.${ending}`)
  const { all } = (
    await openWith(pictures, fill(temporaryFolder(), Object.fromEntries(names.map(name => [name, name]))))
  ).parts
  expect(all).toMatchObject({ count: 8, rows: 16, columns: 24, channels: 1 })
  const bright = Array.from({ length: 16 * 24 }, (_, i) => i % 24 < 8 && i < 8 * 24)
  const levels = await levelsOf(all)
  for (let i = 0; i < 8; i++)
    expect(
      levels.slice(i * 384, (i + 1) * 384).map(level => level > 127),
      names[i],
    ).toEqual(bright)
})

test('rows and columns are swapped, before a size is given', async () => {
  const { all } = (await openWith(pictures, fixture('oriented-6.jpg'), { transpose: 'on' })).parts
  expect(all).toMatchObject({ rows: 24, columns: 16 })
  const levels = await levelsOf(all)
  expect(levels.findLastIndex(level => level > 127)).toBe(7 * 16 + 7)
  const { all: tall } = (await openWith(pictures, fixture('tall.png'), { transpose: 'on' })).parts
  const straight = expected['tall.png'].colour
  expect((await levelsOf(tall)).slice(0, 6)).toEqual([...straight.slice(0, 3), ...straight.slice(6, 9)])
  const resized = (await openWith(pictures, fixture('oriented-6.jpg'), { transpose: 'on', resize: '12x8' })).parts.all
  expect(resized).toMatchObject({ rows: 12, columns: 8 })
  expect((await levelsOf(resized)).map(level => (level > 127 ? 1 : 0)).join('')).toMatch(/^(11110000){4}0{64}$/)
})

test('sizes are fitted, or the middle is cut out', async () => {
  const fitted = (await openWith(pictures, fixture('oriented-1.png'), { resize: '8' })).parts.all
  expect(fitted).toMatchObject({ rows: 8, columns: 8 })
  const row = (levels: number[], from: number) => levels.slice(from * 8, from * 8 + 8).map(level => level > 127)
  expect(row(await levelsOf(fitted), 0)).toEqual([true, true, true, false, false, false, false, false])
  const cut = (await openWith(pictures, fixture('oriented-1.png'), { resize: '8x8', crop: 'center' })).parts.all
  expect(row(await levelsOf(cut), 0)).toEqual([true, true, false, false, false, false, false, false])
  const mixed = fill(temporaryFolder(), { 'a.png': 'tall.png', 'b.png': 'grey.png' })
  expect((await openWith(pictures, mixed, { resize: '6' })).parts.all).toMatchObject({ count: 2, rows: 6, columns: 6 })
})

test.each(['0', '32x', 'x32', '9000', '-1', '32x32x3', 'big'])('--resize %s is refused', async resize => {
  await expect(openWith(pictures, fixture('grey.png'), { resize })).rejects.toThrow(
    `--resize ${resize}: expected ROWSxCOLUMNS or one number for both, such as 32 or 32x24`,
  )
})

test.each(['cmyk.jpg', 'flat.jpg', 'flat.avif'])('%s has its colour', async name => {
  const { all } = (await openWith(pictures, fixture(name))).parts
  expect(all).toMatchObject({ rows: 16, columns: 16, channels: 3 })
  const pixel = (await levelsOf(all)).slice(0, 3)
  const near = (level: number, i: number) => Math.abs(level - ([200, 100, 50][i] as number)) < 40
  expect(pixel.every(near), pixel.join()).toBe(true)
})

test('of animations and documents the first frame is read, and a warning says so', async () => {
  const files = {
    'a.gif': 'two-frames.gif',
    'b.webp': 'two-frames.webp',
    'c.tif': 'two-pages.tif',
    'd.png': 'grey.png',
  }
  const folder = fill(temporaryFolder(), files)
  const { parts, warnings } = await openWith(pictures, folder)
  expect(parts.all?.count).toBe(4)
  expect(warnings.filter(({ kind }) => kind === 'animated-images').map(({ message }) => message)).toEqual([
    `3 of 4 images have several frames or pages, such as ${join(folder, 'a.gif')}; only the first is read`,
  ])
})

test.each([
  ['bomb.png', 'too many pixels; at most 67,108,864 (8192x8192) are decoded'],
  ['float.tif', 'levels of type float; 8 or 16 bits, unsigned, were expected'],
])('%s is refused', async (name, reason) => {
  await expect(openWith(pictures, fixture(name))).rejects.toThrow(
    `${fixture(name)}: ${reason}; --skip-broken on leaves such images out`,
  )
})

test('a file that is no picture, whatever its name, is refused', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'x.png')
  for (const bytes of [
    '',
    'text',
    '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="4"/>',
    readFileSync(fixture('flat.bmp')),
  ]) {
    writeFileSync(path, bytes)
    await expect(openWith(pictures, folder)).rejects.toThrow(/^\S+x\.png: .*PNG, JPEG, WebP, GIF, TIFF and AVIF are; /)
  }
})

test('damaged PNGs are refused in one line that names the file, or read rightly', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'x.png')
  const whole = readFileSync(fixture('palette.png'))
  const change = fc.record({ at: fc.nat(whole.length - 1), flip: fc.integer({ min: 1, max: 255 }), cut: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(change, async ({ at, flip, cut }) => {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] as number) ^ flip
      writeFileSync(path, cut ? bytes.subarray(0, at) : bytes)
      try {
        expect(await levelsOf((await openWith(pictures, folder)).parts.all)).toEqual(expected['palette.png'].colour)
      } catch (error) {
        expect((error as Error).message).toMatch(/^\S+x\.png: [^\n]+; --skip-broken on leaves such images out$/)
      }
    }),
    { numRuns: 200 },
  )
})

test.each(['flat.jpg', 'colour.webp', 'colour.tif', 'palette.gif', 'flat.avif'])(
  'a damaged %s is refused in one line, or read',
  async name => {
    const folder = temporaryFolder()
    const path = join(folder, name)
    const whole = readFileSync(fixture(name))
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = Buffer.from(whole)
        bytes[at] = (bytes[at] as number) ^ flip
        writeFileSync(path, bytes)
        try {
          const { all } = (await openWith(pictures, folder)).parts
          if (all) expect(await levelsOf(all)).toHaveLength(all.rows * all.columns * all.channels)
        } catch (error) {
          expect((error as Error).message).toMatch(/^\S+: [^\n]+; --skip-broken on leaves such images out$/)
          expect((error as Error).message.startsWith(path)).toBe(true)
        }
      }),
      { numRuns: 40 },
    )
  },
)
