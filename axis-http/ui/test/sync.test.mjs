// Syncs as they are seen in the page: progress, commit, cancel, failure.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { barriers, browser, open, Project, until } from './support.mjs';

const counting = (rows) =>
  `with recursive c(i) as (select 1 union all select i + 1 from c where i < ${rows}) select i as id from c`;
const project = new Project();
let url;
let chromium;

before(async () => {
  chromium = await browser();
  project.prepare(30, {
    'theme.yaml': 'theme:\n  active: sage_green\n  branding: {app_name: Wattle}\n',
    'datasets/brief.yaml': `brief:\n  url: SOURCE\n  query: ${counting(150_000)}\n`,
    'datasets/endless.yaml': `endless:\n  url: SOURCE\n  query: ${counting(2_000_000_000)}\n`,
    'duckdb.yaml':
      'duckdb:\n  path: data/demo.duckdb\n  sync_mode: manual\n  scheduler: true\n  backup: {directory: data/blocked/backups}\n',
    'datasets/broken.yaml': 'broken:\n  url: "sqlite:/nowhere/source.db"\n  query: select 1 as id\n',
  });
  // No folder can be made where a file is.
  writeFileSync(join(project.demo, 'data/blocked'), '');
  url = await project.serve();
});

after(async () => {
  await chromium?.close();
  await project.end();
});

test('a sync is seen while it runs, and when it has committed', async () => {
  const { page, close } = await open(chromium, url);
  const card = page.locator('.card[data-dataset=brief]');
  await card.getByText('Not synced').waitFor();
  await card.getByRole('button', { name: 'Sync' }).click();
  await card.getByRole('progressbar').waitFor();
  await card.locator('.badge', { hasText: 'Syncing' }).waitFor();
  await card.locator('.badge', { hasText: 'Fresh' }).waitFor();
  await card.getByText('150,000', { exact: true }).waitFor();
  // The second time it is known how much there is.
  await card.getByRole('button', { name: 'Full rebuild' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Full rebuild' }).click();
  await card.locator('.progress-text', { hasText: 'of about 150K rows' }).waitFor();
  await card.locator('.badge', { hasText: 'Fresh' }).waitFor();
  await until(
    () => card.locator('.facts').innerText(),
    (facts) => /Generation\s+2/.test(facts),
    'the second generation',
  );
  assert.equal(await card.locator('.runs-list li').count(), 2);
  const why = await card.locator('.runs-why').allInnerTexts();
  assert.match(why[0], /a full rebuild was asked for|no incremental column is configured/);
  assert.equal(why[1], 'it was the first sync');
  assert.match(await card.innerText(), /Full: (?:a full rebuild was asked for|no incremental column is configured)/);
  await close();
});

test('a sync is cancelled', async () => {
  const { page, close } = await open(chromium, url);
  const card = page.locator('.card[data-dataset=endless]');
  await card.getByRole('button', { name: 'Sync' }).click();
  await card.locator('.progress-text', { hasText: /[\d,]{5,} rows/ }).waitFor();
  await card.getByRole('button', { name: 'Cancel' }).click();
  await card.locator('.runs-list .dot.cancelled').waitFor();
  await card.getByRole('button', { name: 'Sync' }).waitFor();
  await close();
});

test('a source that is not there is told in plain words', async () => {
  const { page, close } = await open(chromium, url);
  const card = page.locator('.card[data-dataset=broken]');
  await card.getByRole('button', { name: 'Sync' }).click();
  const failure = card.locator('.failure');
  await failure.waitFor();
  assert.match(await failure.innerText(), /The source cannot be reached/);
  assert.match(await failure.innerText(), /AXIS_SOURCE_UNAVAILABLE/);
  await card.locator('.badge', { hasText: 'Failed' }).waitFor();
  await page.locator('.summary.bad').waitFor();
  await close();
});

test('backups are told, and when they fail', async () => {
  const { page, close } = await open(chromium, url);
  const failure = page.locator('.page > .failure');
  await until(
    async () => {
      await page.reload();
      await page.locator('.summary-facts', { hasText: /last backup\s+never/ }).waitFor();
      return failure.count();
    },
    (shown) => shown === 1,
    'the failed backup',
  );
  assert.match(await failure.innerText(), /The last backup failed[\s\S]*AXIS_STORE/);
  await close();
});

test('watermarks are reset after a question', async () => {
  const { page, close } = await open(chromium, url);
  const card = page.locator('.card[data-dataset=kpi]');
  await card.getByRole('button', { name: 'Reset watermarks' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Keep as it is' }).click();
  const marks = async () => {
    const { datasets } = await (await fetch(`${url}/api/store/datasets`)).json();
    return datasets.find((one) => one.dataset === 'kpi').watermarks.kpi_data;
  };
  assert.notEqual(await marks(), null);
  await card.getByRole('button', { name: 'Reset watermarks' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Reset watermarks' }).click();
  await page.locator('.toast.good').waitFor();
  assert.equal(await marks(), null);
  await card.getByText('Read up to the beginning').waitFor();
  await close();
});

test('name and colours are those of the theme, where they can be read', async () => {
  const { page, close } = await open(chromium, url);
  await page.locator('.brand', { hasText: 'Wattle' }).waitFor();
  await page.waitForFunction(() => document.title === 'Overview · Wattle');
  await page.waitForSelector('.card .button.primary');
  const primary = () =>
    page.evaluate(() => getComputedStyle(document.querySelector('.card .button.primary')).backgroundColor);
  await until(primary, (colour) => colour === 'rgb(107, 122, 58)', 'the darker green');
  assert.deepEqual(await barriers(page), []);
  await close();
});
