/** Chromium's software Vulkan, SwiftShader, so that WebGPU can be tested on Linux without a GPU. */
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const MANIFEST = 'vk_swiftshader_icd.json'

/** Where Debian's Chromium, Google's Chrome and Playwright keep it. */
function folders(): string[] {
  const playwright = process.env.PLAYWRIGHT_BROWSERS_PATH ?? join(homedir(), '.cache', 'ms-playwright')
  const browsers = existsSync(playwright) ? readdirSync(playwright).map(name => join(playwright, name)) : []
  return [
    '/usr/lib/chromium',
    '/opt/google/chrome',
    ...browsers.flatMap(browser => ['chrome-linux', 'chrome-linux64'].map(folder => join(browser, folder))),
  ]
}

/**
 * Environment that adds it to the Vulkan drivers of the machine, by the loader's own variable, which yields to VK_DRIVER_FILES. Empty
 * where there is none.
 */
export function withSoftwareVulkan(): Record<string, string> {
  const found = folders()
    .map(folder => join(folder, MANIFEST))
    .find(path => existsSync(path))
  return found === undefined || process.env.VK_ADD_DRIVER_FILES ? {} : { VK_ADD_DRIVER_FILES: found }
}
