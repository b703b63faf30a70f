/** The mean-field posterior of a mixture's parameters: the interface between the algorithm and the families. */
import type { Coefficients } from '../../models/mixtures/mixture.js'

/** q(parameters) after an update. */
export interface GlobalPosterior {
  /** KL(q(parameters) || p(parameters)) in nats. */
  kl: number
  /** The parameters of q, by name. */
  posterior: Record<string, Float64Array>
  /** Posterior means of the parameters, by name of the mixture's variable. */
  parameters: Record<string, Float64Array>
  /** Expected log parameters, which the E step uses. */
  coefficients: Coefficients
}
