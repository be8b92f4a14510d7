// Keys, roles and limits, as a reader meets them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, open, Project } from './support.mjs';

const READ = 'reading-key-0123456789';
const project = new Project();
const limited = new Project();
let url;
let limitedUrl;
let chromium;

before(async () => {
  chromium = await browser();
  project.prepare(30, { 'server.yaml': `server:\n  api_keys:\n  - {name: reader, key: ${READ}, role: read}\n` });
  limited.prepare(30, {
    'server.yaml': 'server:\n  rate_limit: {requests_per_minute: 1, burst: 3}\n',
  });
  url = await project.serve();
  limitedUrl = await limited.serve();
});

after(async () => {
  await chromium?.close();
  await project.end();
  await limited.end();
});

test('a wrong key is refused, a right one opens the page, and a reload forgets it', async () => {
  const { page, close } = await open(chromium, url, { expected: [401] });
  const field = page.getByLabel('API key', { exact: true });
  await field.fill('wrong-key-0123456789');
  await field.press('Enter');
  await page.locator('.field-problem', { hasText: 'does not know this key' }).waitFor();
  await field.fill(READ);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForSelector('.card[data-dataset=kpi]');
  await page.locator('.connection.live').waitFor();
  const kept = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
  );
  assert.ok(!kept.includes(READ), kept);
  await page.reload();
  await field.waitFor();
  await page.keyboard.press('Escape');
  const problem = page.locator('.problem', { hasText: 'A key is needed' });
  await problem.waitFor();
  await problem.getByRole('button', { name: 'Enter a key' }).click();
  await field.fill(READ);
  await field.press('Enter');
  await page.waitForSelector('.card[data-dataset=kpi]');
  await page.locator('.connection.live').waitFor();
  await close();
});

test('a key that may only read is told so', async () => {
  const { page, close } = await open(chromium, url, { expected: [401, 403] });
  await page.getByLabel('API key', { exact: true }).fill(READ);
  await page.keyboard.press('Enter');
  await page.locator('.card[data-dataset=kpi]').getByRole('button', { name: 'Sync' }).click();
  const toast = page.locator('.toast.bad');
  await toast.waitFor();
  assert.match(await toast.innerText(), /The key is not enough: .*`sync`/);
  assert.match(await toast.innerText(), /AXIS_FORBIDDEN/);
  await close();
});

test('a server that wants fewer requests is told so, with the time to wait', async () => {
  const { page, close } = await open(chromium, limitedUrl, { path: '/ui/monitoring', expected: [429] });
  const problem = page.locator('.problem', { hasText: 'Too many requests' }).first();
  await problem.waitFor();
  assert.match(await problem.innerText(), /asked again in \d+ s/);
  assert.match(await problem.innerText(), /AXIS_RATE_LIMITED/);
  await close();
});
