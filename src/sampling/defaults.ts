/** Default settings of the samplers. */

/**
 * Target acceptance rates of step-size adaptation. The optimum for Metropolis is 0.44 in one dimension and 0.234 in many (Roberts, Gelman &
 * Gilks 1997), for HMC 0.651 or more (Beskos et al. 2013). Shorter steps also prevent an early, poor decoder from rejecting every proposal.
 */
export const targetAcceptances = { metropolis: 0.4, hmc: 0.9 } as const

/** HMC's step size varies by ± this fraction between transitions, to avoid periodic trajectories (Neal 2011, section 3.2). */
export const TRAJECTORY_JITTER = 0.2

/** Annealed importance sampling: HMC settings, and chains that move in one step. */
export const annealingMoves = {
  chainsAtOnce: 500,
  stepSize: 0.1,
  leapfrogSteps: 5,
  jitter: TRAJECTORY_JITTER,
  targetAcceptance: 0.8,
} as const
