/** What a reader of one format of images is. Each recognises its files or not, and opens them without decoding more than it must. */
import type { ImageShape } from '../images.js'
import type { OnReading } from '../progress.js'

/** The class of each image, by number, and the names of the classes. */
export interface Labels {
  /** [count], from 0 up to the number of names. */
  readonly values: Int32Array
  readonly names: readonly string[]
}

/** How images are read, where a source leaves it open. All of it is part of the settings of a run. */
export interface ReadOptions {
  /** `ROWSxCOLUMNS`, or one number for both; null: as they are, and all must have one size. */
  readonly resize: string | null
  /** What `resize` does with images of another ratio: `fit` distorts them, `center` cuts their middle out. */
  readonly crop: 'none' | 'center'
  /** The colour behind transparent pixels. */
  readonly background: 'black' | 'white'
  /** `as-is`: colour if any image is in colour. */
  readonly channels: 'as-is' | 'grey' | 'colour'
  /** Swaps rows and columns, as EMNIST's files need it. */
  readonly transpose: 'off' | 'on'
  /** The array of an npz or MATLAB file, or the column of a Parquet file; null: the usual names. */
  readonly key: string | null
  /** Of files without a header: COUNTxROWSxCOLUMNS or COUNTxROWSxCOLUMNSxCHANNELS; null: none. */
  readonly rawShape: string | null
  /** Images that cannot be decoded are left out, and counted. */
  readonly skipBroken: 'off' | 'on'
  /** What bytes and whole numbers are: levels `0-1`, black and white, or 0 to 255. */
  readonly levels: '0-255' | '0-1'
  /** A CSV file of labels, which take the place of the source's own; null: none. */
  readonly labels: string | null
}

/** What a reader sees of a path before it opens it. */
export interface Probe {
  readonly path: string
  readonly isFolder: boolean
  /** The first 512 bytes of a file, unpacked if they are gzipped; empty for a folder. */
  readonly start: Uint8Array
  readonly isGzipped: boolean
}

/** Images that can be decoded: uint8 levels [count, rows, columns, channels] in the source's own order. */
export interface Decodable extends ImageShape {
  readonly count: number
  readonly labels?: Labels
  /** The file name of each image, where images are files. */
  readonly names?: readonly string[]
  /** Decoding costs more than reading the decoded levels back, however few they are. */
  readonly isSlow?: boolean
  /** The levels are from 0 to 255 whatever `--levels` says, because fractions or truth values were read. */
  readonly isScaled?: boolean
  /** Size, orientation and channels are what the options ask for. */
  readonly isAsAsked?: boolean
  /** The levels as they lie in a file, where nothing has to be decoded. */
  readonly flat?: { readonly path: string; readonly offset: number }
  /** The levels in pieces of whole images, in order; memory in use does not grow with the number of images. */
  blocks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  /** The files that the levels are computed from: a change of size or time of any of them makes decoded levels stale. */
  readonly files: readonly string[]
}

/** The parts that a source has of its own; `all` if it has none. */
export type PartName = 'all' | 'train' | 'validation' | 'test'

/** Something that looks wrong, said before it costs an hour. */
export interface Warning {
  /** Such as `broken-images`, `binary-bytes`, `orientation`. */
  readonly kind: string
  /** One line: what, and what to do. */
  readonly message: string
}

export interface OpenedSource {
  readonly parts: Partial<Record<PartName, Decodable>>
  readonly warnings: readonly Warning[]
}

/** A format. Errors name the file, the place, and what would be right, in one line. */
export interface Reader {
  /** Such as `NumPy array`. */
  readonly name: string
  recognises(probe: Probe, options: ReadOptions): boolean
  open(path: string, options: ReadOptions, probe: Probe, onReading?: OnReading): Promise<OpenedSource>
}
