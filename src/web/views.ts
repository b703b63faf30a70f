/** The list of views, in the order of the tabs. */
import { mixtures } from './mixtures/view.js'
import { runs } from './runs/view.js'
import { text } from './text.js'
import type { View } from './view.js'

export const views: readonly View[] = [runs, text, mixtures]
