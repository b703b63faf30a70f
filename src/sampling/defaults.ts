/** The defaults of the samplers, in one place. */

/**
 * Acceptance that a step size is adapted to: 0.44 to 0.234 is best for Metropolis, from one dimension to many (Roberts, Gelman & Gilks
 * 1997), 0.651 and above for HMC (Beskos et al. 2013), where shorter steps also keep an early, poor decoder from rejecting everything.
 */
export const targetAcceptances = { metropolis: 0.4, hmc: 0.9 } as const

/** HMC's step size varies by this share from transition to transition, so that no orbit closes (Neal 2011, section 3.2). */
export const TRAJECTORY_JITTER = 0.2

/** How chains of annealed importance sampling move, and how many of them at once. */
export const annealingMoves = {
  chainsAtOnce: 500,
  stepSize: 0.1,
  leapfrogSteps: 5,
  jitter: TRAJECTORY_JITTER,
  targetAcceptance: 0.8,
} as const
