/** Why something failed, in plain words. */

import { explain } from '../../lib/words';
import { Ago } from '../../ui/layout';

interface Props {
  /** What failed, where that is not said by its place. */
  what?: string;
  code: string;
  message: string;
  at: string | null;
  /** What goes on all the same. */
  still?: string | false;
}

export function FailureNote({ what, code, message, at, still }: Props) {
  const { title, hint } = explain(code);
  return (
    <div class="failure" role="alert">
      <p class="failure-title">
        {what ?? title}
        {at && (
          <span class="dim">
            , <Ago at={at} />
          </span>
        )}
      </p>
      <p class="failure-message">{message}</p>
      <p class="dim">
        {hint} {still}
      </p>
      <code>{code}</code>
    </div>
  );
}
