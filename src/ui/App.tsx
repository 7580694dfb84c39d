/** The page: header, block map, clips with the dock under them, and the dialogs above. */
import { useEffect } from 'react';
import { Filmstrip } from './clips/Filmstrip';
import { Transport } from './clips/Transport';
import { Viewer } from './clips/Viewer';
import { Dock } from './dock/Dock';
import { ExportPanel } from './export/ExportPanel';
import { BlockMap } from './map/BlockMap';
import { DropTarget } from './open/DropTarget';
import { OpenPanel } from './open/OpenPanel';
import { PictureWell } from './prompt/PictureWell';
import { PromptBar } from './prompt/PromptBar';
import { BlindTest } from './shelf/BlindTest';
import { Announcer } from './shell/Announcer';
import { Header } from './shell/Header';
import { HelpDialog } from './shell/HelpDialog';
import { Banners, ProblemPanel } from './shell/ProblemPanel';
import { onShortcut, onShortcutEnd } from './shortcuts';

export function App() {
  useEffect(() => {
    window.addEventListener('keydown', onShortcut);
    window.addEventListener('keyup', onShortcutEnd);
    return () => {
      window.removeEventListener('keydown', onShortcut);
      window.removeEventListener('keyup', onShortcutEnd);
    };
  }, []);
  return (
    <div className="app">
      <Header />
      <BlockMap />
      <main className="work">
        <PromptBar />
        <PictureWell />
        <Viewer />
        <Transport />
        <Filmstrip />
        <Dock />
      </main>
      <ExportPanel />
      <OpenPanel />
      <BlindTest />
      <HelpDialog />
      <ProblemPanel />
      <Banners />
      <DropTarget />
      <Announcer />
    </div>
  );
}
