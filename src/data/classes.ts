/** The classes of conditional models: labels of images as numbers, in the order of the labels of the training images. */
import { createHash } from 'node:crypto'
import { UsageError } from '../settings/setting.js'
import type { Part } from './sources/open-source.js'

/** The classes that a conditional model was trained with. */
export interface Classes {
  readonly names: readonly string[]
  /** SHA-256 of the names and of the labels of all images. */
  readonly sha256: string
}

/** Labels as a caller of the library gives them: numbers or names, one for each image. */
export type LabelValues = readonly (string | number)[] | Int32Array | Uint8Array

/** A class is a byte of a row of a batch. */
const MOST_CLASSES = 256

interface Splits {
  readonly source: string
  readonly train: Part
  readonly validation: Part
  readonly test: Part
}

const parts = ['train', 'validation', 'test'] as const

/**
 * The same images with their classes, those of the training images. Throws a `UsageError` if training or validation images have no labels, or
 * labels of other classes.
 */
export function withClasses<D extends Splits>(data: D): D & { readonly classes: Classes } {
  const { source, train, validation } = data
  if (!train.labels) throw new UsageError(`--condition label: the training images of ${source} have no labels`)
  if (validation.count > 0 && !validation.labels)
    throw new UsageError(`--condition label: the validation images of ${source} have no labels; add --validation none`)
  const { names } = train.labels
  requireSome(names, source)
  return { ...withClassesOf(data, names), classes: { names, sha256: digestOf(data) } }
}

/** Throws a `UsageError` unless there are two classes, and as many as a byte can hold. */
export function requireSome(names: readonly string[], source: string): void {
  if (names.length >= 2 && names.length <= MOST_CLASSES) return
  const count = `${names.length} ${names.length === 1 ? 'class' : 'classes'}`
  throw new UsageError(`--condition label: ${source} has ${count}; from 2 to ${MOST_CLASSES} were expected`)
}

/** The names of the classes of a caller's labels: whole numbers from 0 up to the largest, or the names in alphabetical order. */
export function namesOf(labels: LabelValues): string[] {
  const values = Array.from<string | number>(labels)
  const numbers = values.filter(value => Number.isInteger(value) && (value as number) >= 0) as number[]
  if (numbers.length < values.length) return [...new Set(values.map(String))].sort()
  return Array.from({ length: numbers.reduce((most, number) => Math.max(most, number), -1) + 1 }, (_, i) => String(i))
}

/** The classes of a caller's `labels` of `count` images. Throws an Error that names `what` unless each image has one of these names. */
export function classesOfLabels(
  what: string,
  labels: LabelValues | undefined,
  count: number,
  names: readonly string[],
): Uint8Array {
  if (labels === undefined)
    throw new Error(`${what} are missing: this model reads the label of each image (${listed(names)})`)
  if (labels.length !== count)
    throw new Error(`${what}: ${labels.length} were given; one for each of ${count} images was expected`)
  return Uint8Array.from(Array.from<string | number>(labels), (label, i) => {
    const number = names.indexOf(String(label))
    if (number >= 0) return number
    throw new Error(`${what}: label ${i} is ${JSON.stringify(label)}; one of ${listed(names)} was expected`)
  })
}

/** The same images with classes of these names. Parts without labels stay without classes. Throws a `UsageError` for labels of other names. */
export function withClassesOf<D extends Splits>(data: D, names: readonly string[]): D {
  const classified = parts.map(name => {
    const part = data[name]
    return [name, part.labels ? { ...part, classes: classesOf(part.labels, names, data.source) } : part]
  })
  return { ...data, ...Object.fromEntries(classified) }
}

/** The number of each label among these names. */
function classesOf(labels: NonNullable<Part['labels']>, names: readonly string[], source: string): Uint8Array {
  const numbers = labels.names.map(name => names.indexOf(name))
  return Uint8Array.from(labels.values, value => {
    const number = numbers[value] ?? -1
    if (number >= 0) return number
    throw new UsageError(
      `${source}: label '${labels.names[value]}' is none of the classes of this model: ${listed(names)}`,
    )
  })
}

/** Classes for a message: the first ones, if there are many. */
export function listed(names: readonly string[]): string {
  const MOST = 12
  return names.length <= MOST ? names.join(', ') : `${names.slice(0, MOST).join(', ')}, … (${names.length} classes)`
}

/** The number of the class with this name, or otherwise with this number from 0. Throws a `UsageError` that lists the classes. */
export function classNumber(label: string, names: readonly string[]): number {
  const named = names.indexOf(label)
  const number = named >= 0 ? named : /^[0-9]+$/.test(label) ? Number(label) : -1
  if (number >= 0 && number < names.length) return number
  throw new UsageError(`--label ${label}: the classes of this run are ${listed(names)}`)
}

function digestOf(data: Splits): string {
  const hash = createHash('sha256')
  for (const name of parts) {
    const { labels } = data[name]
    hash.update(JSON.stringify([name, labels?.names ?? null]))
    if (labels) hash.update(new Uint8Array(Int32Array.from(labels.values).buffer))
  }
  return hash.digest('hex')
}
