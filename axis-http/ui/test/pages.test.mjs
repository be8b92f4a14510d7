// Every page with the data of the demonstration: what it shows, what can be done with it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { barriers, browser, open, Project, until } from './support.mjs';

const project = new Project();
let url;
let chromium;

before(async () => {
  chromium = await browser();
  url = await project.prepare(400).serve();
});

after(async () => {
  await chromium?.close();
  await project.end();
});

const text = (page, selector) => page.locator(selector).first().innerText();

test('the overview tells the state of four datasets', async () => {
  const { page, close } = await open(chromium, url);
  await page.waitForSelector('.summary.good');
  assert.match(await text(page, '.summary'), /All 4 datasets are up to date/);
  const api = await (await fetch(`${url}/api/store/datasets`)).json();
  assert.equal(api.datasets.filter((one) => one.enabled).length, 4);
  for (const { dataset, rows } of api.datasets) {
    const card = await text(page, `.card[data-dataset=${dataset}]`);
    assert.match(card, /Fresh/);
    assert.match(card, /Fresh as of\s+(?:just now|\d+ \w+ ago)/);
    assert.ok(card.includes(rows.toLocaleString('en-US')), card);
    assert.match(card, /Full: it was the first sync/);
    assert.match(card, /full\s+[\d,]+ rows\s+[\d,.]+ m?s/);
    assert.match(card, /Read up to/);
  }
  await page.click('.card[data-dataset=monitoring] .watermarks summary');
  assert.match(await text(page, '.card[data-dataset=monitoring] .watermarks'), /monitoring_results/);
  await page.waitForSelector('.headlines .stat');
  assert.match(await text(page, '.headlines'), /Average score/i);
  await close();
});

test('monitoring shows everything, and its filters are in the address', async () => {
  const { page, close } = await open(chromium, url, { path: '/ui/monitoring' });
  for (const shown of [
    '.stats .stat',
    '.chart canvas',
    '.breakdown tbody tr',
    '.histogram-plot span',
    '.spread-plot',
    '.matrix td.num',
    '.bar-list li',
    '.columns .column',
    '.insights li',
  ]) {
    await page.waitForSelector(shown);
  }
  const records = () => text(page, '.stats .stat:first-child .stat-value');
  const all = await records();
  await page.getByLabel('Source', { exact: true }).selectOption('policy-search');
  await page.getByLabel('Group by').selectOption('environment');
  await page.getByText('7 d', { exact: true }).click();
  await page.waitForSelector('.breakdown tr.inner');
  const since = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const asked = `${url}/api/monitoring/analytics/summary?source_name=policy-search&time_start=${since}`;
  const fewer = String((await (await fetch(asked)).json()).kpis.records);
  assert.notEqual(fewer, all);
  await until(records, (now) => now === fewer, 'the filters');
  const address = new URL(page.url());
  assert.equal(address.search, '?group_by=environment&range=7d&source_name=policy-search');
  assert.match(await text(page, '.legend'), /good\s+0\.850/, 'the threshold of the source');
  // The same address shows the same.
  await page.reload();
  await until(records, (now) => now === fewer, 'the reloaded page');
  assert.equal(await page.getByLabel('Source', { exact: true }).inputValue(), 'policy-search');
  await page.goBack();
  await page.goBack();
  await page.getByText('Clear').click();
  await until(records, (now) => now === all, 'without filters');
  await close();
});

