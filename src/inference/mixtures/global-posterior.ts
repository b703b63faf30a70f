/** The interface between mean field and the posterior over a mixture's parameters. */

/** q(parameters) after an update, which the mixture has adopted. */
export interface GlobalPosterior {
  /** KL(q(parameters) || p(parameters)) in nats. */
  kl: number
  /** Σ_n Σ_k r_nk E_q[log w_k + log p(x_n | k)] in nats. */
  logJoint: number
  /** The parameters of q, by name. */
  posterior: Record<string, Float64Array>
}
