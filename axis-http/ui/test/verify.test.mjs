// Comparisons with the source as they are seen in the page: equal, different, going on, cancelled, refused, impossible.

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { barriers, browser, open, overflow, Project } from './support.mjs';

const project = new Project();
const other = new Project();
const source = join(project.demo, 'source.db');
let url;
let chromium;

/** What belongs to a database of SQLite. */
const PARTS = ['', '-wal', '-shm'];

function removeSource() {
  for (const part of PARTS) rmSync(source + part, { force: true });
}

/** Another source takes the place of the first one: with 40 traces in place of 30. */
function exchange() {
  removeSource();
  for (const part of PARTS) {
    const file = join(other.demo, `source.db${part}`);
    if (existsSync(file)) copyFileSync(file, source + part);
  }
}

const traces = '(select count(*) from traces)';
/** So many rows; without end in the other source. */
const swelling = `with recursive c(i) as (select 1 union all select i + 1 from c where i < (select case when ${traces} > 30 then 2000000000 else 5 end)) select i as id from c`;

before(async () => {
  chromium = await browser();
  project.prepare(30, {
    'datasets/restless.yaml': 'restless:\n  url: SOURCE\n  query: select 1 as id, random() as luck\n',
    'datasets/swelling.yaml': `swelling:\n  url: SOURCE\n  query: ${swelling}\n`,
    'datasets/whole.yaml': 'whole:\n  url: SOURCE\n  query: select dataset_id from traces\n',
    'datasets/fresh.yaml': 'fresh:\n  url: SOURCE\n  query: select 1 as id\n',
  });
  other.prepare(40);
  url = await project.serve();
});

after(async () => {
  await chromium?.close();
  await project.end();
  await other.end();
});

const cards = (page) => (name) => page.locator(`.card[data-dataset=${name}]`);
const button = (card) => card.getByRole('button', { name: 'Verify', exact: true });

async function sync(card) {
  await card.getByRole('button', { name: 'Sync', exact: true }).click();
  await card.locator('.badge', { hasText: 'Fresh' }).waitFor();
}

test('a dataset that was never synced cannot be compared', async () => {
  const { page, close } = await open(chromium, url);
  const card = cards(page)('fresh');
  await card.getByText('Not synced').waitFor();
  assert.ok(await button(card).isDisabled());
  await close();
});

test('equal is said, by the keyboard as well', async () => {
  const { page, close } = await open(chromium, url);
  const card = cards(page)('kpi');
  await button(card).focus();
  await page.keyboard.press('Enter');
  const verdict = card.getByRole('region', { name: 'Comparison of KPI' });
  await verdict.getByText('Equal: the store has what the source has').waitFor();
  assert.match(await verdict.innerText(), /Compared with 2,880 rows of the source, which took [\d.]+ m?s/);
  // It stays when another page was looked at.
  await page.getByRole('link', { name: 'Data', exact: true }).click();
  await page.waitForSelector('.table');
  await page.getByRole('link', { name: 'Overview' }).click();
  await verdict.getByRole('button', { name: 'Close the comparison' }).press('Enter');
  await verdict.waitFor({ state: 'detached' });
  await close();
});

test('columns that differ are named', async () => {
  const { page, close } = await open(chromium, url);
  const card = cards(page)('restless');
  await sync(card);
  await button(card).click();
  const verdict = card.locator('.verdict.warn');
  await verdict.getByText('The store differs from the source').waitFor();
  assert.match(await verdict.innerText(), /restless: values differ in luck/);
  await close();
});

test('who did not ask is told the end of a comparison', async () => {
  const { page, close } = await open(chromium, url);
  await page.locator('.connection.live').waitFor();
  const answer = await fetch(`${url}/api/store/verify/eval`, { method: 'POST' });
  assert.equal((await answer.json()).report.equal, true);
  const verdict = cards(page)('eval').locator('.verdict.good');
  await verdict.getByText('It was compared elsewhere').waitFor();
  await close();
});

test('what differs is told by table, with what to do about it, on a phone', async () => {
  const { page, close } = await open(chromium, url, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
  const card = cards(page);
  await sync(card('swelling'));
  await sync(card('whole'));
  exchange();
  await button(card('monitoring')).click();
  const verdict = card('monitoring').locator('.verdict');
  await verdict.getByText('2 of 2 tables differ from the source').waitFor();
  assert.match(await verdict.innerText(), /monitoring_dataset: the store has 10 rows fewer: 30, the source 40/);
  assert.match(await verdict.innerText(), /since the last sync counts as a difference/);
  assert.equal(await overflow(page), 0);
  assert.deepEqual(await barriers(page), []);
  // An incremental sync does not see what is older than its window.
  await verdict.getByRole('button', { name: 'Sync and verify' }).click();
  await verdict.getByText('A full rebuild puts it right').waitFor();
  assert.equal(await verdict.getByRole('button', { name: 'Sync and verify' }).count(), 0);

  const whole = card('whole').locator('.verdict');
  await button(card('whole')).click();
  await whole.getByText('whole: the store has 10 rows fewer: 30, the source 40').waitFor();
  await whole.getByRole('button', { name: 'Sync and verify' }).click();
  await whole.getByText('Equal: the store has what the source has').waitFor();
  assert.match(await whole.innerText(), /Synced, then compared with 40 rows of the source/);
  await close();
});

test('a comparison is seen while it runs, refused to others, and cancelled', async () => {
  const { page, close } = await open(chromium, url, { expected: [409, 503] });
  const card = cards(page);
  // A page that hears of nothing asks for what is going on already.
  const deaf = await open(chromium, url, { expected: [409] });
  await deaf.page.route('**/api/store/events', () => {});
  await deaf.page.reload();
  await cards(deaf.page)('swelling').locator('.badge', { hasText: 'Fresh' }).waitFor();
  await button(card('swelling')).click();
  await card('swelling').locator('.badge', { hasText: 'Verifying' }).waitFor();
  await card('swelling').getByRole('progressbar', { name: 'Comparing with the source swelling' }).waitFor();
  await card('swelling')
    .locator('.progress-text', { hasText: /Comparing with the source · [\d,]{5,}/ })
    .waitFor();
  await button(cards(deaf.page)('swelling')).click();
  const refused = deaf.page.locator('.toast.bad');
  await refused.waitFor();
  assert.match(await refused.innerText(), /It is running already: .*AXIS_BUSY/s);
  await deaf.close();

  await card('swelling').getByRole('button', { name: 'Cancel' }).click();
  await page.locator('.toast', { hasText: 'The comparison of swelling was cancelled.' }).waitFor();
  await card('swelling').locator('.badge', { hasText: 'Fresh' }).waitFor();
  assert.equal(await card('swelling').locator('.verdict').count(), 0);
  await close();
});

test('a source that is gone is told in plain words', async () => {
  const { page, close } = await open(chromium, url, { expected: [502, 503] });
  const card = cards(page)('human_signals');
  await card.locator('.badge', { hasText: 'Fresh' }).waitFor();
  removeSource();
  await button(card).click();
  const verdict = card.locator('.verdict.bad');
  await verdict.getByText('It could not be compared. The source cannot be reached').waitFor();
  assert.match(await verdict.innerText(), /AXIS_SOURCE_UNAVAILABLE/);
  await close();
});
