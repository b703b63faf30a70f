// Errors of the set-up, in words for the user.

/** Thrown when a step cannot be done on this machine as it is: a reason and a fix, of one line each. */
export class Refusal extends Error {
  /**
   * @param {string} reason
   * @param {string} fix
   * @param {boolean} isFinal trying again is in vain
   */
  constructor(reason, fix, isFinal = false) {
    super(`${reason}; ${fix}`)
    this.reason = reason
    this.fix = fix
    this.isFinal = isFinal
  }
}

/** The code of an error of the operating system or of zlib, such as ENOENT; empty for other errors. @param {unknown} error */
export function errorCode(error) {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** @param {unknown} error */
export function errorText(error) {
  return error instanceof Error ? error.message : String(error)
}
