// Trains a VAE on images of your own: arrays in memory, no files and no command line.
//
//   node examples/own-images.mjs            # 3,000 images, 20 passes: about ten seconds with native TensorFlow
//   node examples/own-images.mjs 240 4      # fewer images and passes
import { fit } from 'elbo'

const [count = 3000, epochs = 20] = process.argv.slice(2).map(Number)
const SIDE = 12

// Your images come here: [count, rows, columns], bytes 0 … 255 or grey values in [0, 1]. These are bright discs at many places.
const pixels = new Uint8Array(count * SIDE * SIDE)
for (let i = 0; i < count; i++) {
  const [row, column, radius] = [3 + (i % 7), 3 + ((3 * i) % 6), 2 + (i % 3) / 2]
  for (let r = 0; r < SIDE; r++)
    for (let c = 0; c < SIDE; c++) if (Math.hypot(r - row, c - column) < radius) pixels[(i * SIDE + r) * SIDE + c] = 255
}
const images = { data: pixels, shape: [count, SIDE, SIDE] }

// A sixth of the images, chosen by the seed, is held out; the model is that of the best pass over the rest.
const model = await fit(images, {
  latentDim: 3,
  hidden: [64],
  batchSize: 40,
  epochs,
  onEpoch: ({ epoch, validationElbo }) =>
    console.log(`pass ${epoch}: ELBO ${validationElbo?.toFixed(2)} nats per image`),
})

const { values, standardError } = await model.logProb(images, { samples: 100 })
const mean = list => list.reduce((sum, value) => sum + value, 0) / list.length
console.log(`log p(x) ${mean(values).toFixed(2)} nats per image, each ± ${mean(standardError ?? [0]).toFixed(2)}`)

const codes = await model.encode(images)
console.log(`codes: ${codes.shape.join(' x ')}`)

const drawn = await model.sample(3)
for (let i = 0; i < 3; i++)
  console.log(`\ndrawn from the prior, z = ${drawn.z[i]?.map(z => z.toFixed(1))}\n${text(drawn.data, i)}`)

// `elbo sample`, `elbo evaluate` and all other commands read what this writes: await model.save('checkpoints/discs')
model.dispose()

/** An image in characters. */
function text(data, i) {
  const rows = Array.from({ length: SIDE }, (_, r) => data.subarray((i * SIDE + r) * SIDE, (i * SIDE + r + 1) * SIDE))
  return rows.map(row => Array.from(row, value => ' .:*#'[Math.round(4 * value)]).join('')).join('\n')
}
