// TF_Status, through which TensorFlow's C API reports failure, and the Error that is thrown for it.
import { type CApi, required, type Status } from './c-api.js'

/** The names of TF_Code, in order (tensorflow/c/tf_status.h). */
const CODES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** An error of TensorFlow: `where` (an op's name, a path), TensorFlow's own text, and its `code` by name. */
export class TensorFlowError extends Error {
  override readonly name = 'TensorFlowError'
  readonly code: string

  constructor(where: string, text: string, code: string) {
    super(`${where}: ${text} (${code})`)
    this.code = code
  }
}

const OF_OTHERS: ReadonlySet<string> = new Set(['CANCELLED', 'DEADLINE_EXCEEDED', 'ABORTED', 'UNAVAILABLE'])

/** Whether an operation failed because of another worker of the cluster, which is gone or does not answer. */
export const isOfAnotherWorker = (error: unknown): boolean =>
  error instanceof TensorFlowError && (OF_OTHERS.has(error.code) || error.message.includes('Collective ops is aborted'))

/** A status that is OK, which the caller deletes. */
export function newStatus(api: CApi): Status {
  return required(api.TF_NewStatus(), 'TF_NewStatus')
}

/** Throws a TensorFlowError about `where` unless `status` is OK. */
export function check(api: CApi, status: Status, where: string): void {
  const code = api.TF_GetCode(status)
  if (code !== 0) throw new TensorFlowError(where, api.TF_Message(status) ?? '', CODES[code] ?? `code ${code}`)
}

/** Returns what a call returned beside `status`; throws an Error about `where` if the status is not OK, or if that is NULL. */
export function checked<T>(api: CApi, status: Status, where: string, returned: T | null): T {
  check(api, status, where)
  return required(returned, where)
}
