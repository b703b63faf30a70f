/** What mean field knows of a mixture's parameters: the seam between its loop and the families. */
import type { Coefficients } from '../../models/mixtures/mixture.js'

/** q(parameters) after an update. */
export interface GlobalPosterior {
  /** KL(q(parameters) || p(parameters)) in nats. */
  kl: number
  /** The parameters of q, by name. */
  posterior: Record<string, Float64Array>
  /** Posterior means, by variable of the mixture. */
  parameters: Record<string, Float64Array>
  /** Expected log parameters. */
  coefficients: Coefficients
}