test('scores are spread by what is chosen, and compared metric by metric', async () => {
  const { page, close } = await open(chromium, url, { path: '/ui/monitoring?environment=production' });
  const ask = async (question) => (await fetch(`${url}/api/monitoring/analytics/${question}`)).json();
  const names = () => page.locator('.spread b').allInnerTexts();
  const counts = async () =>
    (await page.locator('.spread figcaption span').allInnerTexts()).map((one) => +one.replaceAll(',', ''));
  await page.waitForSelector('.spread');
  assert.deepEqual(await names(), ['Answer relevancy', 'Faithfulness', 'Helpfulness']);
  await page.getByLabel('Spread by').selectOption('source_name');
  const { data } = await ask('class-distribution?environment=production&metric=metric_score&group_by=source_name');
  await until(names, (now) => now.join() === data.map((one) => one.group).join(), 'the sources');
  assert.deepEqual(
    await counts(),
    data.map((one) => one.stats.count),
  );
  assert.match(page.url(), /spread_by=source_name/);
  const bars = await page
    .locator('.spread')
    .first()
    .locator('.spread-plot span')
    .evaluateAll((all) => all.map((one) => Number(/([\d.]+)%$/.exec(one.title)[1])));
  const sum = bars.reduce((total, one) => total + one, 0);
  assert.ok(Math.abs(sum - 100) < 1.1, `the bars are ${sum}%`);

  const { metrics, matrix } = await ask(
    'correlation?environment=production&metrics=answer_relevancy,faithfulness,helpfulness',
  );
  const table = page.getByRole('table').filter({ has: page.locator('td.own') });
  const rows = await table.locator('tbody tr').evaluateAll((all) => all.map((row) => row.innerText.split(/\s*\t\s*/)));
  assert.deepEqual(
    rows.map(([, ...cells]) => cells),
    matrix.map((row) => row.map((value) => value.toFixed(2).replace('-0.00', '-0'))),
  );
  assert.equal(rows.length, metrics.length);
  await table.getByRole('columnheader', { name: 'Faithfulness' }).waitFor();
  await table.getByRole('rowheader', { name: 'Faithfulness' }).waitFor();
  // One metric goes with nothing, so its filter does not count here.
  await page.getByLabel('Metric', { exact: true }).selectOption('faithfulness');
  await page.getByText('Of scores of the same trace, for all metrics').waitFor();
  assert.equal(await table.locator('tbody tr').count(), metrics.length);
  assert.deepEqual(await barriers(page), []);
  await page.goto(`${url}/ui/monitoring?time_start=2100-01-01`);
  await page.locator('.panel', { hasText: 'Distribution of scores' }).getByText('No scores match').waitFor();
  await page.locator('.panel', { hasText: 'Correlation' }).getByText('Nothing to compare').waitFor();
  await close();
});

test('kpis are shown by category, and one of them large', async () => {
  const { page, close } = await open(chromium, url, { path: '/ui/kpi' });
  await page.waitForSelector('.kpi-card');
  const answer = await (await fetch(`${url}/api/kpi/categories`)).json();
  for (const { display_name, kpis } of answer.categories) {
    const section = page.locator('.kpi-category', { has: page.getByRole('heading', { name: display_name }) });
    assert.equal(await section.locator('.kpi-card').count(), kpis.length, display_name);
  }
  assert.match(await text(page, '.stacked'), /Solved\s+\d/);
  await page.getByRole('button', { name: /^Handle Time/ }).click();
  await page.waitForSelector('dialog canvas');
  assert.match(page.url(), /open=avg_handle_time/);
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.doesNotMatch(page.url(), /open=/);
  await close();
});

test('human signals follow the display configuration', async () => {
  const { page, close } = await open(chromium, url, { path: '/ui/signals' });
  const { display_config: display } = await (await fetch(`${url}/api/human-signals/metric-schema`)).json();
  await page.waitForSelector('.bar-list li');
  for (const { label } of display.kpi_strip) await page.locator('.stat-label', { hasText: label }).first().waitFor();
  for (const { charts } of display.chart_sections) {
    for (const { title } of charts) await page.getByRole('heading', { name: title, exact: true }).waitFor();
  }
  const cases = () => text(page, '.pager span');
  assert.match(await cases(), /of 240/);
  // What the page counts is what the cases say.
  const { data } = await (await fetch(`${url}/api/human-signals/cases?page_size=500`)).json();
  const unresolved = data.filter((one) => one.outcome__resolution === 'unresolved').length;
  await page.getByLabel('Resolution').selectOption('unresolved');
  await until(cases, (now) => now.endsWith(`of ${unresolved}`), 'the filter');
  await page.locator('.table tbody tr').first().click();
  await page.waitForSelector('.conversation li');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await close();
});

