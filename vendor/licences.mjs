// The licences of bundled packages.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The licence of each package that these files belong to. @param {string} root @param {string[]} inputs relative to the root
 * @param {string} folder what holds the bundles
 */
export function licences(root, inputs, folder) {
  const folders = new Set(inputs.map(path => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? ''))
  const texts = [...folders]
    .filter(Boolean)
    .sort()
    .map(folder => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
      const files = readdirSync(join(root, folder)).filter(entry => /^licen[cs]e/i.test(entry))
      const own = files.length > 0 ? files.map(file => join(root, folder, file)) : [join(root, 'vendor/apache-2.0.txt')]
      const text = own.map(file => readFileSync(file, 'utf8')).join('\n')
      return `${name} ${version} (${license})\n\n${text.trim()}\n`
    })
  return `${folder} holds code of these packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`
}
