import { render } from 'preact';
import { App } from './app';
import { startBranding } from './core/branding';
import { start } from './core/datasets';

const root = document.getElementById('app');
if (root) {
  root.replaceChildren();
  render(<App />, root);
  start();
  startBranding();
}
