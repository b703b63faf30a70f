// A generative adversarial network (Goodfellow et al. 2014) on points of a ring: one step updates two networks with two optimizers, and
// `scan` compiles it whole.
//
//   node examples/gan.mjs         # 4,000 steps
//   node examples/gan.mjs 300     # fewer
import * as tf from '@tensorflow/tfjs-core'
import { keyAt, normal, openBackend, scan, split, streamKey, uniform } from 'elbo'

const [count = 4000] = process.argv.slice(2).map(Number)
const [BATCH, NOISE, HIDDEN] = [128, 4, 32]

await openBackend()

/** Variables of a network with one hidden layer: its weights, and the network itself. */
function network(name, inputs, outputs) {
  const key = streamKey(1, name)
  const weights = [
    [inputs, HIDDEN],
    [HIDDEN, HIDDEN],
    [HIDDEN, outputs],
  ].map(([rows, columns], i) => ({
    w: tf.variable(tf.mul(normal(keyAt(key, i), [rows, columns]), Math.sqrt(1 / rows))),
    b: tf.variable(tf.zeros([columns])),
  }))
  const at = x => weights.reduce((h, { w, b }, i) => tf.add(tf.matMul(i > 0 ? tf.tanh(h) : h, w), b), x)
  return { at, variables: weights.flatMap(({ w, b }) => [w, b]) }
}

const generator = network('generator', NOISE, 2)
const discriminator = network('discriminator', 2, 1)
const forGenerator = tf.train.adam(0.001, 0.5)
const forDiscriminator = tf.train.adam(0.002, 0.5)

/** Points of the ring |x| = 1, spread by 0.05: [count, 2]. */
function ring(key, count) {
  const [forAngle, forSpread] = split(key, 2)
  const angle = tf.mul(uniform(forAngle, [count, 1]), 2 * Math.PI)
  return tf.add(tf.concat([tf.cos(angle), tf.sin(angle)], 1), tf.mul(normal(forSpread, [count, 2]), 0.05))
}

const isReal = logits => tf.mean(tf.softplus(tf.neg(logits))) // -log sigmoid(logits)
const isFake = logits => tf.mean(tf.softplus(logits))

// The step draws its own data, so it has no inputs: `run` takes the number of steps.
const training = scan((_, key) => {
  const [forData, forFirst, forSecond] = split(key, 3)
  const real = ring(forData, BATCH)
  const fake = generator.at(normal(forFirst, [BATCH, NOISE]))
  const judge = () => tf.add(isReal(discriminator.at(real)), isFake(discriminator.at(fake)))
  const discriminatorLoss = forDiscriminator.minimize(judge, true, discriminator.variables)
  const fool = () => isReal(discriminator.at(generator.at(normal(forSecond, [BATCH, NOISE]))))
  const generatorLoss = forGenerator.minimize(fool, true, generator.variables)
  return { discriminatorLoss, generatorLoss }
})

for await (const { from, count: done, outputs } of training.stream(count, { key: 1 })) {
  const last = values => values[values.length - 1].toFixed(3)
  console.log(
    `step ${from + done}: discriminator ${last(outputs.discriminatorLoss)}, generator ${last(outputs.generatorLoss)}`,
  )
}

const radii = tf.tidy(() => tf.norm(generator.at(normal(streamKey(2, 'test'), [2000, NOISE])), 2, 1).dataSync())
const mean = radii.reduce((sum, radius) => sum + radius, 0) / radii.length
const spread = Math.sqrt(radii.reduce((sum, radius) => sum + (radius - mean) ** 2, 0) / radii.length)
console.log(
  `distance of generated points from the centre: ${mean.toFixed(2)} ± ${spread.toFixed(2)}; of the data 1.00 ± 0.05`,
)
