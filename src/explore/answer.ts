/** An answer to a request, and errors that have a status. */

export interface Answer {
  type: string
  body: Uint8Array | string
}

/** JSON has no NaN and no infinity: they are null. */
export const json = (value: unknown): Answer => ({ type: 'application/json', body: JSON.stringify(value) })

export const bytes = (body: Uint8Array): Answer => ({ type: 'application/octet-stream', body })

/** Why there is no answer, in one line. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

export const missing = (what: string): Refused => new Refused(404, what)
