/**
 * A plugin of the preview server: models are sent as they are. It would compress every file of a type that it does not
 * know, which for 20 MB of weights takes longer than it saves.
 */
import type { Plugin } from 'vite';

export function uncompressedModels(): Plugin {
  return {
    name: 'vdmini-uncompressed-models',
    configurePreviewServer({ middlewares }) {
      middlewares.use((request, _response, next) => {
        if (/\.onnx(\?|$)/.test(request.url ?? '')) delete request.headers['accept-encoding'];
        next();
      });
    },
  };
}
