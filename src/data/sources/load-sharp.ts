/** sharp (libvips), loaded when a picture is first decoded or resized: that takes a tenth of a second, which other images need not wait for. */

let loading: Promise<typeof import('sharp').default> | undefined

/** sharp, with one thread for each picture and no cache. */
export async function loadSharp() {
  loading ??= import('sharp').then(({ default: sharp }) => {
    // Many small pictures at a time are faster than many threads on each; a cache by file name would return what a file was before.
    sharp.concurrency(1)
    sharp.cache(false)
    return sharp
  })
  return loading
}
