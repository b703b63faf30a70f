/** The chapters of the text, in their order. */
import type { View } from '../view.js'
import { bound } from './bound.js'
import { em } from './em.js'
import { gradients } from './gradients.js'
import { meanField } from './mean-field.js'
import { monteCarlo } from './monte-carlo.js'
import { vae } from './vae.js'

export const chapters: readonly View[] = [bound, em, monteCarlo, meanField, gradients, vae]
