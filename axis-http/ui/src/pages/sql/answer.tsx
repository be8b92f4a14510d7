/** An answer, as a table or as a quick chart. */

import { useState } from 'preact/hooks';
import type { Result } from '../../core/sql';
import { csv, download } from '../../lib/csv';
import { count } from '../../lib/format';
import { Button, Tabs } from '../../ui/controls';
import { Empty } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import { QuickChart } from './chart';
import { Results } from './results';

const VIEWS = [
  ['table', 'Table'],
  ['chart', 'Chart'],
] as const;

export function Answer({ result, busy }: { result: Result; busy: boolean }) {
  const [view, setView] = useState<'table' | 'chart'>('table');
  const names = result.columns.map((column) => column.name);
  return (
    <Panel
      class="flush"
      busy={busy}
      title={<Tabs label="Views" value={view} tabs={VIEWS} controls="answer" onChange={setView} />}
      actions={
        <Button small icon="download" onClick={() => download('query.csv', [csv(names, result.rows)])}>
          CSV
        </Button>
      }
    >
      <div id="answer" role="tabpanel">
        <Shown result={result} view={view} />
      </div>
    </Panel>
  );
}

function Shown({ result, view }: { result: Result; view: 'table' | 'chart' }) {
  if (result.rows.length === 0) {
    return (
      <Empty icon="table" title="The answer has no rows">
        It has {count(result.columns.length)} columns.
      </Empty>
    );
  }
  return view === 'table' ? <Results result={result} /> : <QuickChart result={result} />;
}
