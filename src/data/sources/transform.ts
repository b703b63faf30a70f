/** Resizes, transposes and converts images of array formats, whose levels are known without decoding. */
import { type ImageShape, imageSize } from '../images.js'
import { WHITE } from '../levels.js'
import { inParallel } from './in-parallel.js'
import { channelsAsked, imagesPerBlock, sizeAsked, transposedImage, transposedShape, withChannels } from './levels.js'
import { loadSharp } from './load-sharp.js'
import { resizing } from './picture.js'
import type { Decodable, ReadOptions } from './reader.js'

/** One image to another; `position` is that of the image, for errors. */
type Change = (levels: Uint8Array, position: number) => Uint8Array | Promise<Uint8Array>

/**
 * `images` as the options ask for: transposed, then resized, then as grey or colour; `images` itself if that changes nothing. Images of 4
 * channels are RGB and alpha, blended with the background if grey or colour is asked for. Throws an Error for other numbers of channels that
 * cannot be converted or resized.
 */
export function transformed(images: Decodable, options: ReadOptions): Decodable {
  const steps = stepsOf(images, options)
  if (steps.length === 0) return images
  const { flat: _, ...others } = images
  const { rows, columns, channels } = steps.at(-1)?.shape ?? images
  return { ...others, rows, columns, channels, blocks: () => changedBlocks(images, steps) }
}

interface Step {
  /** Of the images after the step. */
  readonly shape: ImageShape
  readonly change: Change
}

function stepsOf(images: Decodable, options: ReadOptions): Step[] {
  const steps: Step[] = []
  let shape: ImageShape = { rows: images.rows, columns: images.columns, channels: images.channels }
  const add = (step: Step | undefined) => {
    if (step === undefined) return
    steps.push(step)
    shape = step.shape
  }
  add(whitening(shape, options, images))
  if (images.isAsAsked) return steps
  if (options.transpose === 'on') add(transposing(shape))
  add(blending(shape, options, images))
  add(resize(shape, options, images))
  add(recolouring(shape, options))
  return steps
}

const transposing = (shape: ImageShape): Step => ({
  shape: transposedShape(shape),
  change: levels => transposedImage(levels, shape),
})

/** Levels 0 and 1 as black and white. */
function whitening(shape: ImageShape, { levels }: ReadOptions, { files, isScaled }: Decodable): Step | undefined {
  if (levels === '0-255' || isScaled) return undefined
  const change: Change = (image, position) => {
    const wrong = image.find(level => level > 1)
    if (wrong === undefined) return image.map(level => level * WHITE)
    throw new Error(
      `${files[0]}: the level ${wrong} in image ${position} (counted from 0); 0 and 1 were expected with --levels 0-1`,
    )
  }
  return { shape, change }
}

/** Alpha is blended before the size changes, as in pictures. */
function blending(shape: ImageShape, { channels, background }: ReadOptions, { files }: Decodable): Step | undefined {
  if (channels === 'as-is' || shape.channels === 1 || shape.channels === 3) return undefined
  if (shape.channels !== 4)
    throw new Error(
      `${files[0]}: images of ${shape.channels} channels have no ${channels} form; 1, 3 or 4 were expected with --channels ${channels}`,
    )
  const behind = background === 'white' ? 255 : 0
  return { shape: { ...shape, channels: 3 }, change: levels => blended(levels, behind) }
}

/** RGBA over a grey level. */
function blended(levels: Uint8Array, behind: number): Uint8Array {
  const result = new Uint8Array((levels.length / 4) * 3)
  for (let i = 0; i < result.length; i++) {
    const pixel = 4 * Math.floor(i / 3)
    const alpha = (levels[pixel + 3] as number) / 255
    result[i] = Math.round(alpha * (levels[pixel + (i % 3)] as number) + (1 - alpha) * behind)
  }
  return result
}

function resize(shape: ImageShape, options: ReadOptions, { files }: Decodable): Step | undefined {
  const asked = sizeAsked(options)
  if (asked === undefined || (asked.rows === shape.rows && asked.columns === shape.columns)) return undefined
  if (shape.channels > 4)
    throw new Error(`${files[0]}: images of ${shape.channels} channels cannot be resized; at most 4 can`)
  const target = { ...shape, ...asked }
  return { shape: target, change: levels => resized(levels, shape, { ...target, crop: options.crop }) }
}

async function resized(levels: Uint8Array, from: ImageShape, to: ImageShape & Pick<ReadOptions, 'crop'>) {
  const channels = from.channels as 1 | 2 | 3 | 4
  const raw = { width: from.columns, height: from.rows, channels }
  const sharp = await loadSharp()
  const image = sharp(levels, { raw }).resize(resizing(to))
  return (channels < 3 ? image.toColourspace('b-w') : image).raw({ depth: 'uchar' }).toBuffer()
}

function recolouring(shape: ImageShape, options: ReadOptions): Step | undefined {
  const asked = channelsAsked(options, shape.channels)
  if (asked === shape.channels) return undefined
  return { shape: { ...shape, channels: asked }, change: levels => withChannels(levels, shape.channels, asked) }
}

/** A block of small images can become several blocks of large ones. */
async function* changedBlocks(images: Decodable, steps: readonly Step[]): AsyncGenerator<Uint8Array> {
  const size = imageSize(images)
  const shape = steps.at(-1)?.shape ?? images
  const piece = imagesPerBlock(shape) * size
  let position = 0
  for await (const block of images.blocks())
    for (let from = 0; from < block.length; from += piece) {
      yield await changed(block.subarray(from, from + piece), { size, changedSize: imageSize(shape), position }, steps)
      position += Math.min(piece, block.length - from) / size
    }
}

interface BlockSizes {
  /** Levels of an image before and after all steps. */
  readonly size: number
  readonly changedSize: number
  /** Of the first image of the block. */
  readonly position: number
}

async function changed(
  block: Uint8Array,
  { size, changedSize, position }: BlockSizes,
  steps: readonly Step[],
): Promise<Uint8Array> {
  const count = block.length / size
  const result = new Uint8Array(count * changedSize)
  await inParallel(
    Array.from({ length: count }, (_, i) => i),
    async i => {
      let levels = block.subarray(i * size, (i + 1) * size)
      for (const { change } of steps) levels = await change(levels, position + i)
      result.set(levels, i * changedSize)
    },
  )
  return result
}
