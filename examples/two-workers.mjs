// Trains a linear model on two workers of this machine, by a step of one's own: each computes the gradient of its half of every batch, and
// `allReduceMean` averages them.
//
//   node examples/two-workers.mjs          # 300 steps
//   node examples/two-workers.mjs 50       # fewer steps
//
// On several machines start the program on each with the addresses of all workers and the number of this one after the number of steps.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import * as tf from '@tensorflow/tfjs-core'
import { allReduceMean, normal, onOwnRows, openBackend, ownRows, scan, streamKey } from 'elbo/compile'

const BATCH = 32
const FEATURES = 4

const [steps = '300', addresses, number] = process.argv.slice(2)
if (addresses === undefined) await startWorkers(2)
else await work(addresses.split(','), Number(number))

/** Starts this program again as each of the workers, and ends when all have ended. */
async function startWorkers(count) {
  const workers = await Promise.all(Array.from({ length: count }, freeAddress))
  const ends = workers.map(async (_, i) => {
    const args = [import.meta.filename, steps, workers.join(','), String(i)]
    const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'close')
    if (code !== 0) process.exitCode = 1
  })
  await Promise.all(ends)
}

async function freeAddress() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return `127.0.0.1:${port}`
}

async function work(workers, index) {
  await openBackend('tensorflow', { threads: 1, cluster: { workers, index } })
  const w = tf.variable(tf.zeros([FEATURES, 1]))
  const optimizer = tf.train.adam(0.05)

  // Every worker is given the whole batch [32, 4], draws the same noise, and computes with its own rows.
  const training = scan((batch, key) =>
    onOwnRows(() => {
      const y = ownRows(tf.add(batch.sum(1, true), tf.mul(normal(key, [BATCH, 1]), 0.1)))
      const x = ownRows(batch)
      const { value, grads } = tf.variableGrads(() => tf.losses.meanSquaredError(y, tf.matMul(x, w)), [w])
      const [gradient, loss] = allReduceMean([grads[w.name], value])
      optimizer.applyGradients([{ name: w.name, tensor: gradient }])
      return { loss }
    }),
  )

  const shape = [Number(steps), BATCH, FEATURES]
  const data = normal(streamKey(1, 'data'), shape).dataSync()
  const { loss } = await training.run({ data, shape }, { key: streamKey(1, 'noise') })
  // Both have the same weights; the first one says so.
  if (index === 0)
    console.log(
      `loss ${loss[0].toFixed(2)} at first, ${loss.at(-1).toFixed(3)} at last; w ${[...w.dataSync()].map(value => value.toFixed(2)).join(' ')}`,
    )
  // The others fetch the last numbers from this process: it ends when they have them.
  await scan(() => ({ done: allReduceMean([tf.scalar(1)])[0] })).run({ data: new Float32Array(1), shape: [1, 1] })
  setTimeout(() => process.exit(0), 1000)
}
