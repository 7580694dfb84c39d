import { defineConfig } from '@playwright/test';
import { adapterFlags, ensureChromium } from './e2e/chromium';

/** Browser tests run on the built page (`vite build` first), served as a static folder. */
export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  timeout: 240_000,
  expect: { timeout: 60_000 },
  workers: 1,
  // A test that needs it is listed as flaky, with the report of its failure, and counted in the last line.
  retries: 1,
  fullyParallel: false,
  reporter: [['list'], ['json', { outputFile: 'test-results/playwright.json' }]],
  use: {
    baseURL: 'http://localhost:4374',
    viewport: { width: 1440, height: 900 },
    screenshot: 'only-on-failure',
    // Requests that a service worker answers cannot be routed; the tests that are about it allow it.
    serviceWorkers: 'block',
    launchOptions: {
      executablePath: ensureChromium(),
      args: [
        ...adapterFlags(),
        '--no-sandbox',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  webServer: {
    command: 'npx vite preview --port 4374 --strictPort',
    url: 'http://localhost:4374',
    timeout: 60_000,
    reuseExistingServer: false,
  },
});
