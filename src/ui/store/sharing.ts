/** Copies what the page shows: as a link, or as a command. The link is the address, brought up to date first. */
import { commandFor } from '../plan/command';
import { updateAddress } from './address';
import { showNotice } from './engine';
import { read } from './state';

export async function copyLink(): Promise<void> {
  updateAddress();
  const { open } = read();
  const away = open !== null && open.folder.kind !== 'url';
  await copy(
    window.location.href,
    away ? 'Link copied: it holds settings and plan; the model’s files it cannot.' : 'Link copied.',
  );
}

export async function copyCommand(): Promise<void> {
  const { open, settings, plan } = read();
  if (open) await copy(commandFor({ folder: open.folder, settings, dropped: plan.dropped }), 'Command copied.');
}

async function copy(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    showNotice(done);
  } catch {
    showNotice(`The browser does not let this page copy. Copy it from here: ${text}`);
  }
}
