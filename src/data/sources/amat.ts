/**
 * Text of zeros and ones, one image a line: Larochelle's `binarized_mnist_{train,valid,test}.amat`
 * (http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/).
 */

import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type ImageShape, imageSize } from '../images.js'
import { WHITE } from '../levels.js'
import { bytesOf } from './bytes.js'
import { parseRawShape } from './raw-shape.js'
import type { Decodable, OpenedSource, PartName, Probe, Reader, ReadOptions } from './reader.js'

export const amat: Reader = {
  name: 'text of 0 and 1 (.amat)',
  recognises: ({ path, isFolder, start }) =>
    isFolder ? readdirSync(path).some(name => LAROCHELLE.test(name)) : /\.amat(\.gz)?$/i.test(path) || isTable(start),
  async open(path, options, probe) {
    const files = filesOf(path, probe)
    const parts: OpenedSource['parts'] = {}
    for (const [part, file] of Object.entries(files) as [PartName, string][]) parts[part] = await images(file, options)
    return { parts, warnings: [] }
  },
}

const LAROCHELLE = /^(.*)_(train|valid|test)\.amat(\.gz)?$/

const spelled = { train: 'train', validation: 'valid', test: 'test' } as const

/** A folder, or any of the three files, stands for all three. */
function filesOf(path: string, { isFolder }: Pick<Probe, 'isFolder'>): Partial<Record<PartName, string>> {
  const folder = isFolder ? path : dirname(path)
  const name = isFolder ? readdirSync(path).find(one => LAROCHELLE.test(one)) : basename(path)
  const [, stem] = LAROCHELLE.exec(name ?? '') ?? []
  if (stem === undefined) return { all: path }
  const files = (Object.entries(spelled) as [keyof typeof spelled, string][]).map(([part, spelling]) => {
    const names = [`${stem}_${spelling}.amat`, `${stem}_${spelling}.amat.gz`]
    const paths = names.map(one => join(folder, one))
    return [part, paths.find(one => existsSync(one))] as const
  })
  const missing = files.find(([, file]) => file === undefined)?.[0]
  if (missing === undefined) return Object.fromEntries(files)
  if (!isFolder) return { all: path }
  throw new Error(`${folder}: no ${stem}_${spelled[missing]}.amat in this folder`)
}

/** Numbers with blanks between them, and nothing else. */
const isTable = (start: Uint8Array): boolean => {
  const text = Buffer.from(start).toString('latin1')
  return /^[\d\s.eE+-]+$/.test(text) && /^\s*[\d.]\S*[ \t]/.test(text)
}

async function images(path: string, options: ReadOptions): Promise<Decodable> {
  const first = await firstLine(path)
  const shape = shapeOf(path, first, options)
  const size = imageSize(shape)
  let count = 0
  for await (const block of blocks(path, size)) count += block.length / size
  if (count === 0) throw new Error(`${path}: no images`)
  return { ...shape, count, isScaled: true, files: [path], blocks: () => blocks(path, size) }
}

/** Longer lines are no images. */
const LONGEST_LINE = 2 ** 24

async function firstLine(path: string): Promise<string[]> {
  const cursor = bytesOf(path).open()
  try {
    let text = ''
    while (!/\S[^\n]*\n/.test(text)) {
      const more = Buffer.from(await cursor.read(2 ** 16)).toString('latin1')
      if (more === '') break
      text += more
      if (text.length > LONGEST_LINE) throw new Error(`${path}: a line of more than ${LONGEST_LINE} characters`)
    }
    return (text.trimStart().split('\n')[0] ?? '').split(/\s+/).filter(word => word !== '')
  } finally {
    await cursor.close()
  }
}

