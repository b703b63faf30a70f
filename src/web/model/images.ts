/** The images of a run in the page, in blocks as evaluations read them. */
import * as tf from '#tfjs'
import { WHITE } from '../../data/levels.js'
import type { ImagesOf } from '../../explore/protocol.js'
import { type Api, path } from '../api.js'

/** Blocks that are held. */
const MOST_BLOCKS = 120

export interface TestImages extends ImagesOf {
  /** The levels of one image: `grey` as the source has them, `read` as the model reads them. */
  one(kind: 'grey' | 'read', index: number): Promise<Uint8Array>
  /** Block `b` as the model reads it, in [0, 1]: [block, values], padded with black images. The caller frees it. */
  batch(b: number): Promise<tf.Tensor2D>
  /** The name of an image's class; undefined if it has none. */
  label(index: number): string | undefined
}

/** The test images of a run. */
export async function openImages(api: Api, run: string): Promise<TestImages> {
  const about = await api.get<ImagesOf>(path('runs', run, 'images', 'test.json'))
  const size = about.rows * about.columns * about.channels
  const blocks = new Map<string, Promise<Uint8Array>>()
  const block = (kind: string, b: number) => {
    const name = `${kind}/${b}`
    const found =
      blocks.get(name) ??
      api.bytes(path('runs', run, 'images', 'test', kind, `${b}.bin`)).then(bytes => new Uint8Array(bytes))
    blocks.delete(name)
    blocks.set(name, found)
    found.catch(() => blocks.delete(name))
    for (const oldest of [...blocks.keys()].slice(0, -MOST_BLOCKS)) blocks.delete(oldest)
    return found
  }
  return {
    ...about,
    async one(kind, index) {
      const levels = await block(kind, Math.floor(index / about.block))
      const at = (index % about.block) * size
      return levels.subarray(at, at + size)
    },
    async batch(b) {
      const values = new Float32Array(about.block * size)
      values.set((await block('read', b)).map(Number))
      return tf.tidy(() => tf.div(tf.tensor2d(values, [about.block, size]), WHITE))
    },
    label: index =>
      about.labels && (about.labels.names[about.labels.values[index] ?? -1] ?? String(about.labels.values[index])),
  }
}

/** The number of an image in the state of the page: `image`, from 0. */
export const chosenImage = (state: { number(name: string, usual: number): number }, count: number): number =>
  Math.min(Math.max(0, Math.round(state.number('image', 0))), Math.max(0, count - 1))
