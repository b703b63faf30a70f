/** The chapters of the text, in their order. */
import type { View } from '../view.js'

export const chapters: readonly View[] = []
