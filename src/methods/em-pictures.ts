/** Pictures of the models of `elbo em`. */
import * as tf from '@tensorflow/tfjs'
import type { Features } from '../data/features.js'
import { type ImageShape, imageTensor } from '../data/images.js'
import { toLevels } from '../data/levels.js'
import type { FactorAnalysis } from '../models/factor-analysis.js'
import * as factors from '../models/factor-analysis.js'
import { type Mixture, posterior, sample as sampleMixture, variable } from '../models/mixtures/mixture.js'
import type { Picture, Pictures } from './pictures.js'

/** Components and their means. */
export function mixturePictures(mixture: Mixture, features: Features): Pictures {
  return {
    async sample(key, count) {
      const { component, image } = tf.tidy(() => {
        const drawn = sampleMixture(mixture, key, count)
        return { component: tf.reshape(drawn.component, [-1, 1]), image: features.show(drawn.image) }
      })
      return picture(component, image, features.image)
    },
    reconstruct: images => {
      const { component, image } = tf.tidy(() => {
        const x = features.read(imageTensor(images))
        const { responsibilities } = posterior(mixture, x) // [K, count]
        const means = tf.matMul(responsibilities, variable(mixture, 'means') as tf.Tensor, true)
        return { component: tf.reshape(tf.argMax(responsibilities, 0), [-1, 1]), image: features.show(means) }
      })
      return picture(component, image, features.image)
    },
  }
}

/** Factors and their mean images. */
export function factorPictures(model: FactorAnalysis, features: Features): Pictures {
  return {
    sample: (key, count) => {
      const { z, image } = tf.tidy(() => {
        const drawn = factors.sample(model, key, count)
        return { z: drawn.z, image: features.show(drawn.mean) }
      })
      return picture(z, image, features.image)
    },
    reconstruct: images => {
      const { z, image } = tf.tidy(() => {
        const mean = factors.posteriorMean(model, features.read(imageTensor(images)))
        return { z: mean, image: features.show(tf.add(tf.matMul(mean, model.W as tf.Tensor, false, true), model.mu)) }
      })
      return picture(z, image, features.image)
    },
  }
}

/** Reads latents [count, latent] and images [count, pixels] in [0, 1], and frees them. */
async function picture(z: tf.Tensor, image: tf.Tensor, shape: ImageShape): Promise<Picture> {
  const [rows, means] = await Promise.all([z.array() as Promise<number[][]>, image.data<'float32'>()])
  tf.dispose([z, image])
  return { ...shape, count: rows.length, pixels: toLevels(means), z: rows }
}
