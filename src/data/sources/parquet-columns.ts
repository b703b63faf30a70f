/** Which columns of a Parquet file hold images and labels: as the Hugging Face hub's own metadata say, or by name and type. */
import type { FileMetaData, SchemaTree } from 'hyparquet'

/** The columns that are read. */
export interface ImageColumns {
  readonly image: string
  /** Absent if there are no labels. */
  readonly label?: string
  /** The names of the classes, if the file says them. */
  readonly classNames?: readonly string[]
}

const IMAGE_NAMES = ['image', 'img', 'picture']
const LABEL_NAMES = ['label', 'labels', 'fine_label', 'target', 'class']

/** The hub's types of the columns, by name. */
type Features = Readonly<Record<string, unknown>>

/** Chooses among the columns of the file `path`; `key` is the name of that of images, or null. Throws an Error that lists the columns. */
export function imageColumns(
  path: string,
  columns: readonly SchemaTree[],
  features: Features,
  key: string | null,
): ImageColumns {
  const label = labelColumn(columns, features)
  const classNames = label === undefined ? undefined : classNamesOf(features[label])
  return {
    image: imageColumn(path, columns, features, key),
    ...(label !== undefined && { label }),
    ...(classNames && { classNames }),
  }
}

/** The types of columns that the hub's library writes into its files. */
export function featuresOf(metadata: FileMetaData): Features {
  const text = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value
  if (text === undefined) return {}
  try {
    return (JSON.parse(text) as { info?: { features?: Features } }).info?.features ?? {}
  } catch {
    return {}
  }
}

const typeOf = (feature: unknown): unknown => (feature as { _type?: unknown } | null | undefined)?._type

function classNamesOf(feature: unknown): string[] | undefined {
  const names = (feature as { names?: unknown } | undefined)?.names
  return Array.isArray(names) && names.every(name => typeof name === 'string') ? names : undefined
}

function imageColumn(path: string, columns: readonly SchemaTree[], features: Features, key: string | null): string {
  const nameOf = ({ element }: SchemaTree) => element.name
  const candidates = columns.filter(holdsBytes).map(nameOf)
  const all = `the columns are ${columns.map(nameOf).join(', ')}`
  if (key !== null) {
    if (candidates.includes(key)) return key
    const fault = columns.some(column => nameOf(column) === key) ? 'holds no encoded images' : 'is not there'
    throw new Error(`${path}: --key ${key}: this column ${fault}; ${all}`)
  }
  const declared = candidates.filter(name => typeOf(features[name]) === 'Image')
  const images = declared.length > 0 ? declared : candidates
  const named = IMAGE_NAMES.find(name => images.includes(name)) ?? (images.length === 1 ? images[0] : undefined)
  if (named !== undefined) return named
  if (images.length > 1)
    throw new Error(`${path}: several columns may hold images: ${images.join(', ')}; choose one with --key`)
  throw new Error(`${path}: no column of encoded images (bytes, or a struct with bytes); ${all}`)
}

/** Bytes that are not text, directly or as the hub stores images: a struct of `bytes` and `path`. */
function holdsBytes({ element, children }: SchemaTree): boolean {
  if (element.repetition_type === 'REPEATED') return false
  if (children.length > 0) return children.some(child => child.element.name === 'bytes' && holdsBytes(child))
  return element.type === 'BYTE_ARRAY' && element.logical_type === undefined && element.converted_type === undefined
}

function labelColumn(columns: readonly SchemaTree[], features: Features): string | undefined {
  const names = columns.filter(holdsLabels).map(({ element }) => element.name)
  const declared = names.filter(name => typeOf(features[name]) === 'ClassLabel')
  return (
    LABEL_NAMES.find(name => declared.includes(name)) ?? declared[0] ?? LABEL_NAMES.find(name => names.includes(name))
  )
}

/** Whole numbers or text. */
function holdsLabels({ element, children }: SchemaTree): boolean {
  if (children.length > 0 || element.repetition_type === 'REPEATED') return false
  if (element.type === 'INT32' || element.type === 'INT64')
    return element.logical_type === undefined || element.logical_type.type === 'INTEGER'
  return element.type === 'BYTE_ARRAY' && (element.logical_type?.type === 'STRING' || element.converted_type === 'UTF8')
}
