/** Settings as a caller of the library gives them: by name, not as flags. */
import { UsageError } from '../settings/setting.js'

/** Runs `work`; the messages of its `UsageError`s name settings instead of flags, and begin with the function that was called. */
export function inWordsOfTheLibrary<T>(called: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw asLibraryError(called, error)
  }
}

/** A `UsageError` with settings in the place of flags; any other error as it is. */
export function asLibraryError(called: string, error: unknown): unknown {
  if (!(error instanceof UsageError)) return error
  const message = error.message.replaceAll(/--([a-z]+(?:-[a-z]+)*)/g, (_, flag: string) => camelCase(flag))
  return new Error(message.startsWith(`${called}:`) ? message : `${called}: ${message}`, { cause: error })
}

const camelCase = (flag: string): string => flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
