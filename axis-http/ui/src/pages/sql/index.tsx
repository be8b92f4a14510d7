/** SELECTs of one's own: an editor, the answer as a table and as a quick chart. */

import { useMemo, useState } from 'preact/hooks';
import { enabled } from '../../core/datasets';
import { query, setQuery } from '../../core/router';
import { bytes, duration, plural } from '../../lib/format';
import { Button } from '../../ui/controls';
import { Empty, Problem } from '../../ui/feedback';
import { Page, Panel } from '../../ui/layout';
import { Answer } from './answer';
import { Editor } from './editor';
import { History, recall, remember } from './history';
import { useRun } from './run';
import { Schema } from './schema';

export default function Sql() {
  const first = enabled.value?.find((one) => one.relation && one.generation > 0)?.relation ?? 'monitoring_data';
  const [text, setText] = useState(
    () => query.value.get('q') ?? recall()[0]?.sql ?? `select *\nfrom ${first}\nlimit 100`,
  );
  const { result, error, running, since, run, cancel } = useRun();
  const start = (sql: string) => {
    if (!sql.trim()) return;
    setQuery({ q: sql }, 'replace');
    void run(sql).then((ended) =>
      remember({ sql, at: Date.now(), rows: ended.rows, elapsed: ended.elapsed, failed: ended.failed }),
    );
  };
  const size = useMemo(() => (result ? JSON.stringify(result.rows).length : 0), [result]);
  return (
    <Page title="SQL" lead="One SELECT in DuckDB’s SQL, on what is stored">
      <div class="sql">
        <Panel class="flush sql-editor">
          <Editor value={text} onChange={setText} onRun={() => start(text)} />
          <div class="sql-bar">
            {running ? (
              <Button kind="danger" icon="square" onClick={() => void cancel()}>
                Cancel
              </Button>
            ) : (
              <Button kind="primary" icon="play" onClick={() => start(text)} title="Ctrl+Enter">
                Run
              </Button>
            )}
            <kbd>Ctrl</kbd>
            <kbd>Enter</kbd>
            <span class="push" />
            {running && <Waiting since={since} />}
            {result && !running && (
              <span class="dim num" role="status">
                {plural(result.row_count, 'row')} in {duration(result.elapsed_ms)} · {bytes(size)}
                {result.truncated && ' · more were cut off'}
              </span>
            )}
          </div>
        </Panel>
        <div class="sql-answer">
          {error && <Problem error={error} />}
          {!result && !error && !running && (
            <Empty icon="terminal" title="No answer yet">
              Choose one of the relations, or write a SELECT and press Ctrl+Enter.
            </Empty>
          )}
          {result && <Answer result={result} busy={running} />}
        </div>
        <aside class="sql-side">
          <Schema onInsert={(relation) => setText(`select *\nfrom ${relation}\nlimit 100`)} />
          <History
            onChoose={(sql) => {
              setText(sql);
              start(sql);
            }}
          />
        </aside>
      </div>
    </Page>
  );
}

function Waiting({ since }: { since: number }) {
  return (
    <span class="dim num" role="status">
      <span class="spinner" aria-hidden="true" /> running since {new Date(since).toLocaleTimeString()}
    </span>
  );
}
