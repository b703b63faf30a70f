/** Reference values computed by other programs: scripts/reference-*.py write them. */
import { readFileSync } from 'node:fs'

export const readReference = (name: 'chains' | 'factor-analysis' | 'mixtures') =>
  JSON.parse(readFileSync(new URL(`../reference/${name}.json`, import.meta.url), 'utf8'))
