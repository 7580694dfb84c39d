/** A process that opens one file after the other, and that its parent may kill. */
import { openFile } from './openFile';

process.on('message', (bytes: Uint8Array) => process.send!(openFile(bytes)));
process.send!('ready');
