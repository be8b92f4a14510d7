/** What the last comparison of a dataset with its source has found. */

import type { ComponentChildren } from 'preact';
import { forget, type Verdict } from '../../core/verdicts';
import { datasetTitle, explain } from '../../lib/words';
import { verdict as said } from '../../lib/verdict';
import { Button } from '../../ui/controls';
import { Icon } from '../../ui/icons';
import { Ago } from '../../ui/layout';
import type { Dataset } from '../../core/types';

interface Props {
  dataset: Dataset;
  verdict: Verdict;
  /** Syncs and compares in one snapshot. */
  onSync: () => void;
}

export function VerdictNote({ dataset, verdict, onSync }: Props) {
  const name = dataset.dataset;
  const about = (tone: 'good' | 'warn' | 'bad', title: string, at: string | Date, children: ComponentChildren) => (
    <section class={`verdict ${tone}`} aria-label={`Comparison of ${datasetTitle(name)}`}>
      <Icon name={tone === 'good' ? 'check-circle' : 'alert-triangle'} />
      <div class="verdict-body">
        <p class="verdict-title">
          {title}
          <span class="dim">
            , <Ago at={at} />
          </span>
        </p>
        {children}
      </div>
      <button type="button" class="icon-button" aria-label="Close the comparison" onClick={() => forget(name)}>
        <Icon name="x" size={14} />
      </button>
    </section>
  );
  if (verdict.kind === 'told') {
    return about(
      verdict.equal ? 'good' : 'warn',
      verdict.equal ? 'Equal: the store has what the source has' : 'The store differs from the source',
      verdict.at,
      <p>It was compared elsewhere.{!verdict.equal && ' Verify here to see what differs.'}</p>,
    );
  }
  if (verdict.kind === 'failed') {
    const { error, at } = verdict;
    const { title, hint } = explain(error.code, error.status);
    return about(
      'bad',
      `It could not be compared. ${title}`,
      at,
      <>
        <p>{error.message}</p>
        <p class="dim">{hint}</p>
        <code>{error.code ?? `HTTP ${error.status}`}</code>
      </>,
    );
  }
  const { report } = verdict;
  const { title, lead, hint, tables } = said(report);
  return about(
    report.equal ? 'good' : 'warn',
    title,
    report.finished_at,
    <>
      <p>
        {lead}
        {dataset.generation > report.generation && ' The store has changed since.'}
      </p>
      {tables.length > 0 && (
        <ul>
          {tables.map(({ table, words }) => (
            <li key={table}>
              <b class="mono">{table}</b>: {words.join('; ')}
            </li>
          ))}
        </ul>
      )}
      {hint && <p class="dim">{hint}</p>}
      {!report.equal && !report.synced && (
        <Button small icon="refresh" onClick={onSync}>
          Sync and verify
        </Button>
      )}
    </>,
  );
}
