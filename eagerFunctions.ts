/**
 * A plugin of the build: says of what every visit runs that all of its functions are called on load, so that Chromium compiles
 * them beside the download and not one by one when they are first called (explicit compile hints). A comment to other engines.
 * What few visits need (charts, scores, runtimes of other browsers) is left to be compiled when it is called.
 */
import type { Plugin } from 'vite';

const ON_EVERY_VISIT = /^(index|start|state|showPage|worker|ort\.jspi\.bundle\.min)$/;

export function eagerFunctions(): Plugin {
  return {
    name: 'vdmini-eager-functions',
    apply: 'build',
    generateBundle: {
      order: 'post', // the hint counts in the first line alone
      handler(_, bundle) {
        for (const chunk of Object.values(bundle))
          if (chunk.type === 'chunk' && ON_EVERY_VISIT.test(chunk.name))
            chunk.code = `//# allFunctionsCalledOnLoad\n${chunk.code}`;
      },
    },
  };
}
