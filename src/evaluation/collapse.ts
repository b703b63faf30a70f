/** Posterior collapse: q(z|x) has become the prior, so that z says nothing about x (Bowman et al. 2016). */

/** A mean KL(q(z|x) || p(z)) below this, in nats per image, tells a decoder next to nothing. */
const NEGLIGIBLE = 0.1

/** A line that warns of a collapsed posterior; none if the mean KL term, in nats per image, is larger or unknown. */
export const describeCollapse = (kl: number | undefined): string[] =>
  kl === undefined || kl >= NEGLIGIBLE
    ? []
    : [
        `warning: the KL term is ${kl.toFixed(3)} nats/image, so z says almost nothing about the image (posterior collapse); ` +
          'a smaller --beta, a longer --kl-warmup or --free-bits can prevent it',
      ]