function shapeOf(path: string, first: readonly string[], { rawShape }: ReadOptions): ImageShape {
  const values = first.length
  const other = first.find(word => !isBit(word))
  if (other !== undefined) throw new Error(`${path}: ${notBinary(first, other)}`)
  if (rawShape !== null) {
    const { rows, columns, channels } = parseRawShape(rawShape)
    if (rows * columns * channels === values) return { rows, columns, channels }
    throw new Error(`${path}: ${values} values in the first line, which are not those of --raw-shape ${rawShape}`)
  }
  const side = Math.sqrt(values)
  if (values > 0 && Number.isInteger(side)) return { rows: side, columns: side, channels: 1 }
  throw new Error(`${path}: ${values} values in the first line are no square; say rows and columns by --raw-shape`)
}

/** Numbers are 0 and 1 however they are written: `1`, `1.0`, `1.000e+00`. */
const isBit = (word: string): boolean => /^[\d.eE+-]+$/.test(word) && (Number(word) === 0 || Number(word) === 1)

function notBinary(first: readonly string[], other: string): string {
  const shown = other.slice(0, 20)
  const pixels = first.length - 1
  const isLabelled = Number.isInteger(Math.sqrt(pixels)) && Number.isInteger(Number(first[pixels]))
  if (isLabelled)
    return `a table of ${pixels} numbers and a label in the last column, as its width says; only text of 0 and 1 without labels is read. Save the numbers as a NumPy array`
  return `'${shown}' in the first line; only text of 0 and 1 is read. Save other numbers as a NumPy array`
}

/** Levels that are decoded at once. */
const BLOCK = 2 ** 22

/** Images as levels 0 and 255. Throws an Error that names the line of what is neither. */
async function* blocks(path: string, size: number): AsyncGenerator<Uint8Array> {
  const most = Math.max(1, Math.floor(BLOCK / size)) * size
  let [block, filled, line] = [new Uint8Array(most), 0, 0]
  for await (const text of lines(path)) {
    line++
    const end = parseLine(text, block, filled)
    if (end === filled) continue
    if (end - filled !== size || Number.isNaN(end)) throw new Error(`${path}, line ${line}: ${whatIsWrong(text, size)}`)
    filled = end
    if (filled === most) {
      yield block
      ;[block, filled] = [new Uint8Array(most), 0]
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}

/** Writes the values of a line; returns where they end, NaN if one is neither 0 nor 1. */
function parseLine(text: string, into: Uint8Array, from: number): number {
  let at = from
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isBlank(code)) continue
    if ((code !== ZERO && code !== ONE) || !isBlank(text.charCodeAt(i + 1))) return parseWords(text, into, from)
    into[at++] = WHITE * (code - ZERO)
  }
  return at
}

const [ZERO, ONE] = [48, 49]

/** Also beyond the end of a line, where the code is NaN. */
const isBlank = (code: number): boolean => !(code > 32)

function parseWords(text: string, into: Uint8Array, from: number): number {
  const words = text.split(/\s+/).filter(word => word !== '')
  if (!words.every(isBit)) return Number.NaN
  for (const [i, word] of words.entries()) into[from + i] = WHITE * Number(word)
  return from + words.length
}

function whatIsWrong(text: string, size: number): string {
  const words = text.split(/\s+/).filter(word => word !== '')
  const other = words.find(word => !isBit(word))
  if (other !== undefined) return `'${other.slice(0, 20)}'; 0 or 1 was expected`
  return `${words.length} values; ${size} were expected, as in the first line`
}

async function* lines(path: string): AsyncGenerator<string> {
  const cursor = bytesOf(path).open()
  try {
    let rest = ''
    for (;;) {
      const text = Buffer.from(await cursor.read(2 ** 18)).toString('latin1')
      if (text === '') break
      const all = (rest + text).split('\n')
      rest = all.pop() ?? ''
      if (rest.length > LONGEST_LINE) throw new Error(`${path}: a line of more than ${LONGEST_LINE} characters`)
      yield* all
    }
    if (rest !== '') yield rest
  } finally {
    await cursor.close()
  }
}
