// Every page on a phone, light and dark, and whether everybody can use it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { barriers, browser, open, overflow, PAGES, Project, until } from './support.mjs';

const project = new Project();
let url;
let chromium;

before(async () => {
  chromium = await browser();
  url = await project.prepare(100).serve();
});

after(async () => {
  await chromium?.close();
  await project.end();
});

for (const [name, [path, shown]] of Object.entries(PAGES)) {
  test(`${name} fits a phone, and is dark where the system is`, async () => {
    const { page, close } = await open(chromium, url, {
      path,
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true,
      colorScheme: 'dark',
    });
    await page.waitForSelector(shown);
    assert.equal(await overflow(page), 0);
    const luminance = () => page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)[0]));
    assert.ok((await luminance()) < 60, 'dark');
    assert.deepEqual(await barriers(page), []);
    await page.getByRole('button', { name: /Colours as the system/ }).click();
    await until(luminance, (now) => now > 200, 'light by choice');
    assert.deepEqual(await barriers(page), []);
    await close();
  });
}
