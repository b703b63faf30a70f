/** Posterior collapse: q(z|x) has become the prior, so that z says nothing about x (Bowman et al. 2016). */

/** A mean KL(q(z|x) || p(z)) below this, in nats per image, tells a decoder next to nothing. */
const NEGLIGIBLE = 0.1

/**
 * A line that warns of a collapsed posterior: the mean KL term, in nats per image, is negligible, or no dimension is active. None if they are
 * larger or unknown.
 */
export function describeCollapse(kl: number | undefined, activeUnits?: number | null): string[] {
  const isNegligible = kl !== undefined && kl < NEGLIGIBLE
  if (!isNegligible && activeUnits !== 0) return []
  const found = isNegligible ? `the KL term is ${kl.toFixed(3)} nats/image` : 'no latent dimension is active'
  return [
    `warning: ${found}, so z says almost nothing about the image (posterior collapse); ` +
      'a smaller --beta, a longer --kl-warmup or --free-bits can prevent it',
  ]
}
