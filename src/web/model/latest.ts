/** Work for the latest of many requests. */

/** Runs `work` one request after another; while one runs, only the latest of the others is kept. Errors go to `fail`. */
export function latest<T>(work: (request: T) => Promise<void>, fail: (error: Error) => void): (request: T) => void {
  let wanted: { request: T } | undefined
  let isBusy = false
  const run = async () => {
    isBusy = true
    try {
      while (wanted !== undefined) {
        const { request } = wanted
        wanted = undefined
        await work(request)
      }
    } catch (error) {
      fail(error as Error)
    } finally {
      isBusy = false
    }
  }
  return request => {
    wanted = { request }
    if (!isBusy) void run()
  }
}
