/** The files of dist/, without `.js`, that users import, by the name under which they do. */
export const ENTRIES = {
  elbo: 'index',
  'elbo/compile': 'entries/compile',
  'elbo/models': 'entries/models',
  'elbo/inference': 'entries/inference',
  'elbo/evaluation': 'entries/evaluation',
} as const
