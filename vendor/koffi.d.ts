// The types of koffi as src/ imports it (#koffi).
import * as koffi from './koffi-api.js'

export default koffi
export type { LibraryHandle } from './koffi-api.js'
