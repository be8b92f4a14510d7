/** Buttons, choices and fields. */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icons';

interface ButtonProps {
  children?: ComponentChildren;
  icon?: IconName;
  kind?: 'plain' | 'primary' | 'danger';
  small?: boolean;
  disabled?: boolean;
  title?: string;
  label?: string;
  type?: 'button' | 'submit';
  onClick?: () => void;
}

export function Button({
  children,
  icon,
  kind = 'plain',
  small,
  disabled,
  title,
  label,
  type = 'button',
  onClick,
}: ButtonProps) {
  return (
    <button
      type={type}
      class={`button ${kind} ${small ? 'small' : ''} ${children ? '' : 'bare'}`}
      disabled={disabled}
      title={title ?? (children ? undefined : label)}
      aria-label={label}
      onClick={onClick}
    >
      {icon && <Icon name={icon} size={small ? 14 : 16} />}
      {children}
    </button>
  );
}

interface SelectProps {
  label: string;
  value: string;
  options: readonly (string | { value: string; label: string })[];
  /** What choosing nothing is called; without it something is always chosen. */
  any?: string;
  onChange: (value: string) => void;
}

export function Select({ label, value, options, any, onChange }: SelectProps) {
  const id = useId();
  const listed = options.map((option) => (typeof option === 'string' ? { value: option, label: option } : option));
  // A value from the address that is not in the list is shown all the same.
  if (value && !listed.some((option) => option.value === value)) listed.push({ value, label: value });
  return (
    <div class={`field ${value && any ? 'set' : ''}`}>
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {any !== undefined && <option value="">{any}</option>}
        {listed.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** How long typing may pause before it counts, in milliseconds. */
const TYPING = 250;

interface SearchProps {
  label: string;
  value: string;
  placeholder: string;
  onChange: (value: string) => void;
}

/** A field that `/` leads to, and that asks when typing pauses. */
export function Search({ label, value, placeholder, onChange }: SearchProps) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (event: JSX.TargetedEvent<HTMLInputElement>) => {
    const typed = event.currentTarget.value;
    setText(typed);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onChange(typed.trim()), TYPING);
  };
  return (
    <div class="search">
      <Icon name="search" />
      <input
        type="search"
        data-search
        value={text}
        placeholder={placeholder}
        aria-label={label}
        aria-keyshortcuts="/"
        onInput={type}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

/** One of a few, all of them in sight. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="hidden">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option} class={option === value ? 'on' : ''}>
          <input type="radio" name={name} value={option} checked={option === value} onChange={() => onChange(option)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface TabsProps<T extends string> {
  label: string;
  value: T;
  tabs: readonly (readonly [T, string])[];
  /** The element that a tab shows. */
  controls: string;
  onChange: (value: T) => void;
}

/** Tabs that the arrow keys, Home and End move between. */
export function Tabs<T extends string>({ label, value, tabs, controls, onChange }: TabsProps<T>) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: JSX.TargetedKeyboardEvent<HTMLDivElement>) => {
    const at = tabs.findIndex(([tab]) => tab === value);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    const to = next === undefined ? undefined : (next + tabs.length) % tabs.length;
    const chosen = to === undefined ? undefined : tabs[to];
    if (!chosen || to === undefined) return;
    event.preventDefault();
    onChange(chosen[0]);
    (list.current?.children[to] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
      {tabs.map(([tab, text]) => (
        <button
          key={tab}
          type="button"
          role="tab"
          aria-selected={tab === value}
          aria-controls={controls}
          tabIndex={tab === value ? 0 : -1}
          onClick={() => onChange(tab)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
