/** The page: header, block map on the left, clips and metrics on the right, panels above. */
import { useEffect } from 'react';
import { Filmstrip } from './clips/Filmstrip';
import { Transport } from './clips/Transport';
import { Viewer } from './clips/Viewer';
import { ExportPanel } from './export/ExportPanel';
import { BlockMap } from './map/BlockMap';
import { MetricsPanel } from './metrics/MetricsPanel';
import { DropTarget } from './open/DropTarget';
import { OpenPanel } from './open/OpenPanel';
import { PromptBar } from './prompt/PromptBar';
import { Header } from './shell/Header';
import { Banners, ProblemPanel } from './shell/ProblemPanel';
import { onShortcut } from './shortcuts';

export function App() {
  useEffect(() => {
    window.addEventListener('keydown', onShortcut);
    return () => window.removeEventListener('keydown', onShortcut);
  }, []);
  return (
    <div className="app">
      <Header />
      <BlockMap />
      <main className="work">
        <PromptBar />
        <Viewer />
        <Transport />
        <Filmstrip />
        <MetricsPanel />
      </main>
      <ExportPanel />
      <OpenPanel />
      <ProblemPanel />
      <Banners />
      <DropTarget />
    </div>
  );
}
