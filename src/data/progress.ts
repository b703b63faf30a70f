/** What the reading of images is at, for those who wait: it can take minutes before the first step. */

/** The `headers` of pictures are read, images are `decoded`, all levels are `hashed`, all images are `looked` at. */
export type ReadingStage = 'headers' | 'decoded' | 'hashed' | 'looked'

/** Called after each piece with the number of images that are done in this stage. */
export type OnReading = ((stage: ReadingStage, done: number, of: number) => void) | undefined
