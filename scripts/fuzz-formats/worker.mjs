// Opens sources that fuzz-formats.mjs names, one after the other, and says what came of each: how many levels, or the message of the refusal.
import { asTheyAre } from '../../dist/data/dataset.js'
import { levelsOf } from '../../dist/data/images.js'
import { openSource } from '../../dist/data/sources/open-source.js'

/** Levels that are read at once. */
const PIECE = 2 ** 22

async function read(source, options) {
  const { parts } = await openSource(source, { ...asTheyAre, ...options })
  let levels = 0
  for (const part of Object.values(parts)) {
    const piece = Math.max(1, Math.floor(PIECE / (part.rows * part.columns * part.channels)))
    for (let from = 0; from < part.count; from += piece) levels += levelsOf(part, from, from + piece).length
  }
  return { levels }
}

process.on('message', async ({ source, options }) => {
  const outcome = await read(source, options).catch(error => ({ name: error.name, message: String(error.message) }))
  process.send({ ...outcome, peak: process.resourceUsage().maxRSS / 1024 })
})
