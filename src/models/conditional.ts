/**
 * Conditional models p(x|y) = ∫ p(z) p(x|z, y) dz of images x of class y, with q(z|x, y) (Sohn, Lee & Yan 2015; p(z) does not depend on y,
 * as in M2 of Kingma et al. 2014 for images with labels). At fixed y each is an ordinary model, whose bounds are those of log p(x|y).
 */
import * as tf from '#tfjs'
import { type ImageSet, requirePixels } from '../data/images.js'
import { toUnit } from '../data/levels.js'
import type { Decoder } from './vae.js'

/**
 * The model at the classes y [batch], numbers from 0, of the images of a batch. Call it inside `tf.tidy`: the result holds a tensor.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh', classes: 10 })
 * initialize(vae, streamKey(1, 'weights'))
 * const x = tf.tensor2d([[0, 1, 1, 0], [1, 0, 0, 1]]) // of classes 3 and 7
 * const { elbo: bound } = elbo(givenClasses(vae, tf.tensor1d([3, 7])), x, streamKey(1, 'z'), { samples: 1, kl: 'analytic' })
 * console.log(bound.shape) // [ 2 ]
 */
export function givenClasses<M extends Decoder>(model: M, classes: tf.Tensor): M {
  const count = model.classes
  if (count === undefined) throw new Error('givenClasses: this model is not conditional; create it with `classes`')
  return { ...model, y: tf.cast(tf.equal(tf.reshape(classes, [-1, 1]), tf.range(0, count)), 'float32') }
}

/**
 * The model of the images of one class, a number from 0; an unconditional model as it is if there is none. Call it inside `tf.tidy`.
 *
 * @example
 * const vae = createVae({ rows: 2, columns: 2, hidden: [3], latentDim: 2, activation: 'tanh', classes: 10 })
 * initialize(vae, streamKey(1, 'weights'))
 * const { mean } = decode(givenClass(vae, 7), tf.zeros([5, 2])) // of p(x|z, y = 7)
 * console.log(mean.shape) // [ 5, 4 ]
 */
export function givenClass<M extends Decoder>(model: M, number: number | undefined): M {
  return number === undefined ? model : givenClasses(model, tf.tensor1d([number]))
}

/**
 * Images x [batch, pixels] in [0, 1] from the rows of a batch in 0 … 255, and the model at their classes. A row of a conditional model ends
 * with the class of its image.
 */
export function readBatch<M extends Decoder>(model: M, batch: tf.Tensor): { x: tf.Tensor; model: M } {
  if (model.classes === undefined) return { x: toUnit(batch), model }
  const [rows, values] = batch.shape as [number, number]
  if (values !== model.pixels + 1)
    throw new Error(
      `this model is conditional: rows of ${model.pixels} levels and a class were expected, got ${values}`,
    )
  const x = toUnit(tf.slice(batch, [0, 0], [rows, model.pixels]))
  return { x, model: givenClasses(model, tf.slice(batch, [0, model.pixels], [rows, 1])) }
}

/** Throws a RangeError unless the pixels are levels and a conditional model, and only such a one, is given the classes of the images. */
export function requireImages({ classes: count }: Decoder, images: ImageSet): void {
  requirePixels(images)
  const { classes } = images
  if (count === undefined) {
    if (classes) throw new RangeError('images: have classes, but the model is not conditional; leave them out')
    return
  }
  if (!classes)
    throw new RangeError('images: have no classes, and the model is conditional; give the class of each image')
  const wrong = classes.findIndex(number => number >= count)
  if (wrong >= 0)
    throw new RangeError(
      `images: class ${classes[wrong]} of image ${wrong}; numbers from 0 to ${count - 1} were expected`,
    )
}
