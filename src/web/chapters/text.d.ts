/** A chapter's text, rendered when the page is bundled: the HTML before, between and after its figures. */
declare module '*.md' {
  export const sections: readonly string[]
}
