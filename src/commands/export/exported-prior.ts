/** A learned prior p(z) in an export: its Gaussians in a file, and what `elbo.json` says of it. */
import * as tf from '#tfjs'
import type { VaeConfig } from '../../methods/vae-settings.js'
import type { Vae } from '../../models/vae.js'

/** The file of the Gaussians of a learned prior. */
export const PRIOR_FILE = 'prior.json'

const PRIORS = {
  mixture: 'p(z) = sum_k softmax(logit)_k N(mu_k, diag exp(log_var_k)), of the outputs of prior/ at one-hot k',
  vamp: 'p(z) = mean over k of N(mu, diag exp(log_var)), of the outputs of encoder/ at the image that prior/ outputs at one-hot k',
} as const

/** For those who sample: how p(z) follows from the outputs of prior/ at one-hot components. Undefined of N(0, I). */
export const learnedPrior = ({ prior, priorComponents }: VaeConfig) =>
  prior === undefined || prior === 'normal'
    ? undefined
    : { name: prior, components: priorComponents, meaning: PRIORS[prior], file: PRIOR_FILE }

/**
 * A learned prior as JSON: `weight` [K], whose sum is 1, `mean` [K, latent] and `variance` [K, latent] of its K Gaussians; those of a VampPrior are
 * q(z|u_k). Undefined of other priors, which have no parameters.
 */
export async function priorFile({ latents: { prior } }: Vae): Promise<Uint8Array | undefined> {
  if (!prior.components) return undefined
  const { components } = prior
  const tensors = tf.tidy(() => {
    const { means, logVars, logWeights } = components()
    return [tf.clone(logWeights), tf.clone(means), tf.exp(logVars)]
  })
  const [logWeights, mean, variance] = (await Promise.all(tensors.map(tensor => tensor.array()))) as [
    number[],
    number[][],
    number[][],
  ]
  tf.dispose(tensors)
  const shares = logWeights.map(Math.exp)
  const total = shares.reduce((sum, share) => sum + share, 0)
  // Nine digits tell a float32 from its neighbours.
  const short = (rows: number[][]) => rows.map(row => row.map(value => Number(value.toPrecision(9))))
  const parameters = { weight: shares.map(share => share / total), mean: short(mean), variance: short(variance) }
  return Buffer.from(`${JSON.stringify(parameters)}\n`)
}
