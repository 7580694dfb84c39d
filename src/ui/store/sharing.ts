/** Copies what the page shows: as a link, or as a command. The link is the address, brought up to date first. */
import { planOfComponent } from '../../blocks/plan';
import { askedSize, commandFor } from '../plan/command';
import { healCommand } from '../plan/healCommand';
import { updateAddress } from './address';
import { showNotice } from './engine';
import { healSettings } from './healing';
import { read } from './state';

export async function copyLink(): Promise<void> {
  updateAddress();
  const { open, settings } = read();
  const missing = [
    ...(open !== null && open.folder.kind !== 'url' ? ['the model’s files'] : []),
    ...(settings.image && !open?.description.image?.examples.includes(settings.image.name ?? '')
      ? ['your picture']
      : []),
  ];
  await copy(
    window.location.href,
    missing.length > 0 ? `Link copied: it holds settings and plan, but not ${missing.join(' and ')}.` : 'Link copied.',
  );
}

export async function copyCommand(): Promise<void> {
  const { open, settings, plan } = read();
  if (!open) return;
  const size = askedSize(open.latentSize, open.description.latent);
  await copy(commandFor({ folder: open.folder, settings, dropped: plan.dropped, size }), 'Command copied.');
}

export async function copyHealCommand(): Promise<void> {
  const { open, plan } = read();
  const settings = healSettings();
  if (!open || !settings) return;
  const dropped = planOfComponent(plan, 'denoiser').dropped;
  const { folder, description, latentSize } = open;
  const size = askedSize(latentSize, description.latent);
  await copy(healCommand({ folder, dropped, settings, defaults: description.defaults, size }), 'Command copied.');
}

async function copy(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    showNotice(done);
  } catch {
    showNotice(`The browser does not let this page copy. Copy it from here: ${text}`);
  }
}
