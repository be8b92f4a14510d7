/** What was asked in this tab, newest first. Kept for the session; no key and no answer is kept. */

import { signal } from '@preact/signals';
import { count, duration } from '../../lib/format';
import { Ago } from '../../ui/layout';
import { Icon } from '../../ui/icons';

interface Entry {
  sql: string;
  at: number;
  rows: number | null;
  elapsed: number | null;
  failed: boolean;
}

const NAME = 'axis-sql-history';
const MOST = 30;

function stored(): Entry[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(NAME) ?? '[]');
    return Array.isArray(found) ? (found as Entry[]).filter((entry) => typeof entry.sql === 'string') : [];
  } catch {
    return [];
  }
}

const entries = signal<Entry[]>(stored());

export function recall(): Entry[] {
  return entries.peek();
}

export function remember(entry: Entry): void {
  entries.value = [entry, ...entries.value.filter((one) => one.sql !== entry.sql)].slice(0, MOST);
  sessionStorage.setItem(NAME, JSON.stringify(entries.value));
}

export function History({ onChoose }: { onChoose: (sql: string) => void }) {
  return (
    <section aria-label="History">
      <h2>
        <Icon name="history" /> History
      </h2>
      {entries.value.length === 0 && <p class="dim small">What you run is listed here until you close the tab.</p>}
      <ol class="history">
        {entries.value.map((entry) => (
          <li key={entry.sql}>
            <button type="button" onClick={() => onChoose(entry.sql)} title={entry.sql}>
              <code>{entry.sql.replace(/\s+/g, ' ')}</code>
              <span class="dim small num">
                {entry.failed ? 'failed' : `${count(entry.rows)} rows, ${duration(entry.elapsed)}`} ·{' '}
                <Ago at={new Date(entry.at)} />
              </span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
