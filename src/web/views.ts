/** The list of views, in the order of the tabs. */
import { dimensions } from './dimensions/view.js'
import { extremes } from './extremes/view.js'
import { mixtures } from './mixtures/view.js'
import { plane } from './plane/view.js'
import { posterior } from './posterior/view.js'
import { runs } from './runs/view.js'
import { text } from './text.js'
import type { View } from './view.js'

export const views: readonly View[] = [runs, plane, posterior, dimensions, extremes, text, mixtures]
