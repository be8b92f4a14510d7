/** One case: what was said, and how it was judged. */

import { useResource } from '../../core/resource';
import { setQuery } from '../../core/router';
import { select } from '../../core/sql';
import { cell, moment, time, title } from '../../lib/format';
import { one } from '../../lib/signals-sql';
import { Dialog } from '../../ui/dialog';
import { Empty, Problem, Skeleton } from '../../ui/feedback';

interface Message {
  role: string;
  content: string;
}

export function CaseDialog({ relation, id }: { relation: string; id: string }) {
  const { data, error, reload } = useResource(id, (signal) => select(one(relation, id), { signal }));
  const row = data?.rows[0];
  const messages = parsed<Message[]>(row?.Full_Conversation) ?? [];
  const signals = parsed<Record<string, Record<string, unknown>>>(row?.signals) ?? {};
  return (
    <Dialog wide title={row?.Business ? String(row.Business) : 'Case'} onClose={() => setQuery({ case: null })}>
      {error && <Problem error={error} retry={reload} />}
      {!data && !error && <Skeleton lines={8} />}
      {data && !row && <Empty icon="search" title="This case is no longer there" />}
      {row && (
        <div class="case">
          <p class="dim small">
            {[row.source_name, row.source_component, row.environment, row.Agent_Name]
              .filter(Boolean)
              .map(String)
              .join(' · ')}{' '}
            · {moment(time(cell(row.Timestamp)))}
          </p>
          <ol class="conversation">
            {messages.map((message, index) => (
              <li key={index} class={message.role === 'user' ? 'user' : 'assistant'}>
                <span class="small dim">{message.role}</span>
                <p>{message.content}</p>
              </li>
            ))}
          </ol>
          <dl class="judged">
            {Object.entries(signals).map(([metric, values]) => (
              <div key={metric}>
                <dt>{title(metric)}</dt>
                <dd>
                  {Object.entries(values)
                    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
                    .map(([name, value]) => (
                      <span key={name} class="chip">
                        {title(name)}:{' '}
                        <b>
                          {Array.isArray(value)
                            ? value.join(', ')
                            : typeof value === 'boolean'
                              ? value
                                ? 'yes'
                                : 'no'
                              : cell(value)}
                        </b>
                      </span>
                    ))}
                </dd>
              </div>
            ))}
          </dl>
          <p class="dim small mono">{id}</p>
        </div>
      )}
    </Dialog>
  );
}

function parsed<T>(value: unknown): T | null {
  if (value !== null && typeof value === 'object') return value as T;
  try {
    return typeof value === 'string' ? (JSON.parse(value) as T) : null;
  } catch {
    return null;
  }
}
