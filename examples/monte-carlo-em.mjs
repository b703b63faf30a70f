// Monte Carlo EM of a model of one's own with the library's samplers: counts of events x[n, d] ~ Poisson(exp(z[n] w[d] + b[d])) with one
// hidden cause z[n] ~ N(0, 1) for each row. The posterior p(z | x) has no closed form, so the E step draws from it by HMC.
//
//   node examples/monte-carlo-em.mjs         # 2,000 rows, 300 steps of EM
//   node examples/monte-carlo-em.mjs 200 60  # fewer rows and steps
import * as tf from '@tensorflow/tfjs-core'
import { normal, openBackend, scan, split, streamKey, uniform } from 'elbo'
import { hmcState, hmcStep } from 'elbo/inference'

const [rows = 2000, count = 300] = process.argv.slice(2).map(Number)
const CHAINS = 4
const truth = { w: [1, -0.5, 0.8, 0.3, 0], b: [0, 1, 0.5, 1.5, 1] }
const DIMENSIONS = truth.w.length

await openBackend()
const x = tf.tensor2d(counts(), [rows, DIMENSIONS])

const w = tf.variable(tf.fill([DIMENSIONS], 0.1))
const b = tf.variable(tf.zeros([DIMENSIONS]))
const z = tf.variable(normal(streamKey(1, 'chains'), [CHAINS, rows, 1]), false) // the chains continue from step to step
const optimizer = tf.train.adam(0.05)

/** log p(x | z) without the constant -log x!, in nats: z [chains, rows, 1] -> [chains, rows]. */
function logLikelihood(z) {
  const logRate = tf.add(tf.mul(z, w), b) // [chains, rows, dimensions]
  return tf.sum(tf.sub(tf.mul(x, logRate), tf.exp(logRate)), -1)
}

/** log p(x, z), the target of the E step: for each chain and row a density in one dimension. */
const logJoint = z => tf.sub(logLikelihood(z), tf.mul(tf.sum(tf.square(z), -1), 0.5))

const em = scan((_, key) => {
  const [first, second] = split(key, 2)
  const options = { stepSize: 0.3, leapfrogSteps: 5, jitter: 0.2 }
  // E step: two transitions of every chain.
  const moved = hmcStep(logJoint, hmcState(logJoint, z), first, options)
  const { state, acceptance } = hmcStep(logJoint, moved.state, second, options)
  z.assign(state.z)
  // M step: one step of Adam up the mean of log p(x, z) over the draws.
  const loss = optimizer.minimize(() => tf.neg(tf.mean(logLikelihood(state.z))), true, [w, b])
  return { logLikelihood: tf.neg(loss), acceptance: tf.mean(acceptance) }
})

const { logLikelihood: reached, acceptance } = await em.run(count, { key: streamKey(1, 'em') })
for (const step of [1, Math.ceil(count / 2), count])
  console.log(
    `step ${step}: E[log p(x|z)] ${reached[step - 1].toFixed(3)} nats per row, accepted ${acceptance[step - 1].toFixed(2)}`,
  )

const sign = Math.sign(w.dataSync()[0]) // z and -z are the same model
const show = values => Array.from(values, value => value.toFixed(2)).join('  ')
console.log(`w: ${show(w.dataSync().map(value => sign * value))}\n   ${show(truth.w)}  (of the data)`)
console.log(`b: ${show(b.dataSync())}\n   ${show(truth.b)}  (of the data)`)

/** Rows of counts drawn from the true model. */
function counts() {
  const causes = normal(streamKey(7, 'z'), [rows]).dataSync()
  const chance = uniform(streamKey(7, 'x'), [rows * DIMENSIONS]).dataSync()
  return Float32Array.from(chance, (u, i) => {
    const d = i % DIMENSIONS
    return poisson(Math.exp(causes[Math.floor(i / DIMENSIONS)] * truth.w[d] + truth.b[d]), u)
  })
}

/** The smallest k with P(X <= k) >= u. */
function poisson(rate, u) {
  let [k, probability] = [0, Math.exp(-rate)]
  for (let sum = probability; sum < u && k < 1000; sum += probability) {
    k++
    probability *= rate / k
  }
  return k
}