test('data is searched, sorted, paged, and exported as it is filtered', async () => {
  const { page, close } = await open(chromium, url, { path: '/ui/data' });
  await page.waitForSelector('.table tbody tr');
  const total = () => text(page, '.pager span');
  const all = await total();
  await page.keyboard.press('/');
  await page.keyboard.type('refund');
  const found = await until(total, (now) => now !== all, 'the search');
  await page.getByLabel('Metric', { exact: true }).selectOption('faithfulness');
  await until(total, (now) => now !== found, 'the filter');
  await page.getByText('Columns').click();
  for (const name of await page.locator('.menu-body label:has(:checked) span:first-of-type').allInnerTexts()) {
    if (!['timestamp', 'metric_name', 'metric_score'].includes(name))
      await page.getByRole('checkbox', { name }).uncheck();
  }
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'metric_score' }).click();
  await page.waitForURL(/sort_by=metric_score/);
  await page.waitForSelector('th[aria-sort=descending] >> text=metric_score');
  const rows = Number((await total()).split(' of ')[1].replaceAll(',', ''));
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  const lines = (await readFile(await (await download).path(), 'utf8')).trimEnd().split('\r\n');
  assert.equal(lines[0], 'metric_name,metric_score,timestamp');
  assert.equal(lines.length - 1, rows);
  const scores = lines.slice(1).map((line) => line.split(',')[1]);
  assert.ok(lines.slice(1).every((line) => line.startsWith('faithfulness,')));
  assert.deepEqual(
    scores.map(Number),
    scores.map(Number).sort((a, b) => b - a),
  );
  // Other datasets, by the keys of tabs.
  await page.getByRole('tab', { name: 'Monitoring' }).focus();
  await page.keyboard.press('End');
  await page.waitForURL(/dataset=kpi$/);
  await page.locator('th', { hasText: 'kpi_name' }).waitFor();
  await page.getByRole('button', { name: 'Next page' }).click();
  await until(total, (now) => now.startsWith('51–100 of'), 'the second page');
  await page.locator('.table tbody tr').first().press('Enter');
  await page.waitForSelector('dialog .row-values');
  await close();
});

test('sql is run, drawn, remembered and cancelled', async () => {
  const { page, close } = await open(chromium, url, { path: '/ui/sql', expected: [400, 503] });
  const editor = page.getByLabel('SQL', { exact: true });
  await editor.fill(
    'select metric_name, avg(metric_score) as mean from monitoring_data where metric_score is not null group by 1 order by 1',
  );
  await editor.press('Control+Enter');
  await page.locator('td', { hasText: 'faithfulness' }).waitFor();
  await page.getByRole('tab', { name: 'Chart' }).click();
  await page.locator('.bar-list li', { hasText: 'faithfulness' }).waitFor();
  await editor.fill("select date_trunc('day', timestamp) as day, count(*) as n from monitoring_data group by 1");
  await editor.press('Control+Enter');
  await page.waitForSelector('.chart canvas');
  await editor.fill('select');
  await editor.press('Tab');
  assert.equal(await editor.inputValue(), 'select  ');
  await editor.fill('drop table monitoring_data');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.locator('.problem code', { hasText: 'AXIS_QUERY' }).waitFor();
  await editor.fill('select count(*) from range(1000000000000) where range % 7 = 3');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const running = async () => (await (await fetch(`${url}/api/query`)).json()).queries.length;
  await until(running, (now) => now === 1, 'the query');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.locator('.problem code', { hasText: 'AXIS_CANCELLED' }).waitFor();
  await until(running, (now) => now === 0, 'the cancelled query');
  assert.equal(await page.locator('.history li').count(), 4);
  await page.reload();
  assert.equal(await page.locator('.history li').count(), 4);
  await close();
});

test('the keyboard reaches everything', async () => {
  const { page, close } = await open(chromium, url);
  await page.waitForSelector('.card');
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Sync all');
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
  const rebuild = page.locator('.card[data-dataset=kpi]').getByRole('button', { name: 'Full rebuild' });
  await rebuild.focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.equal(await focused(), 'Full rebuild', 'the focus comes back');
  await page.keyboard.press('/');
  await page.waitForURL(/\/ui\/data/);
  await close();
});
