/** The classes that a conditional model reads in the page: of a test image its own, of decoded points the one that is chosen. */
import * as tf from '#tfjs'
import { givenClass, givenClasses } from '../../models/conditional.js'
import type { Vae } from '../../models/vae.js'
import type { TestImages } from './images.js'

/** The number of the chosen class; undefined of a model that reads none. */
export interface ShownClass {
  vae: Vae
  shownClass: number | undefined
}

/** The model, at fixed classes if it is conditional. It holds a tensor: to be called inside `tf.tidy`. */
export type ModelAt = () => Vae

/** The model at the chosen class. */
export const atShown =
  ({ vae, shownClass }: ShownClass): ModelAt =>
  () =>
    givenClass(vae, shownClass)

/** The model at the classes of test images; black images beyond the last one have class 0. */
export const atImages =
  ({ vae, images }: { vae: Vae; images: TestImages }, indices: readonly number[]): ModelAt =>
  () =>
    vae.classes === undefined ? vae : givenClasses(vae, tf.tensor1d(indices.map(index => images.classes?.[index] ?? 0)))

/** The flag of the command line for a class of this name; nothing if there is none. */
export function labelFlag(name: string | undefined): string {
  if (name === undefined) return ''
  return ` --label ${/^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`}`
}
