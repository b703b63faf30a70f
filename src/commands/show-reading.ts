/** The progress bar of images that are read before anything is computed with them. */
import type { OnReading, ReadingStage } from '../data/progress.js'
import type { ProgressBar } from './progress-bar.js'

const texts: Readonly<Record<ReadingStage, string>> = {
  headers: 'headers of pictures, once for all runs',
  decoded: 'decoded, once for all runs',
  hashed: 'hashed (SHA-256)',
  looked: 'looked at for warnings',
}

/** Shows on a bar how many images are done in each stage. */
export const showReading =
  (bar: ProgressBar): NonNullable<OnReading> =>
  (stage, done, of) =>
    bar.update(done, of, texts[stage], 'images')
