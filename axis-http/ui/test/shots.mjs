// Pictures: the two of the README, or one of every page in a directory.

import { fileURLToPath } from 'node:url';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { browser, open, overflow, PAGES, Project } from './support.mjs';

const [directory] = process.argv.slice(2);
const project = new Project();
const chromium = await browser();
try {
  const url = await project.live(5000);
  if (directory) await all(url, directory);
  else await readme(url);
} finally {
  await chromium.close();
  await project.end();
}

async function all(url, directory) {
  mkdirSync(directory, { recursive: true });
  const modes = {
    light: {},
    dark: { colorScheme: 'dark' },
    phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  };
  for (const [mode, options] of Object.entries(modes)) {
    for (const [name, [path, shown]] of Object.entries(PAGES)) {
      const { page, close } = await open(chromium, url, { path, ...options });
      await page.waitForSelector(shown);
      await page.waitForLoadState('domcontentloaded');
      await page.waitForTimeout(500);
      console.log(`${mode} ${name}: ${await overflow(page)} px too wide`);
      await page.screenshot({ path: join(directory, `${name}-${mode}.png`), fullPage: true });
      await close();
    }
  }
}

async function readme(url) {
  const images = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
  mkdirSync(images, { recursive: true });
  for (const [name, colorScheme] of [
    ['overview', 'light'],
    ['monitoring', 'dark'],
  ]) {
    const [path, shown] = PAGES[name];
    const { page, close } = await open(chromium, url, { path, colorScheme, viewport: { width: 1280, height: 860 } });
    await page.waitForSelector(shown);
    // A few rounds of the demonstration, so that there are runs to see.
    await page.waitForTimeout(name === 'overview' ? 70_000 : 1000);
    await page.screenshot({ path: join(images, `${name}.png`) });
    await close();
  }
}
