/** The names by which folders and files say which part of a data set they are. */
import type { PartName } from './reader.js'

const names: Readonly<Record<string, Exclude<PartName, 'all'>>> = {
  train: 'train',
  training: 'train',
  valid: 'validation',
  val: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
}

/** The part that a folder called `name` holds, in any case; undefined if the name is not that of a part. */
export const partOfName = (name: string): Exclude<PartName, 'all'> | undefined =>
  Object.hasOwn(names, name.toLowerCase()) ? names[name.toLowerCase()] : undefined
