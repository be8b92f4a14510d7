// How heavy the pages are, and how they are served.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { browser, open, Project } from './support.mjs';

const DIST = new URL('../dist/', import.meta.url);
/** All scripts together, compressed, in bytes. */
const MOST = 250_000;
const project = new Project();
let url;
let chromium;

before(async () => {
  chromium = await browser();
  url = await project.live(60);
});

after(async () => {
  await chromium?.close();
  await project.end();
});

test('the scripts are small', () => {
  const scripts = readdirSync(new URL('assets/', DIST)).filter((name) => name.endsWith('.js'));
  const bytes = scripts.map((name) => gzipSync(readFileSync(new URL(`assets/${name}`, DIST)), { level: 9 }).length);
  const total = bytes.reduce((sum, one) => sum + one, 0);
  console.log(`scripts: ${(total / 1000).toFixed(1)} kB compressed in ${scripts.length} files`);
  assert.ok(scripts.length > 1 && total <= MOST, `${total}`);
});

test('the demonstration is live, and painted at once', async () => {
  const { page, close } = await open(chromium, url);
  // Rows arrive, and are seen without a reload.
  const rows = () => page.locator('.card[data-dataset=monitoring] .facts dd').first().innerText();
  await page.waitForSelector('.card[data-dataset=monitoring] .facts');
  const first = await rows();
  await page.waitForFunction(
    (before) => document.querySelector('.card[data-dataset=monitoring] .facts dd')?.textContent !== before,
    first,
  );
  await page.reload();
  const paint = await page.evaluate(
    () =>
      new Promise((resolve) => {
        new PerformanceObserver((list) =>
          resolve(list.getEntriesByName('first-contentful-paint')[0]?.startTime),
        ).observe({ type: 'paint', buffered: true });
      }),
  );
  console.log(`first contentful paint: ${Math.round(paint)} ms`);
  assert.ok(paint > 0);
  await close();
});

test('browsers are led to the pages, and files are served for good', async () => {
  const html = await fetch(url, { headers: { Accept: 'text/html' }, redirect: 'manual' });
  assert.deepEqual([html.status, html.headers.get('location')], [303, 'ui/']);
  assert.equal((await (await fetch(url)).json()).status, 'healthy');
  const page = await fetch(`${url}/ui/kpi`);
  assert.match(page.headers.get('content-type'), /^text\/html/);
  assert.match(
    page.headers.get('content-security-policy'),
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  );
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  const again = await fetch(`${url}/ui/kpi`, { headers: { 'If-None-Match': page.headers.get('etag') } });
  assert.equal(again.status, 304);
  const script = /src="\.\/(assets\/[^"]+\.js)"/.exec(await page.text())[1];
  const bodies = [];
  for (const encoding of ['identity', 'gzip', 'br']) {
    const answer = await fetch(`${url}/ui/${script}`, { headers: { 'Accept-Encoding': encoding } });
    assert.equal(answer.headers.get('content-encoding'), encoding === 'identity' ? null : encoding);
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    bodies.push(await answer.text());
  }
  assert.ok(bodies[0].length > 10_000 && bodies.every((body) => body === bodies[0]));
  assert.equal((await fetch(`${url}/ui/assets/nothing.js`)).status, 404);
});
