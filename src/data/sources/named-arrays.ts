/** Which arrays of a file are the images and the labels of its parts, by the names that are in use. */
import { shortened } from '../../settings/setting.js'
import type { PartName } from './reader.js'

/** The names of two arrays that belong together. */
interface ArrayNames {
  readonly images: string
  readonly labels?: string
}

const spellings: Readonly<Record<Exclude<PartName, 'all'>, readonly string[]>> = {
  train: ['train'],
  validation: ['valid', 'val', 'validation', 'dev'],
  test: ['test'],
}

const imagesOfPart = ['x_*', '*_x', '*_images', 'images_*', '*_data', '*']
const labelsOfPart = ['y_*', '*_y', '*_labels', 'labels_*', '*_label', '*_targets', '*_target']
const alone = ['imgs', 'images', 'x', 'data', 'arr_0']
const labelsAlone = ['y', 'labels', 'label', 'targets', 'target', 'arr_1']

/** The parts of a file with arrays of these names, upper and lower case alike; none if no name is known. */
export function namedParts(names: readonly string[], key: string | null): Partial<Record<PartName, ArrayNames>> {
  if (key !== null) return { all: withLabels(names, key, labelsAlone) }
  const parts = Object.entries(spellings).flatMap(([part, spelled]) => {
    const images = find(names, filled(imagesOfPart, spelled))
    return images === undefined ? [] : [[part, withLabels(names, images, filled(labelsOfPart, spelled))] as const]
  })
  if (parts.length > 0) return Object.fromEntries(parts)
  const images = find(names, alone)
  return images === undefined ? {} : { all: withLabels(names, images, labelsAlone) }
}

const filled = (patterns: readonly string[], parts: readonly string[]): string[] =>
  patterns.flatMap(pattern => parts.map(part => pattern.replace('*', part)))

const find = (names: readonly string[], wanted: readonly string[]): string | undefined =>
  wanted.map(one => names.find(name => name.toLowerCase() === one)).find(name => name !== undefined)

function withLabels(names: readonly string[], images: string, wanted: readonly string[]): ArrayNames {
  const labels = find(names, wanted)
  return labels === undefined || labels === images ? { images } : { images, labels }
}

const MOST_LISTED = 20

/** The names of arrays, for an error. */
export function listOfNames(names: Iterable<string>): string {
  const all = [...names]
  const more = all.length > MOST_LISTED ? ` and ${all.length - MOST_LISTED} more` : ''
  return all.length === 0 ? 'there are no arrays' : all.slice(0, MOST_LISTED).map(shortened).join(', ') + more
}
