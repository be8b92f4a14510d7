// Servers and browsers for the tests, and what must hold on every page.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const AXIS = process.env.AXIS ?? 'axis';
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Longer than anything here takes on a slow machine, in milliseconds. */
export const PATIENCE = 30_000;

/** A directory with the configuration of the demonstration and its data, and a server when asked for. */
export class Project {
  #children = [];

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'axis-ui-'));
    this.demo = join(this.directory, 'demo');
    this.customDir = join(this.demo, 'custom');
  }

  /** Makes the demonstration's data, and changes files of its configuration. */
  prepare(rows, files = {}) {
    const made = spawnSync(AXIS, ['demo', '--once', '--rows', String(rows), '--dir', this.demo], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    mkdirSync(join(this.customDir, 'config/datasets'), { recursive: true });
    const duckdb = join(this.customDir, 'config/duckdb.yaml');
    writeFileSync(duckdb, readFileSync(duckdb, 'utf8').replace('sync_mode: startup', 'sync_mode: manual'));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(
        join(this.customDir, 'config', name),
        text.replaceAll('SOURCE', `sqlite:${join(this.demo, 'source.db')}`),
      );
    }
    return this;
  }

  serve() {
    return this.#start(['--custom-dir', this.customDir, 'serve', '--port', '0'], /listening on (http:\S+)/);
  }

  /** The demonstration as people start it. */
  live(rows) {
    return this.#start(['demo', '--port', '0', '--rows', String(rows), '--dir', this.demo], /Serving on (http:[^;]+);/);
  }

  async #start(args, address) {
    const child = spawn(AXIS, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    this.#children.push({ child, ended });
    let said = '';
    return new Promise((resolve, reject) => {
      const read = (chunk) => {
        said += chunk;
        const found = address.exec(said);
        if (found) resolve(found[1]);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      ended.then((code) => reject(new Error(`axis ended with ${code}: ${said}`)));
    });
  }

  async end() {
    for (const { child, ended } of this.#children) {
      child.kill('SIGINT');
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function browser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/**
 * Opens a page that watches itself. `expected` are statuses that the test provokes: the browser writes a line about each.
 */
export async function open(browser, url, { path = '/ui/', expected = [], ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1360, height: 900 },
    colorScheme: 'light',
    // Colours that are on their way from one to another are no contrast.
    reducedMotion: 'reduce',
    locale: 'en-US',
    ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`error: ${error.stack}`));
  page.on('console', (message) => {
    const harmless = expected.some((status) => message.text().includes(`status of ${status}`));
    if (['error', 'warning'].includes(message.type()) && !harmless) wrong.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (['http:', 'https:', 'ws:', 'wss:'].includes(to.protocol) && to.origin !== url)
      wrong.push(`request to ${request.url()}`);
  });
  await page.addInitScript(() => {
    globalThis.violations = [];
    addEventListener('securitypolicyviolation', (event) =>
      globalThis.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`),
    );
  });
  await page.goto(url + path);
  return {
    page,
    /** Ends the page; nothing may have been wrong with it. */
    async close() {
      wrong.push(...(await page.evaluate(() => globalThis.violations)).map((violation) => `policy: ${violation}`));
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** What keeps people from using the page: contrast, names, roles, order. */
export async function barriers(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

/** By how many pixels the page is wider than the window. */
export function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Waits until `read` answers what `accept` wants, and returns it. */
export async function until(read, accept, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await read();
    if (accept(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Every page by its name, with an element that is there when the page has what it shows. */
export const PAGES = {
  overview: ['/ui/', '.card[data-dataset=kpi] .facts'],
  monitoring: ['/ui/monitoring', '.insights li'],
  kpi: ['/ui/kpi', '.kpi-card svg'],
  signals: ['/ui/signals', '.bar-list li'],
  data: ['/ui/data', '.table tbody tr'],
  sql: ['/ui/sql', '.relation'],
};
