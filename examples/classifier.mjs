// Trains a classifier of labelled images with a step of one's own, which `scan` compiles. Nothing here is a latent-variable model.
//
//   node examples/classifier.mjs          # 4,000 images, 10 passes
//   node examples/classifier.mjs 400 3    # fewer images and passes
import * as tf from '@tensorflow/tfjs-core'
import { batched, dropout, keyAt, normal, openBackend, scan, streamKey, uniform } from 'elbo'

const [count = 4000, passes = 10] = process.argv.slice(2).map(Number)
const SIDE = 10
const SHAPES = ['disc', 'square', 'cross', 'ring']

await openBackend() // the fastest that runs here; on backends that cannot compile, steps run one operation at a time
const data = shapes(count, streamKey(1, 'training images'))
const test = shapes(500, streamKey(2, 'test images'))

// State is in tf.Variables, which are created once, outside of the step.
const key = streamKey(1, 'weights')
const weights = (i, rows, columns) => tf.variable(tf.mul(normal(keyAt(key, i), [rows, columns]), Math.sqrt(2 / rows)))
const [w1, b1] = [weights(0, SIDE * SIDE, 64), tf.variable(tf.zeros([64]))]
const [w2, b2] = [weights(1, 64, SHAPES.length), tf.variable(tf.zeros([SHAPES.length]))]
const optimizer = tf.train.adam(0.003)

const hidden = x => tf.relu(tf.add(tf.matMul(x, w1), b1)) // [batch, 64]
const logits = h => tf.add(tf.matMul(h, w2), b2) // [batch, classes]

// The step: named inputs, noise from the key, named outputs.
const training = scan(({ images, labels }, key) => {
  const wanted = tf.oneHot(labels, SHAPES.length)
  const loss = () => tf.losses.softmaxCrossEntropy(wanted, logits(dropout(hidden(images), 0.2, key)))
  return { loss: optimizer.minimize(loss, true) }
})

const measuring = scan(({ images, labels }) => ({
  correct: tf.mean(tf.cast(tf.equal(tf.argMax(logits(hidden(images)), 1), labels), 'float32')),
}))

for (let pass = 0; pass < passes; pass++) {
  const batches = batched(data, { size: 50, shuffle: keyAt(streamKey(1, 'order'), pass) })
  const { loss } = await training.run(batches, { key: keyAt(streamKey(1, 'dropout'), pass) })
  const { correct } = await measuring.run(batched(test, { size: 500 }))
  console.log(
    `pass ${pass + 1}: cross-entropy ${mean(loss).toFixed(3)}, correct on test images ${(100 * correct[0]).toFixed(1)} %`,
  )
}
console.log(`steps ran by ${training.choice.mode}: ${training.choice.reason}`)

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Noisy images of four shapes at random places, with the number of the shape as label. */
function shapes(count, key) {
  const noise = uniform(key, [count, SIDE * SIDE + 2]).dataSync()
  const images = new Float32Array(count * SIDE * SIDE)
  const labels = Int32Array.from({ length: count }, (_, i) => i % SHAPES.length)
  for (let i = 0; i < count; i++) {
    const [down, right, ...pixels] = noise.subarray(i * (SIDE * SIDE + 2), (i + 1) * (SIDE * SIDE + 2))
    const [row, column] = [3 + Math.floor(4 * down), 3 + Math.floor(4 * right)]
    for (let p = 0; p < SIDE * SIDE; p++) {
      const [r, c] = [Math.abs(Math.floor(p / SIDE) - row), Math.abs((p % SIDE) - column)]
      const inside = [
        Math.hypot(r, c) < 2.5,
        Math.max(r, c) < 3,
        r * c === 0 && r + c < 3,
        Math.round(Math.hypot(r, c)) === 2,
      ]
      images[i * SIDE * SIDE + p] = (inside[labels[i]] ? 0.5 : 0) + pixels[p] / 2
    }
  }
  return { images: { data: images, shape: [count, SIDE * SIDE] }, labels: { data: labels, shape: [count] } }
}
