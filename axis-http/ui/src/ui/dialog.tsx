/** Dialogs: the browser's own, which keep the focus and close with Escape. */

import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Button } from './controls';

interface DialogProps {
  title: string;
  wide?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, wide, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    // What comes first is read first; the button that closes is not what people open a dialog for.
    (opened?.querySelector<HTMLElement>('[autofocus]') ?? opened?.querySelector('h2'))?.focus();
    return () => opened?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide ? 'wide' : ''}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={heading} tabIndex={-1}>
            {title}
          </h2>
          <Button small icon="x" label="Close" onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface Question {
  title: string;
  text: ComponentChildren;
  action: string;
  danger?: boolean;
  then: () => void;
}

const question = signal<Question | null>(null);

/** Asks whether something shall really be done. */
export function confirm(asked: Question): void {
  question.value = asked;
}

export function Confirmation() {
  const asked = question.value;
  if (!asked) return null;
  const close = () => (question.value = null);
  return (
    <Dialog title={asked.title} onClose={close}>
      <div class="dialog-text">{asked.text}</div>
      <footer class="dialog-foot">
        <Button onClick={close}>Keep as it is</Button>
        <Button
          kind={asked.danger ? 'danger' : 'primary'}
          onClick={() => {
            close();
            asked.then();
          }}
        >
          {asked.action}
        </Button>
      </footer>
    </Dialog>
  );
}
