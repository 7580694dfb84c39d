/** What is shown when the page itself fails to draw: a sentence and a way on, instead of nothing. */
import { Component, type ReactNode } from 'react';

export class CrashScreen extends Component<{ readonly children: ReactNode }, { readonly message: string | null }> {
  override state = { message: null };

  static getDerivedStateFromError(error: unknown) {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render() {
    if (this.state.message === null) return this.props.children;
    return (
      <div className="crash" role="alert" data-testid="crash">
        <h1>The page could not be drawn.</h1>
        <p>Reload it; plan and settings are kept. Please report this: {this.state.message}</p>
        <button type="button" className="button primary" onClick={() => window.location.reload()}>
          Reload
        </button>
      </div>
    );
  }
}
