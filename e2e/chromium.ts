/**
 * Finds a Chromium for the browser tests, or installs one: an explicit path, the system's, Playwright's own,
 * then Debian's package (with the Vulkan loader, by which Node finds its software WebGPU) or Playwright's download. Says
 * what to do where none of that works.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium } from '@playwright/test';

/** As a headless Chromium has to be told to give a WebGPU adapter without a GPU. */
const softwareAdapter = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader'];
/** As it has to be told to give the machine's own, by Vulkan on Linux, without a display too. */
const ownAdapter = [
  '--enable-unsafe-webgpu',
  '--ignore-gpu-blocklist',
  ...(process.platform === 'linux'
    ? ['--enable-features=Vulkan', '--use-angle=vulkan', '--disable-vulkan-surface']
    : []),
];

/** Chromium's flags of the WebGPU adapter: the machine's own where `VDMINI_GPU` is set, else the software one. */
export const adapterFlags = (ownGpu: boolean = process.env['VDMINI_GPU'] === '1'): readonly string[] =>
  ownGpu ? ownAdapter : softwareAdapter;

const systemPaths = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** The path of an installed Chromium, or null. */
export function findChromium(): string | null {
  const named = process.env['CHROMIUM_PATH'];
  if (named) {
    if (existsSync(named)) return named;
    throw new Error(`CHROMIUM_PATH is set to ${named}, but there is no such file.`);
  }
  return [...systemPaths, chromium.executablePath()].find((path) => path !== '' && existsSync(path)) ?? null;
}

/** Finds or installs Chromium; throws an Error that tells a person what to do. */
export function ensureChromium(): string {
  const found = findChromium();
  if (found) return found;
  const attempts: readonly (readonly string[])[] = [
    ...(process.platform === 'linux' && process.getuid?.() === 0
      ? [
          [
            'sh',
            '-c',
            'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium libvulkan1',
          ],
        ]
      : []),
    ['npx', 'playwright', 'install', 'chromium'],
  ];
  for (const [command, ...args] of attempts) {
    try {
      execFileSync(command!, args, { stdio: 'inherit', timeout: 600_000 });
    } catch {
      continue; // the next way, and the error below when none is left
    }
    const installed = findChromium();
    if (installed) return installed;
  }
  throw new Error(
    'The browser tests need Chromium and none was found or could be installed. Install it (Debian and Ubuntu: ' +
      '"sudo apt install chromium"; elsewhere: "npx playwright install chromium"), or set CHROMIUM_PATH to a ' +
      'Chrome or Chromium executable, then run "npm test" again.',
  );
}
