// Do samples of a class look like the class? A classifier of real images, which never saw a sample, reads those of a conditional VAE.
//
//   node scripts/recognise-samples.mjs checkpoints/digits           # 100 samples of each class, 10 passes of the classifier
//   node scripts/recognise-samples.mjs checkpoints/digits 20 2      # fewer samples and passes
import * as tf from '@tensorflow/tfjs-core'
import { levelsOf } from '../dist/data/images.js'
import { batched, dropout, keyAt, load, loadDataset, normal, openBackend, scan, streamKey } from '../dist/index.js'

const [folder, each = '100', passes = '10'] = process.argv.slice(2)
if (folder === undefined) throw new Error('recognise-samples: name the folder of a run with --condition label')
await openBackend()
const model = await load(folder)
const { classes, config } = model
if (classes === undefined) throw new Error(`${folder}: this run reads no labels; train one with --condition label`)
const { train, test } = await loadDataset(config.data)
const pixels = train.rows * train.columns * train.channels

// 784-512-256-10 with dropout, by Adam on the cross-entropy of grey images.
const sizes = [pixels, 512, 256, classes.length]
const layers = sizes.slice(1).map((to, i) => {
  const draws = normal(keyAt(streamKey(1, 'classifier'), i), [sizes[i], to])
  return [tf.variable(tf.mul(draws, Math.sqrt(2 / sizes[i]))), tf.variable(tf.zeros([to]))]
})
const optimizer = tf.train.adam(1e-3)
const logits = (x, key) =>
  layers.reduce((h, [w, b], i) => {
    const out = tf.add(tf.matMul(h, w), b)
    if (i === layers.length - 1) return out
    return key ? dropout(tf.relu(out), 0.3, keyAt(key, i)) : tf.relu(out)
  }, x)
const training = scan(({ levels, labels }, key) => {
  const wanted = tf.oneHot(labels, classes.length)
  const loss = () => tf.losses.softmaxCrossEntropy(wanted, logits(tf.div(levels, 255), key))
  return { loss: optimizer.minimize(loss, true) }
})

const data = {
  levels: { data: levelsOf(train), shape: [train.count, pixels], dtype: 'float32' },
  labels: { data: train.labels.values, shape: [train.count], dtype: 'int32' },
}
for (let pass = 0; pass < Number(passes); pass++)
  await training.run(batched(data, { size: 100, shuffle: keyAt(streamKey(1, 'order'), pass) }), {
    key: keyAt(streamKey(1, 'dropout'), pass),
  })
const real = Float32Array.from(levelsOf(test), level => level / 255)
const right = recognised(real, test.labels.values)
console.log(`classifier: ${share(right.length, test.count)} of ${test.count} real test images recognised`)

const counts = []
for (const [number, label] of classes.entries()) {
  const { data: samples } = await model.sample(Number(each), { label, seed: number + 1 })
  counts.push(recognised(samples, new Int32Array(Number(each)).fill(number)).length)
}
const total = counts.reduce((sum, count) => sum + count, 0)
console.log(counts.map((count, i) => `${classes[i]}: ${count}`).join('  '))
console.log(
  `${folder}: ${share(total, each * classes.length)} of ${each * classes.length} samples recognised as their class`,
)

/** The positions of the images [count, pixels] in [0, 1] that the classifier gives their label. */
function recognised(values, labels) {
  const found = tf.tidy(() => tf.argMax(logits(tf.tensor2d(values, [labels.length, pixels])), 1).dataSync())
  return [...found.keys()].filter(i => found[i] === labels[i])
}

/** A share with its binomial standard error. */
function share(count, of) {
  const p = count / of
  return `${(100 * p).toFixed(1)} ± ${(100 * Math.sqrt((p * (1 - p)) / of)).toFixed(1)} %`
}
