/** What to say of errors of a process that has too many open files: most of them do not tell the limit, and some name another cause. */

/** So many suffice for everything; loading the program needs more than 128, because Node reads all modules at once. */
const ENOUGH = 1024

/** The cause and the remedy in one line if there are too many open files; undefined if the error is another one. */
export function tooManyFiles({ code, message }: NodeJS.ErrnoException): string | undefined {
  const isThat = code === 'EMFILE' || code === 'ENFILE' || /EMFILE|too many open files/i.test(message)
  return isThat ? describeLimit() : undefined
}

/** The same for a package that is not found: Node says this too if it cannot open the package's files. Undefined if the limit is high. */
export function mayLackFiles({ code = '' }: NodeJS.ErrnoException): string | undefined {
  const limit = filesLimit()
  const isLow = limit !== undefined && limit < ENOUGH / 4
  return isLow && /MODULE_NOT_FOUND|INVALID_PACKAGE/.test(code) ? describeLimit() : undefined
}

function describeLimit(): string {
  const limit = filesLimit()
  const current = limit === undefined ? '' : `ulimit -n is ${limit}; `
  return `too many open files: ${current}run \`ulimit -n ${ENOUGH}\` first`
}

/** The number of files that this process may have open; undefined if there is no limit, or none that Node knows. */
function filesLimit(): number | undefined {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }
  const limit = Number(userLimits?.open_files?.soft)
  return Number.isFinite(limit) ? limit : undefined
}
