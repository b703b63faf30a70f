/** Writes arrays to a file whose ending says its format. */
import { extname } from 'node:path'
import { writeInPieces } from '../written-in-pieces.js'
import type { ArrayFormat, ArraySpec, Block } from './arrays.js'
import { csv } from './csv.js'
import { npy } from './npy.js'
import { npz } from './npz.js'
import { parquet } from './parquet.js'
import { safetensors } from './safetensors.js'

const formats: readonly ArrayFormat[] = [npz, npy, csv, parquet, safetensors]

/** The format of a file by its ending; undefined if it has none of them. */
export const arrayFormatOf = (path: string): ArrayFormat | undefined =>
  formats.find(({ ending }) => extname(path).toLowerCase() === `.${ending}`)

/** The endings, for messages. */
export const arrayEndings = formats.map(({ ending }) => `.${ending}`).join(', ')

interface Arrays {
  format: ArrayFormat
  specs: readonly ArraySpec[]
  metadata: Readonly<Record<string, string>>
}

/**
 * Writes the blocks that `blocks` hands out; the file appears once that returns true. Returns whether it did. Throws an Error of one line if
 * the file cannot be written.
 */
export const writeArrays = (
  path: string,
  { format, specs, metadata }: Arrays,
  blocks: (write: (block: Block) => void) => Promise<boolean>,
): Promise<boolean> =>
  writeInPieces(path, async file => {
    const writer = await format.open(file, specs, metadata)
    const isWhole = await blocks(writer.write)
    if (isWhole) writer.finish()
    return isWhole
  })
