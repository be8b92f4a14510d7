/** Asks for the API key and tries it before it counts. */

import { useId, useRef, useState } from 'preact/hooks';
import { failure, send } from '../core/api';
import { ApiError } from '../core/error';
import { answer, asking } from '../core/key';
import { Button } from './controls';
import { Dialog } from './dialog';

export function KeyDialog() {
  return asking.value ? <Asking wrong={asking.value.wrong} /> : null;
}

function Asking({ wrong }: { wrong: boolean }) {
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const [trying, setTrying] = useState(false);
  const [problem, setProblem] = useState<string | null>(wrong ? 'The key is no longer accepted.' : null);
  const submit = async () => {
    const key = field.current?.value.trim() ?? '';
    if (!key || trying) return;
    setTrying(true);
    try {
      const response = await send('/api/store/datasets', {}, key);
      if (response.status === 401) {
        setProblem('The server does not know this key. Check it for missing or extra characters.');
        field.current?.select();
      } else if (response.ok || response.status === 403) {
        answer(key);
      } else {
        throw await failure(response);
      }
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
    } finally {
      setTrying(false);
    }
  };
  return (
    <Dialog title="This server asks for a key" onClose={() => answer(null)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p class="dialog-text">
          Enter an API key or a token. It stays in the memory of this tab and is forgotten when you close or reload it.
        </p>
        <div class="field block">
          <label for={id}>API key</label>
          <input
            id={id}
            ref={field}
            type="password"
            autocomplete="off"
            spellcheck={false}
            autofocus
            required
            aria-invalid={problem !== null}
            aria-describedby={`${id}-problem`}
          />
        </div>
        <p id={`${id}-problem`} class="field-problem" role="alert">
          {problem}
        </p>
        <footer class="dialog-foot">
          <Button onClick={() => answer(null)}>Not now</Button>
          <Button kind="primary" type="submit" disabled={trying}>
            {trying ? 'Checking…' : 'Continue'}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
