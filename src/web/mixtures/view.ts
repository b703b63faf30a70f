/** Mixtures and factor analysis: components, responsibilities, half steps. */
import { element } from '../dom.js'
import type { View } from '../view.js'

export const mixtures: View = {
  id: 'mixtures',
  title: 'Mixtures',
  mount(root) {
    root.append(element('p', { class: 'notice' }, 'Not built yet.'))
    return () => {}
  },
}
